import { el } from "../dom.js";
import { partsOf } from "./case-row.js";
import { classOf } from "./states.js";

/** @typedef {import("./types.js").Case} Case */

const AHEAD = 12; // rows drawn above and below what is seen
const NEAR_END = 60; // rows below when more are asked for

/**
 * @typedef {object} ListEvents
 * @property {(one: Case) => void} onOpen
 * @property {() => void} onEnd  more are wanted
 */

/**
 * The cases of a run, however many: rows in view alone exist as elements, and all have one height. It scrolls
 * with what stands above it.
 */
export class CaseList {
  /** @param {HTMLElement} scroller what scrolls @param {ListEvents} events */
  constructor(scroller, events) {
    this.scroller = scroller;
    this.events = events;
    /** @type {string[]} ids in their order */
    this.order = [];
    /** @type {Map<string, Case>} */
    this.cases = new Map();
    /** @type {Map<string, {node: HTMLElement, one: Case}>} */
    this.rows = new Map();
    this.current = "";
    /** @type {number | undefined} of a row, in CSS pixels; undefined: to be read again */
    this.height = undefined;
    this.track = el("div.track", { role: "presentation" });
    this.node = el("div.case-list", { role: "listbox", tabindex: 0, "aria-label": "Cases" }, this.track);
    this.track.addEventListener("click", (event) => this.#clicked(event));
    scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(scroller);
  }

  get length() {
    return this.order.length;
  }

  /** Show other cases. @param {Case[]} cases */
  replace(cases) {
    for (const { node } of this.rows.values()) node.remove();
    this.rows.clear();
    this.order = [];
    this.cases.clear();
    this.append(cases);
  }

  /** Add what comes behind. @param {Case[]} cases */
  append(cases) {
    for (const one of cases) {
      if (!this.cases.has(one.id)) this.order.push(one.id);
      this.cases.set(one.id, one);
    }
    this.draw();
  }

  /**
   * Take in what changed: known cases stay where they are, new ones come to the top.
   * @param {Case[]} changed
   * @param {(one: Case) => boolean} fits whether a case is wanted here
   */
  apply(changed, fits) {
    const fresh = [];
    let gone = false;
    for (const one of changed) {
      const known = this.cases.has(one.id);
      if (fits(one)) {
        this.cases.set(one.id, one);
        if (!known) fresh.push(one.id);
      } else gone = this.cases.delete(one.id) || gone;
    }
    if (gone) this.order = this.order.filter((id) => this.cases.has(id));
    if (fresh.length) {
      this.order = fresh.reverse().concat(this.order);
      this.#keepPlace(fresh.length);
    }
    this.draw();
  }

  /** @param {string} id */
  mark(id) {
    this.current = id;
    for (const [rowId, { node }] of this.rows) node.setAttribute("aria-selected", String(rowId === id));
    if (this.rows.has(id)) this.node.setAttribute("aria-activedescendant", `case-${id}`);
    else this.node.removeAttribute("aria-activedescendant");
  }

  /**
   * Go to the case that stands some rows from the current one.
   * @param {number} by
   * @returns {Case | null}
   */
  step(by) {
    const at = this.order.indexOf(this.current);
    const to = at < 0 ? 0 : Math.max(0, Math.min(this.order.length - 1, at + by));
    const found = this.cases.get(this.order[to] ?? "") ?? null;
    if (!found) return null;
    const head = this.scroller.querySelector(".sticky")?.clientHeight ?? 0;
    const top = this.#top() + to * this.rowHeight;
    if (top < head) this.scroller.scrollTop += top - head;
    const below = top + 2 * this.rowHeight - this.scroller.clientHeight;
    if (below > 0) this.scroller.scrollTop += below;
    this.draw();
    this.mark(found.id);
    return found;
  }

  get rowHeight() {
    return (this.height ??= parseFloat(getComputedStyle(this.node).getPropertyValue("--case-row")) || 30);
  }

  #resized() {
    this.height = undefined;
    this.draw();
  }

  /** Where the first row is, seen from the upper edge of what scrolls. */
  #top() {
    return this.track.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
  }

  /** What is read stays where it is when rows come above it. @param {number} rows */
  #keepPlace(rows) {
    if (this.#top() < 0) this.scroller.scrollTop += rows * this.rowHeight;
  }

  draw() {
    if (!this.node.isConnected) return;
    const total = this.order.length;
    this.track.style.height = `${total * this.rowHeight}px`;
    const above = -this.#top();
    const first = Math.max(0, Math.floor(above / this.rowHeight) - AHEAD);
    const last = Math.min(total, Math.ceil((above + this.scroller.clientHeight) / this.rowHeight) + AHEAD);
    const wanted = new Set();
    for (let index = first; index < last; index += 1) wanted.add(this.#place(index, total));
    for (const [id, { node }] of this.rows) {
      if (wanted.has(id)) continue;
      node.remove();
      this.rows.delete(id);
    }
    if (last > total - NEAR_END) this.events.onEnd();
  }

  /** @param {number} index @param {number} total */
  #place(index, total) {
    const id = this.order[index];
    const one = /** @type {Case} */ (this.cases.get(id));
    let row = this.rows.get(id);
    if (row?.one !== one) {
      const node = row?.node ?? el("div.case", { role: "option", id: `case-${id}`, "data-id": id });
      node.className = `case ${classOf(one.state)}`;
      node.setAttribute("aria-selected", String(id === this.current));
      node.replaceChildren(...partsOf(one));
      if (!row) this.track.append(node);
      row = { node, one };
      this.rows.set(id, row);
    }
    row.node.style.transform = `translateY(${index * this.rowHeight}px)`;
    row.node.setAttribute("aria-posinset", String(index + 1));
    row.node.setAttribute("aria-setsize", String(total));
    return id;
  }

  /** @param {Event} event */
  #clicked(event) {
    const row = /** @type {HTMLElement | null} */ (
      /** @type {HTMLElement} */ (event.target).closest("[data-id]")
    );
    const found = this.cases.get(row?.dataset.id ?? "");
    if (found && !getSelection()?.toString()) this.events.onOpen(found);
  }
}
