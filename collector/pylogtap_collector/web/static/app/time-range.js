import { byId, el } from "./dom.js";
import { Popup } from "./popup.js";
import { PRESETS, fromInput, inputValue, micros, rangeText } from "./times.js";

/** @typedef {import("./times.js").Zone} Zone */

const HOUR_MS = 3_600_000;

/** The button and the panel of the time range. */
export class TimeRange {
  /** @param {(since: string, until: string) => void} onRange */
  constructor(onRange) {
    this.onRange = onRange;
    this.panel = byId("range-panel");
    this.popup = new Popup(byId("range"), this.panel, () => this.#fill());
    this.since = "1h";
    this.until = "";
    /** @type {Zone} */
    this.zone = "local";
  }

  /** @param {string} since @param {string} until @param {Zone} zone */
  show(since, until, zone) {
    this.since = since;
    this.until = until;
    this.zone = zone;
    byId("range-text").textContent = rangeText(since, until, zone, Date.now());
  }

  #fill() {
    const chosen = (/** @type {string} */ value) => !this.until && this.since === value;
    this.panel.replaceChildren(
      el(
        "div.presets",
        null,
        PRESETS.map(([value, text]) =>
          el(
            "button.preset",
            { type: "button", "aria-pressed": chosen(value), onclick: () => this.#take(value, "") },
            text,
          ),
        ),
      ),
      this.#custom(),
    );
  }

  #custom() {
    const now = Date.now();
    const known = Math.floor(micros(this.since) / 1000);
    const end = Math.floor(micros(this.until) / 1000);
    const from = this.#moment("From", Number.isNaN(known) ? now - HOUR_MS : known);
    const to = this.#moment("To", Number.isNaN(end) ? now : end);
    const fault = el("p.mistake", { role: "alert", hidden: true });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      const since = fromInput(from.input.value, this.zone);
      const until = fromInput(to.input.value, this.zone);
      if (since && until && since < until) return this.#take(since, until);
      fault.textContent = since && until ? "“To” must come after “From”." : "Give both, with date and time.";
      fault.hidden = false;
    };
    const zone = this.zone === "utc" ? "UTC" : "local time";
    return el(
      "form.custom-range",
      { onsubmit: submit },
      el("p.custom-title", null, `Exact range, ${zone}`),
      from.label,
      to.label,
      fault,
      el("button.button.is-main", { type: "submit" }, "Show this range"),
    );
  }

  /** @param {string} name @param {number} at milliseconds since the epoch */
  #moment(name, at) {
    const input = /** @type {HTMLInputElement} */ (
      el("input", { type: "datetime-local", step: "1", value: inputValue(at, this.zone) })
    );
    return { input, label: el("label", null, el("span", null, name), input) };
  }

  /** @param {string} since @param {string} until */
  #take(since, until) {
    this.popup.close();
    this.onRange(since, until);
  }
}
