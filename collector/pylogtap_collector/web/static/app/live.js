import { Refused, clock, get } from "./api.js";
import { byId, icon } from "./dom.js";
import { announce, banner, notice } from "./notices.js";
import { Tail } from "./tail.js";
import { counted } from "./text.js";
import { lengthMs, micros } from "./times.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */
/** @typedef {import("./state.js").View} View */

const COUNT_EVERY_MS = 2_500;
const SLIDE_EVERY_MS = 20_000; // a range that ends now moves on, also when nothing comes
const SAY_EVERY_MS = 6_000;

/**
 * @typedef {object} LiveParts
 * @property {import("./record-list.js").RecordList} list
 * @property {import("./results.js").Results} results
 * @property {() => View} view
 * @property {() => Promise<void>} reload
 * @property {(error: Error) => void} onRefused
 */

/** The live tail: what comes in appears below; what is being read stays where it is. */
export class Live {
  /** @param {LiveParts} parts */
  constructor(parts) {
    this.parts = parts;
    this.button = byId("live");
    this.pill = byId("newer");
    this.waiting = 0;
    this.unsaid = 0;
    this.on = false;
    this.countedAt = 0;
    this.countTimer = 0;
    this.tail = new Tail({
      onLogs: (logs) => this.#arrived(logs),
      onState: (state) => this.#connection(state),
      onRefused: parts.onRefused,
      onReturn: (after) => this.#returned(after),
    });
    this.pill.addEventListener("click", () => this.parts.list.toEnd());
    setInterval(() => this.on && !document.hidden && this.#countSoon(), SLIDE_EVERY_MS);
    setInterval(() => this.#say(), SAY_EVERY_MS);
  }

  /** Begin to follow the view, from the records that are shown. */
  start() {
    const { list, results, view } = this.parts;
    this.on = true;
    this.#show("connecting");
    this.tail.start(view().q, list.newestId || results.elsewhere?.id || 0);
  }

  stop() {
    if (this.on) {
      this.on = false;
      this.tail.stop();
      banner(null);
    }
    this.#show("off");
  }

  /** The list follows again, or was left. @param {boolean} follows */
  followed(follows) {
    if (follows) this.waiting = 0;
    this.#drawPill();
    if (this.on) this.#show(this.open ? (follows ? "on" : "paused") : "connecting");
  }

  /** @param {LogRecord[]} logs */
  #arrived(logs) {
    const { list } = this.parts;
    const since = earliest(this.parts.view().since);
    const fits = logs.filter((log) => micros(log.time) >= since);
    const fresh = list.add(fits);
    if (!fresh) return;
    notice(null);
    this.unsaid += fresh;
    if (!list.follows) this.waiting += fresh;
    this.#drawPill();
    this.#countSoon();
  }

  #drawPill() {
    this.pill.hidden = this.waiting === 0;
    this.pill.replaceChildren(icon("bottom"), counted(this.waiting, "new record"));
  }

  #countSoon() {
    if (this.countTimer) return;
    const wait = Math.max(0, this.countedAt + COUNT_EVERY_MS - Date.now());
    this.countTimer = setTimeout(() => {
      this.countTimer = 0;
      this.countedAt = Date.now();
      void this.parts.results.count();
    }, wait);
  }

  #say() {
    if (this.unsaid) announce(counted(this.unsaid, "new record"));
    this.unsaid = 0;
  }

  /** @param {"open" | "lost" | "closed"} state */
  #connection(state) {
    this.open = state === "open";
    if (!this.on) return;
    this.#show(this.open ? (this.parts.list.follows ? "on" : "paused") : "connecting");
    banner(
      state === "lost"
        ? "The collector does not answer. Trying again; nothing is lost, programs keep their logs until it is back."
        : null,
    );
  }

  /**
   * After a loss: is it the same store as before? A collector that kept its logs in memory has none of them now,
   * and numbers new ones from the beginning.
   * @param {number | null} after
   */
  async #returned(after) {
    if (!after) return after;
    try {
      await get(`/logs/${after}`);
      void this.parts.results.count();
      return after;
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
    }
    await this.parts.reload();
    return this.parts.list.newestId || this.parts.results.elsewhere?.id || 0;
  }

  /** @param {"on" | "paused" | "connecting" | "off"} state */
  #show(state) {
    this.button.dataset.state = state;
    byId("live-text").textContent = state === "paused" ? "Paused" : "Live";
    this.button.setAttribute("aria-pressed", String(state !== "off"));
    this.button.title = {
      on: "Live: new records appear as they come (l)",
      paused: "Live, held while you read: new records wait below (l)",
      connecting: "Connecting …",
      off: "Live tail is off (l)",
    }[state];
  }
}

/**
 * Where a range begins, in microseconds since the epoch.
 * @param {string} since
 */
function earliest(since) {
  const length = lengthMs(since);
  if (length !== null) return (clock.now() - length) * 1000;
  const at = micros(since);
  return Number.isNaN(at) ? -Infinity : at;
}
