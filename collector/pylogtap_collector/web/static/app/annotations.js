import { change } from "./api.js";
import { el, iconButton } from "./dom.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */

/** What people add to a record: labels and a note. */
export class Annotations {
  /** @param {LogRecord} log @param {(log: LogRecord) => void} onChange */
  constructor(log, onChange) {
    this.log = log;
    this.onChange = onChange;
    this.labels = el("div.labels");
    this.fault = el("p.mistake", { role: "alert", hidden: true });
    this.node = el(
      "section.annotations",
      { "aria-label": "Labels and note" },
      this.labels,
      this.#noteForm(),
      this.fault,
    );
    this.#drawLabels();
  }

  #drawLabels() {
    const labels = Object.entries(this.log.labels).map(([name, value]) =>
      el(
        "span.chip.is-label",
        null,
        value ? `${name}: ${value}` : name,
        iconButton("close", `Remove label ${name}`, () => this.#save({ labels: { [name]: null } })),
      ),
    );
    const input = /** @type {HTMLInputElement} */ (
      el("input.label-input", {
        type: "text",
        placeholder: "name: value",
        "aria-label": "New label, as name: value",
        maxlength: "200",
      })
    );
    const add = (/** @type {Event} */ event) => {
      event.preventDefault();
      const [name, ...rest] = input.value.split(":");
      if (name.trim()) void this.#save({ labels: { [name.trim()]: rest.join(":").trim() } });
    };
    const form = el(
      "form.label-form",
      { onsubmit: add },
      input,
      iconButton("plus", "Add the label", () => {}, { type: "submit" }),
    );
    this.labels.replaceChildren(...labels, form);
  }

  #noteForm() {
    const text = /** @type {HTMLTextAreaElement} */ (
      el("textarea.note", {
        rows: "2",
        placeholder: "A note for whoever looks at this next",
        "aria-label": "Note",
        maxlength: "10000",
      })
    );
    text.value = this.log.note ?? "";
    const buttons = el(
      "div.note-buttons",
      { hidden: true },
      el("button.button.is-main", { type: "submit" }, "Save note"),
    );
    text.addEventListener("input", () => (buttons.hidden = text.value === (this.log.note ?? "")));
    const save = async (/** @type {Event} */ event) => {
      event.preventDefault();
      if (await this.#save({ note: text.value.trim() || null })) buttons.hidden = true;
    };
    text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void save(event);
    });
    return el("form.note-form", { onsubmit: save }, text, buttons);
  }

  /** @param {{labels?: Record<string, string | null>, note?: string | null}} patch */
  async #save(patch) {
    try {
      this.log = { ...this.log, ...(await change(`/logs/${this.log.id}`, patch)) };
    } catch (error) {
      this.fault.textContent = `Not saved: ${/** @type {Error} */ (error).message}`;
      this.fault.hidden = false;
      return false;
    }
    this.fault.hidden = true;
    this.#drawLabels();
    this.onChange(this.log);
    return true;
  }
}
