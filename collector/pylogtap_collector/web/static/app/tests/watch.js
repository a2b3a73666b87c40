import { Refused, get } from "../api.js";
import { banner } from "../notices.js";
import { micros } from "../times.js";

/** @typedef {import("./types.js").Case} Case */
/** @typedef {import("./types.js").Run} Run */

const EVERY_MS = 1_000;
const SILENT_EVERY_MS = 10_000; // a run that nothing is heard of may be heard of again
const LOST_EVERY_MS = 3_000;
const PAGE = 500;

/**
 * @typedef {object} WatchEvents
 * @property {(run: Run) => void} onRun  after the cases that belong to it
 * @property {(cases: Case[]) => void} onCases  something of them came
 * @property {(error: Error) => void} onRefused
 */

/** Follows a run while it runs and somebody looks: what comes of it is asked for about once a second. */
export class Watch {
  /** @param {WatchEvents} events */
  constructor(events) {
    this.events = events;
    this.timer = 0;
    this.turn = 0; // what was asked for before a stop is of no interest
    /** @type {Run | null} */
    this.run = null;
    this.after = "";
    this.lost = false;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.run) void this.#ask(this.turn);
    });
  }

  /** Follow a run from what is known of it. @param {Run} run */
  start(run) {
    this.stop();
    this.run = run;
    this.after = run.changed;
    this.#next();
  }

  stop() {
    this.turn += 1;
    this.run = null;
    clearTimeout(this.timer);
    if (this.lost) banner(null);
    this.lost = false;
  }

  #next() {
    clearTimeout(this.timer);
    const { run, turn } = this;
    if (!run || document.hidden || !goesOn(run)) return;
    const pause = this.lost ? LOST_EVERY_MS : run.state === "running" ? EVERY_MS : SILENT_EVERY_MS;
    this.timer = setTimeout(() => void this.#ask(turn), pause);
  }

  /** @param {number} turn */
  async #ask(turn) {
    clearTimeout(this.timer);
    const known = this.run;
    if (!known || turn !== this.turn || !goesOn(known)) return;
    try {
      const run = await get(`/tests/runs/${known.id}`); // first: cases that come later come with the next turn
      const cases = run.changed === known.changed && !this.lost ? [] : await this.#changed(known.id);
      if (turn !== this.turn) return;
      this.#found(true);
      this.run = run;
      if (cases.length) this.events.onCases(cases);
      this.events.onRun(run);
    } catch (error) {
      if (turn !== this.turn) return;
      if (error instanceof Refused) return this.#refused(error);
      this.#found(false);
    }
    this.#next();
  }

  /** @param {string} run @returns {Promise<Case[]>} */
  async #changed(run) {
    const cases = [];
    let cursor = null;
    do {
      const asked = { run, changed_after: this.after, limit: PAGE, cursor };
      const page = await get("/tests/cases", asked);
      cases.push(...page.items);
      cursor = page.next;
    } while (cursor);
    for (const one of cases) if (micros(one.changed) > micros(this.after)) this.after = one.changed;
    return cases;
  }

  /** @param {Refused} error */
  #refused(error) {
    this.stop();
    this.events.onRefused(error);
  }

  /** @param {boolean} found whether the collector answered */
  #found(found) {
    if (found === !this.lost) return;
    this.lost = !found;
    banner(found ? null : "The collector does not answer. Trying again …");
  }
}

/** Whether more may come of a run. @param {Run} run */
const goesOn = (run) => run.state === "running" || (run.state === "interrupted" && run.ended === null);
