import { Refused, change, getVersioned } from "./api.js";
import { el, iconButton } from "./dom.js";
import { block, clip } from "./text.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */
/** @typedef {{labels?: Record<string, string | null>, note?: string | null}} Patch */

/** What people add to a record: labels and a note. */
export class Annotations {
  /**
   * @param {LogRecord} log
   * @param {boolean} writable whether they may be changed, or only read
   * @param {(log: LogRecord) => void} onChange
   */
  constructor(log, writable, onChange) {
    this.log = log;
    this.writable = writable;
    this.onChange = onChange;
    this.labels = el("div.labels");
    this.fault = el("p.mistake", { role: "alert", hidden: true });
    this.node = el("section.annotations", { "aria-label": "Labels and note" });
    this.#draw();
  }

  /** @param {boolean} writable */
  allow(writable) {
    if (writable === this.writable) return; // what is being typed stays
    this.writable = writable;
    this.#draw();
  }

  #draw() {
    const { note, labels } = this.log;
    this.#drawLabels();
    this.node.hidden = !this.writable && !note && !Object.keys(labels).length;
    if (this.writable) this.node.replaceChildren(this.labels, this.#noteForm(), this.fault);
    else this.node.replaceChildren(this.labels, ...(note ? [block(note, "div.note-text")] : []));
  }

  #drawLabels() {
    const labels = Object.entries(this.log.labels).map(([name, value]) =>
      el(
        "span.chip.is-label",
        null,
        value ? `${name}: ${value}` : name,
        this.writable &&
          iconButton("close", `Remove label ${name}`, () => this.#save({ labels: { [name]: null } })),
      ),
    );
    this.labels.replaceChildren(...labels, ...(this.writable ? [this.#labelForm()] : []));
  }

  #labelForm() {
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
    return el(
      "form.label-form",
      { onsubmit: add },
      input,
      iconButton("plus", "Add the label", () => {}, { type: "submit" }),
    );
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

  /** @param {Patch} patch @returns {Promise<boolean>} whether it is stored */
  async #save(patch) {
    try {
      const stale = await this.#change(patch);
      this.#say(stale);
      return !stale;
    } catch (error) {
      this.#say(`Not saved: ${/** @type {Error} */ (error).message}`);
      return false;
    }
  }

  /**
   * Who changes it between our reading and our change is found by reading once more.
   * @param {Patch} patch
   * @param {boolean} [again]
   * @returns {Promise<string | null>} what somebody else has written; null: the patch is stored
   */
  async #change(patch, again = false) {
    const path = `/logs/${this.log.id}`;
    const { item, version } = await getVersioned(path);
    const stale = this.#stale(item, patch);
    try {
      this.#take(stale ? item : await change(path, patch, version));
    } catch (error) {
      if (again || !(error instanceof Refused) || error.status !== 412) throw error;
      return this.#change(patch, true);
    }
    return stale;
  }

  /**
   * What somebody else has written since it was read here; nobody overwrites what he has not seen.
   * @param {LogRecord} now
   * @param {Patch} patch
   */
  #stale(now, patch) {
    if (patch.note !== undefined && now.note !== this.log.note)
      return now.note === null
        ? "Somebody has removed the note meanwhile. Save again to keep yours."
        : `Somebody has written meanwhile: “${clip(now.note, 300)}” Save again to replace it by yours.`;
    const name = Object.keys(patch.labels ?? {}).find((each) => now.labels[each] !== this.log.labels[each]);
    return name === undefined ? null : `Somebody has changed the label ${name} meanwhile: look at it again.`;
  }

  /** @param {LogRecord} log */
  #take(log) {
    this.log = { ...this.log, labels: log.labels, note: log.note };
    this.#drawLabels();
    this.onChange(this.log);
  }

  /** @param {string | null} fault */
  #say(fault) {
    this.fault.textContent = fault;
    this.fault.hidden = fault === null;
  }
}
