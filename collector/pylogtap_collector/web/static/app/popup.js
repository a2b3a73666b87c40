/** A panel that a button opens, and that Escape, a click elsewhere or leaving by Tab closes. */
export class Popup {
  /** @param {HTMLElement} button @param {HTMLElement} panel @param {() => void} fill called before it opens */
  constructor(button, panel, fill) {
    this.button = button;
    this.panel = panel;
    button.addEventListener("click", () => {
      if (this.open) return this.close();
      fill();
      this.#show(true);
      /** @type {HTMLElement | null} */ (panel.querySelector("[aria-pressed=true], a, button, input"))?.focus();
    });
    panel.addEventListener("keydown", (event) => this.#pressed(event));
    document.addEventListener("pointerdown", (event) => {
      const target = /** @type {Node} */ (event.target);
      if (this.open && !panel.contains(target) && !button.contains(target)) this.#show(false);
    });
    panel.addEventListener("focusout", (event) => {
      const next = /** @type {Node | null} */ (event.relatedTarget);
      if (next && !panel.contains(next) && next !== button) this.#show(false);
    });
  }

  get open() {
    return !this.panel.hidden;
  }

  close() {
    this.#show(false);
    this.button.focus();
  }

  /** @param {boolean} open */
  #show(open) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const items = /** @type {HTMLElement[]} */ ([...this.panel.querySelectorAll("a, button")]);
    const at = items.indexOf(/** @type {any} */ (document.activeElement));
    if (!step || at < 0) return;
    event.preventDefault();
    items[(at + step + items.length) % items.length].focus();
  }
}
