import { byId, settled } from "./dom.js";
import { Completions } from "./completions.js";

const SETTLED_MS = 350;

/** The search box: what is typed, what is wrong with it, what it could become. */
export class Search {
  /**
   * @param {(q: string, typing: boolean) => void} onQuery a query is wanted; typing: it may still change
   * @param {import("./completions.js").Source} source of completions
   */
  constructor(onQuery, source) {
    this.onQuery = onQuery;
    this.input = /** @type {HTMLInputElement} */ (byId("query"));
    this.mistake = byId("mistake");
    this.caret = byId("caret");
    this.clear = byId("clear");
    const typed = settled(
      SETTLED_MS,
      () => this.completions.offersValues || this.onQuery(this.input.value.trim(), true),
    );
    this.completions = new Completions(this.input, source, () => {
      this.#changed();
      typed();
    });
    this.input.addEventListener("input", () => {
      this.#changed();
      typed();
    });
    this.input.addEventListener("scroll", () => this.#placeCaret());
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.completions.close();
      this.onQuery(this.input.value.trim(), false);
      byId("records").focus({ preventScroll: true });
    });
    this.clear.addEventListener("click", () => {
      this.show("");
      this.onQuery("", false);
      this.input.focus();
    });
  }

  /** Put a query into the box, unless it says so already. @param {string} q */
  show(q) {
    if (this.input.value.trim() !== q) this.input.value = q;
    this.#changed();
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  /**
   * Say what is wrong with the query, and where.
   * @param {string} words
   * @param {number | null} column 1-based
   */
  fault(words, column) {
    this.column = column;
    this.mistake.textContent = column ? `Column ${column}: ${words}` : words;
    this.mistake.hidden = false;
    this.input.setAttribute("aria-invalid", "true");
    this.#placeCaret();
  }

  sound() {
    this.column = null;
    this.mistake.hidden = true;
    this.caret.hidden = true;
    this.input.removeAttribute("aria-invalid");
  }

  #changed() {
    this.clear.hidden = this.input.value === "";
    this.caret.hidden = true;
  }

  /** All letters of the box have one width, so a column is a place. */
  #placeCaret() {
    this.caret.hidden = !this.column;
    if (!this.column) return;
    const leading = this.input.value.length - this.input.value.trimStart().length;
    this.caret.style.left = `calc(${this.column - 1 + leading}ch - ${this.input.scrollLeft}px)`;
  }
}
