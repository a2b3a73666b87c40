import { bare } from "./ansi.js";
import { byId, el, settled } from "./dom.js";
import { quote, typedWord } from "./query.js";
import { compact } from "./text.js";

const SHOWN_MAX = 9;
const SETTLED_MS = 120;

/**
 * @typedef {object} Source
 * @property {() => string[]} fields  names of fields, the usual ones first
 * @property {(field: string) => Promise<import("./types.js").FacetValue[]>} values  of a field, the frequent ones first
 */
/** @typedef {{text: string, hint: string, start: number, end: number}} Offer */

/** Offers fields, then values, while a query is typed (a combobox of the ARIA patterns). */
export class Completions {
  /** @param {HTMLInputElement} input @param {Source} source @param {() => void} onTaken */
  constructor(input, source, onTaken) {
    this.input = input;
    this.source = source;
    this.onTaken = onTaken;
    this.list = byId("completions");
    /** @type {Offer[]} */
    this.offers = [];
    this.chosen = -1;
    this.asked = 0;
    this.ofValue = false;
    const refresh = settled(SETTLED_MS, () => this.#refresh());
    input.addEventListener("input", () => refresh());
    input.addEventListener("keydown", (event) => this.#pressed(event));
    input.addEventListener("blur", () => this.close());
    // A press would take the focus from the box before it becomes a click.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
  }

  get open() {
    return !this.list.hidden;
  }

  /** Whether a value is half typed: no query to ask yet. */
  get offersValues() {
    return this.open && this.ofValue;
  }

  close() {
    this.asked += 1;
    this.#show([]);
  }

  async #refresh() {
    this.asked += 1;
    const asked = this.asked;
    const word = typedWord(this.input.value, this.input.selectionStart ?? 0);
    const offers = word ? await this.#offersFor(word).catch(() => []) : [];
    if (asked !== this.asked || document.activeElement !== this.input) return;
    this.ofValue = word !== null && word.field !== null;
    this.#show(offers);
  }

  /** @param {NonNullable<ReturnType<typeof typedWord>>} word @returns {Promise<Offer[]>} */
  async #offersFor({ start, end, field, prefix }) {
    const wanted = prefix.toLowerCase();
    if (field === null) {
      if (!wanted) return [];
      const names = this.source.fields().filter((name) => name.toLowerCase().startsWith(wanted));
      return names.map((name) => ({ text: `${name}:`, hint: "", start, end }));
    }
    if (/^[<>/]/.test(prefix)) return [];
    const values = (await this.source.values(field)).filter(({ value }) =>
      value.toLowerCase().startsWith(wanted),
    );
    return values
      .filter(({ value }) => value !== prefix)
      .map(({ value, count }) => ({ text: `${quote(value)}`, hint: compact(count), start, end }));
  }

  /** @param {Offer[]} offers */
  #show(offers) {
    this.offers = offers.slice(0, SHOWN_MAX);
    this.list.replaceChildren(
      ...this.offers.map((offer, index) =>
        el(
          "li.completion",
          { role: "option", id: `completion-${index}`, onclick: () => this.#take(index) },
          el("span", null, bare(offer.text)),
          el("span.completion-hint", null, offer.hint),
        ),
      ),
    );
    this.list.hidden = !this.offers.length;
    this.input.setAttribute("aria-expanded", String(this.open));
    this.#choose(-1);
  }

  /** @param {number} index */
  #choose(index) {
    this.chosen = index;
    [...this.list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    if (index >= 0) this.input.setAttribute("aria-activedescendant", `completion-${index}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  /** @param {number} index */
  #take(index) {
    const { text, start, end } = this.offers[index];
    const value = this.input.value;
    const tail = value.slice(end);
    const blank = text.endsWith(":") || tail.startsWith(" ") ? "" : " ";
    this.input.value = value.slice(0, start) + text + blank + tail;
    const caret = start + text.length + blank.length;
    this.input.setSelectionRange(caret, caret);
    this.#show([]);
    this.onTaken();
    if (text.endsWith(":")) void this.#refresh();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (!this.open) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (steps) {
      const count = this.offers.length;
      this.#choose((this.chosen + steps + (this.chosen < 0 && steps < 0 ? 1 : 0) + count) % count);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if ((event.key === "Enter" && this.chosen >= 0) || (event.key === "Tab" && !event.shiftKey)) {
      this.#take(Math.max(0, this.chosen));
    } else return;
    event.preventDefault();
  }
}
