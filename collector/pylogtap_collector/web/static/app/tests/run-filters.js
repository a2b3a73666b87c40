import { el, icon, settled } from "../dom.js";
import { compact, number } from "../text.js";
import { BAD, STATES, classOf, sign, wordOf } from "./states.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./types.js").Case} Case */
/** @typedef {import("./view.js").View} View */

const TYPED_MS = 250;

/** Which cases of a run are listed: by state, and by a part of the node. */
export class RunFilters {
  /** @param {(patch: Partial<View>, replace?: boolean) => void} go */
  constructor(go) {
    this.go = go;
    /** @type {Pick<View, "run" | "states" | "q">} */
    this.view = { run: "", states: [], q: "" };
    /** @type {Record<string, number>} */
    this.counts = {};
    this.input = /** @type {HTMLInputElement} */ (
      el("input", {
        type: "search",
        placeholder: "Search by name",
        "aria-label": "Search cases by name",
        spellcheck: false,
        maxlength: 2000,
      })
    );
    const typed = settled(TYPED_MS, () => go({ q: this.input.value.trim() }, true));
    this.input.addEventListener("input", () => typed());
    this.buttons = el("div.state-filters", { role: "group", "aria-label": "States" });
    this.words = el("span.found", { role: "status" });
    this.node = el(
      "div.case-tools.sticky",
      null,
      el("h2", null, "Cases"),
      el("label.find", null, icon("search"), this.input),
      this.buttons,
      this.words,
    );
  }

  /** @param {View} view @returns {boolean} whether other cases are wanted than before */
  show({ run, states, q }) {
    const before = this.view;
    this.view = { run, states, q };
    if (document.activeElement !== this.input) this.input.value = q;
    this.#draw();
    return before.q !== q || before.states.join() !== states.join();
  }

  /** What the API takes. */
  get asked() {
    return { state: this.view.states, node: this.view.q };
  }

  /** @param {Case} one */
  fits(one) {
    const { states, q } = this.view;
    return (!states.length || states.includes(one.state)) && one.node.toLowerCase().includes(q.toLowerCase());
  }

  /** @param {Run} run */
  count(run) {
    this.counts = run.counts;
    this.#draw();
  }

  /** @param {number} found @param {boolean} more */
  found(found, more) {
    const narrowed = this.view.q || this.view.states.length;
    this.words.textContent = narrowed ? `${number(found)}${more ? "+" : ""} found` : "";
  }

  /** Show failures alone, or all again. */
  toggleBad() {
    const only = this.view.states.join() === BAD.join();
    this.#choose(only ? [] : BAD);
  }

  /** What is typed counts, too, though it has not settled yet. @param {string[]} states */
  #choose(states) {
    this.go({ states, q: this.input.value.trim() });
  }

  #draw() {
    const { states } = this.view;
    const shown = STATES.filter((state) => this.counts[state] || states.includes(state));
    const drawn = this.buttons.children;
    const keys = shown.map((state) => `${state}:${this.counts[state] ?? 0}:${states.includes(state)}`).join();
    if (this.buttons.dataset.keys === keys && drawn.length) return;
    const focused = /** @type {HTMLElement | null} */ (this.buttons.querySelector(":focus"))?.dataset.state;
    this.buttons.dataset.keys = keys;
    this.buttons.replaceChildren(...shown.map((state) => this.#button(state, states.includes(state))));
    if (focused)
      /** @type {HTMLElement | null} */ (this.buttons.querySelector(`[data-state="${focused}"]`))?.focus();
  }

  /** @param {string} state @param {boolean} chosen */
  #button(state, chosen) {
    const { states } = this.view;
    const others = chosen ? states.filter((one) => one !== state) : [...states, state];
    return el(
      `button.state-filter.${classOf(state)}`,
      {
        type: "button",
        "aria-pressed": chosen,
        "data-state": state,
        "aria-label": `${wordOf(state)}: ${number(this.counts[state] ?? 0)}`,
        onclick: () => this.#choose(others),
      },
      sign(state, false),
      el("span", null, wordOf(state)),
      el("span.count", null, compact(this.counts[state] ?? 0)),
    );
  }
}
