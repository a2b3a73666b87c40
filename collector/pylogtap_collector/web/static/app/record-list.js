import { el } from "./dom.js";
import { rowOf } from "./row.js";
import { micros } from "./times.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */
/** @typedef {{log: LogRecord, at: number}} Entry */

const AHEAD = 12; // rows drawn above and below what is seen
const NEAR_TOP = 40; // rows above when older ones are asked for
const KEPT_MAX = 60_000;

/**
 * @typedef {object} ListEvents
 * @property {() => void} onTop  older records are wanted
 * @property {(log: LogRecord) => void} onOpen  a row was chosen
 * @property {(follows: boolean) => void} onFollow  whether the newest row is in view and nothing holds the list
 */

/**
 * Records in the order of their time, the newest below. Only the rows in view exist as elements; all have one
 * height, so what is read stays where it is, whatever comes above or below.
 */
export class RecordList {
  /** @param {HTMLElement} host scrolls @param {ListEvents} events */
  constructor(host, events) {
    this.host = host;
    this.events = events;
    /** @type {Entry[]} */
    this.entries = [];
    /** @type {Set<number>} */
    this.ids = new Set();
    /** @type {Map<number, HTMLElement>} */
    this.rows = new Map();
    /** @type {number | null} id of the row that the keyboard is at */
    this.current = null;
    this.held = false;
    this.follows = true;
    this.rowHeight = 26;
    /** Whether old records were forgotten while the newest were watched. */
    this.trimmed = false;
    /** @type {import("./times.js").Zone} */
    this.zone = "local";
    this.track = el("div.track", { role: "presentation" });
    host.append(this.track);
    host.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.track.addEventListener("click", (event) => this.#clicked(event));
    new ResizeObserver(() => this.measure()).observe(host);
    this.measure();
  }

  get length() {
    return this.entries.length;
  }

  get oldest() {
    return this.entries[0]?.log ?? null;
  }

  /** Ids grow with arrival, so the greatest is behind which the tail goes on. */
  get newestId() {
    return this.entries.reduce((greatest, entry) => Math.max(greatest, entry.log.id), 0);
  }

  /** Read the height of a row again, after the window, the density or the font changed. */
  measure() {
    const bottom = this.follows;
    this.rowHeight = parseFloat(getComputedStyle(this.host).getPropertyValue("--row")) || 26;
    this.redraw();
    if (bottom) this.toEnd();
  }

  /** @param {import("./times.js").Zone} zone */
  setZone(zone) {
    this.zone = zone;
    this.redraw();
  }

  /** Show other records. @param {LogRecord[]} logs in any order */
  replace(logs) {
    this.entries = [];
    this.ids.clear();
    this.current = null;
    this.#clear();
    this.add(logs);
    this.toEnd();
  }

  /**
   * Put records where their time puts them.
   * @param {LogRecord[]} logs
   * @returns {number} how many were new
   */
  add(logs) {
    const fresh = logs.filter((log) => !this.ids.has(log.id)).map((log) => ({ log, at: micros(log.time) }));
    if (!fresh.length) return 0;
    for (const entry of fresh) this.ids.add(entry.log.id);
    fresh.sort(order);
    const seen = this.#firstInView();
    const stays = this.entries[seen];
    this.entries = merged(this.entries, fresh);
    if (this.follows) {
      this.#trim();
      this.#draw();
      this.toEnd();
    } else {
      this.track.style.height = `${this.entries.length * this.rowHeight}px`;
      const moved = stays ? this.entries.indexOf(stays, seen) - seen : 0;
      if (moved) this.host.scrollTop += moved * this.rowHeight;
      this.#draw();
    }
    return fresh.length;
  }

  /** A record changed. @param {LogRecord} log */
  update(log) {
    const index = this.indexOf(log.id);
    if (index < 0) return;
    this.entries[index] = { ...this.entries[index], log };
    this.rows.get(log.id)?.remove();
    this.rows.delete(log.id);
    this.#draw();
  }

  /** @param {number | null} id */
  indexOf(id) {
    return id !== null && this.ids.has(id) ? this.entries.findIndex((entry) => entry.log.id === id) : -1;
  }

  /** Make a row the current one and bring it into view. @param {number} index @returns {LogRecord | null} */
  moveTo(index) {
    const entry = this.entries[Math.max(0, Math.min(this.entries.length - 1, index))];
    if (!entry) return null;
    this.mark(entry.log.id);
    const at = this.entries.indexOf(entry);
    const top = at * this.rowHeight;
    const room = this.host.clientHeight;
    if (top < this.host.scrollTop) this.host.scrollTop = top - this.rowHeight;
    else if (top + 2 * this.rowHeight > this.host.scrollTop + room)
      this.host.scrollTop = top + 2 * this.rowHeight - room;
    this.#draw();
    return entry.log;
  }

  /** @param {number | null} id */
  mark(id) {
    this.current = id;
    for (const [rowId, row] of this.rows) row.setAttribute("aria-selected", String(rowId === id));
    if (id !== null && this.ids.has(id)) this.host.setAttribute("aria-activedescendant", `record-${id}`);
    else this.host.removeAttribute("aria-activedescendant");
  }

  /** While a record is unfolded, the list holds still. @param {boolean} held */
  hold(held) {
    this.held = held;
    this.#noteFollow();
  }

  toEnd() {
    this.host.scrollTop = this.host.scrollHeight;
    this.#noteFollow();
  }

  redraw() {
    this.#clear();
    this.#draw();
  }

  #clear() {
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
  }

