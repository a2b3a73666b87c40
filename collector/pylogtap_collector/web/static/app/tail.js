import { Unreachable, address, parseJson, send } from "./api.js";

// Server-sent events read by `fetch`: unlike EventSource it can carry a key and says why it was refused.

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8_000;
const SILENCE_MAX_MS = 60_000; // the collector sends a sign of life far more often
const GATHER_MS = 120; // records that come together are shown together

/**
 * Cut a stream of text into events (HTML standard, 9.2.6).
 * @param {(event: {name: string, data: string, id: string | null}) => void} onEvent
 * @returns {(chunk: string) => void}
 */
export function eventReader(onEvent) {
  let rest = "";
  let name = "message";
  /** @type {string[]} */
  let data = [];
  /** @type {string | null} */
  let id = null;
  const line = (/** @type {string} */ text) => {
    if (text === "") {
      if (data.length) onEvent({ name, data: data.join("\n"), id });
      name = "message";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") name = value;
    else if (field === "id") id = value;
  };
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = /** @type {string} */ (lines.pop());
    for (const text of lines) line(text.endsWith("\r") ? text.slice(0, -1) : text);
  };
}

/**
 * @typedef {object} TailEvents
 * @property {(logs: import("./types.js").LogRecord[]) => void} onLogs
 * @property {(state: "open" | "lost" | "closed") => void} onState
 * @property {(error: Error) => void} onRefused  the collector said no; there will be no other attempt
 * @property {(after: number | null) => Promise<number | null>} onReturn  asked before going on after a loss: behind which id
 */

/** Follows the records that match a query, over losses of the connection. */
export class Tail {
  /** @param {TailEvents} events */
  constructor(events) {
    this.events = events;
    /** @type {AbortController | null} */
    this.controller = null;
    /** @type {number | null} */
    this.after = null;
    this.wake = () => {};
    addEventListener("online", () => this.wake());
  }

  /**
   * Follow a query from now on.
   * @param {string} q
   * @param {number | null} after id of the newest record that is known
   */
  start(q, after) {
    this.controller?.abort();
    this.controller = new AbortController();
    this.after = after;
    void this.#follow(q, this.controller.signal);
  }

  stop() {
    this.controller?.abort();
    this.controller = null;
    this.events.onState("closed");
  }

  /** @param {string} q @param {AbortSignal} signal */
  async #follow(q, signal) {
    let wait = FIRST_WAIT_MS;
    for (let lost = false; !signal.aborted; lost = true) {
      try {
        if (lost) this.after = await this.events.onReturn(this.after);
        if (signal.aborted) return;
        await this.#read(q, signal, () => {
          wait = FIRST_WAIT_MS;
          this.events.onState("open");
        });
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Unreachable) && !isPassing(error)) {
          this.events.onRefused(/** @type {Error} */ (error));
          return;
        }
      }
      if (signal.aborted) return;
      this.events.onState("lost");
      await this.#sleep(wait * (0.7 + 0.6 * Math.random()));
      wait = Math.min(LONGEST_WAIT_MS, wait * 1.8);
    }
  }

  /** @param {string} q @param {AbortSignal} signal @param {() => void} onOpen */
  async #read(q, signal, onOpen) {
    const quiet = new AbortController();
    const answer = await send(address("/logs/tail", { q, after: this.after }), {
      signal: AbortSignal.any([signal, quiet.signal]),
      headers: { Accept: "text/event-stream" },
    });
    onOpen();
    const gathered = new Gathered((logs) => signal.aborted || this.events.onLogs(logs));
    const feed = eventReader((event) => {
      if (event.name === "message" || event.name === "log") {
        const log = parseJson(event.data);
        this.after = Math.max(this.after ?? 0, log.id);
        gathered.add(log);
      }
    });
    const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const timer = setTimeout(() => quiet.abort(), SILENCE_MAX_MS);
        const { done, value } = await reader.read().finally(() => clearTimeout(timer));
        if (done) return;
        feed(decoder.decode(value, { stream: true }));
      }
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Unreachable("The connection was lost.");
    } finally {
      gathered.flush();
    }
  }

  /** @param {number} delay_ms */
  #sleep(delay_ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delay_ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }
}

/** Whether trying again is worth while. @param {unknown} error */
function isPassing(error) {
  const status = /** @type {{status?: number}} */ (error).status ?? 0;
  return status === 429 || status >= 500;
}

/** Hands records on in groups, so that a burst costs one drawing. */
class Gathered {
  /** @param {(logs: import("./types.js").LogRecord[]) => unknown} give */
  constructor(give) {
    this.give = give;
    /** @type {import("./types.js").LogRecord[]} */
    this.logs = [];
    this.timer = 0;
  }

  /** @param {import("./types.js").LogRecord} log */
  add(log) {
    this.logs.push(log);
    this.timer ||= setTimeout(() => this.flush(), GATHER_MS);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = 0;
    const logs = this.logs;
    this.logs = [];
    if (logs.length) this.give(logs);
  }
}
