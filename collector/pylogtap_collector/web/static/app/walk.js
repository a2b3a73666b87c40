import { toast } from "./notices.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */

const ERROR = 17; // the least severity of one
const PAGES_MAX = 20; // that a search for an error loads

/**
 * @typedef {object} WalkEvents
 * @property {() => Promise<boolean>} older  load a page of older records; whether there may be more
 * @property {(log: LogRecord) => void} onStep  a record became the current one
 */

/** From record to record, by keys or buttons. */
export class Walk {
  /** @param {import("./record-list.js").RecordList} list @param {WalkEvents} events */
  constructor(list, events) {
    this.list = list;
    this.events = events;
  }

  /** To a neighbour; without a current record to the newest, or the oldest. @param {number} by */
  step(by) {
    const { list } = this;
    const at = list.indexOf(list.current);
    this.#moveTo(at < 0 ? (by < 0 ? list.length - 1 : 0) : at + by);
  }

  /** To the next or previous error; older pages are loaded until one is found. @param {number} by */
  async toError(by) {
    const { list } = this;
    let from = list.indexOf(list.current);
    if (from < 0) from = by < 0 ? list.length : -1;
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      for (let at = from + by; at >= 0 && at < list.length; at += by)
        if (list.entries[at].log.severity_number >= ERROR) return this.#moveTo(at);
      if (by > 0) break;
      const before = list.length;
      const more = await this.events.older();
      from = list.length - before;
      if (!more && from === 0) break;
    }
    toast(by < 0 ? "No error before this" : "No error after this");
  }

  /** @param {number} index */
  #moveTo(index) {
    const log = this.list.moveTo(index);
    if (log) this.events.onStep(log);
  }
}