  #firstInView() {
    return Math.min(this.entries.length - 1, Math.max(0, Math.floor(this.host.scrollTop / this.rowHeight)));
  }

  #scrolled() {
    this.#noteFollow();
    this.#draw();
    if (this.entries.length && this.#firstInView() < NEAR_TOP) this.events.onTop();
  }

  #noteFollow() {
    const below = this.host.scrollHeight - this.host.clientHeight - this.host.scrollTop;
    const follows = !this.held && below < this.rowHeight * 1.5;
    if (follows === this.follows) return;
    this.follows = follows;
    this.events.onFollow(follows);
  }

  /** Forget the oldest while the newest are watched; they can be loaded again. */
  #trim() {
    const excess = this.entries.length - KEPT_MAX;
    if (excess <= 0) return;
    for (const entry of this.entries.splice(0, excess)) this.ids.delete(entry.log.id);
    this.trimmed = true;
  }

  #draw() {
    const total = this.entries.length;
    this.track.style.height = `${total * this.rowHeight}px`;
    const first = Math.max(0, Math.floor(this.host.scrollTop / this.rowHeight) - AHEAD);
    const last = Math.min(
      total,
      Math.ceil((this.host.scrollTop + this.host.clientHeight) / this.rowHeight) + AHEAD,
    );
    const wanted = new Set();
    const now = Date.now();
    for (let index = first; index < last; index += 1) wanted.add(this.#place(index, total, now));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      row.remove();
      this.rows.delete(id);
    }
  }

  /** @param {number} index @param {number} total @param {number} now */
  #place(index, total, now) {
    const { log } = this.entries[index];
    let row = this.rows.get(log.id);
    if (!row) {
      row = rowOf(log, this.zone, now);
      row.setAttribute("aria-selected", String(log.id === this.current));
      this.rows.set(log.id, row);
      this.track.append(row);
    }
    row.style.transform = `translateY(${index * this.rowHeight}px)`;
    row.setAttribute("aria-posinset", String(index + 1));
    row.setAttribute("aria-setsize", String(total));
    return log.id;
  }

  /** @param {Event} event */
  #clicked(event) {
    const row = /** @type {HTMLElement} */ (event.target).closest(".row");
    const index = row ? this.indexOf(Number(/** @type {HTMLElement} */ (row).dataset.id)) : -1;
    const chosen = getSelection()?.toString();
    if (index >= 0 && !chosen) this.events.onOpen(this.entries[index].log);
  }
}

/** @param {Entry} a @param {Entry} b */
const order = (a, b) => a.at - b.at || a.log.id - b.log.id;

/**
 * Two sorted lists as one. Most of the time one is wholly before the other.
 * @param {Entry[]} old
 * @param {Entry[]} fresh
 */
function merged(old, fresh) {
  if (!old.length || order(old[old.length - 1], fresh[0]) < 0) return old.concat(fresh);
  if (order(fresh[fresh.length - 1], old[0]) < 0) return fresh.concat(old);
  return old.concat(fresh).sort(order);
}
