import { Refused, Unreachable } from "./api.js";
import { el, iconButton } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {HTMLInputElement | HTMLSelectElement} Control */

const SECOND_MS = 1_000;
const TOO_MANY = 429; // refused before anything was compared
let made = 0;

/**
 * @typedef {object} FieldOptions
 * @property {string} name  of the member that it fills
 * @property {string} label
 * @property {string} [hint]
 * @property {(value: string) => string | null} [check]  what is wrong with a value
 */

/** A control with its label, a hint, and a place for what is wrong. */
export class Field {
  /** @param {FieldOptions} options @param {HTMLElement} control @param {...Child} beside it, within its frame */
  constructor({ name, label, hint, check }, control, ...beside) {
    const id = `field-${(made += 1)}`;
    this.name = name;
    this.check = check ?? (() => null);
    this.control = /** @type {Control} */ (control);
    this.hint = hint ? el("p.field-hint", { id: `${id}-hint` }, hint) : null;
    this.words = el("p.field-fault", { id: `${id}-fault`, role: "alert" });
    control.id = id;
    control.setAttribute("name", name);
    control.setAttribute("aria-describedby", `${hint ? `${id}-hint ` : ""}${id}-fault`);
    control.addEventListener("input", () => this.fault(null));
    this.node = el(
      "div.field",
      null,
      el("label", { for: id }, label),
      el("div.field-box", null, control, ...beside),
      this.words,
      this.hint,
    );
  }

  get value() {
    return this.control.value;
  }

  /** @param {string | null} words null: nothing is wrong */
  fault(words) {
    this.words.textContent = words ?? "";
    if (words) this.control.setAttribute("aria-invalid", "true");
    else this.control.removeAttribute("aria-invalid");
  }
}

/** @param {FieldOptions} options @param {Record<string, unknown>} [props] of the input */
export const textField = (options, props = {}) =>
  new Field(
    options,
    el("input", { type: "text", spellcheck: "false", autocapitalize: "off", maxlength: 100, ...props }),
  );

/** @param {FieldOptions} options @param {[string, string][]} choices values and how they read */
export const choiceField = (options, choices) =>
  new Field(
    options,
    el(
      "select",
      null,
      choices.map(([value, words]) => el("option", { value }, words)),
    ),
  );

/**
 * A secret, hidden unless its button shows it.
 * @param {FieldOptions} options
 * @param {string} autocomplete what password stores are to offer
 */
export function secretField(options, autocomplete) {
  const input = el("input", { type: "password", autocomplete, spellcheck: "false", maxlength: 200 });
  const show = iconButton("eye", `Show: ${options.label}`, () => {
    const shown = input.getAttribute("type") === "password";
    input.setAttribute("type", shown ? "text" : "password");
    show.setAttribute("aria-pressed", String(shown));
    input.focus();
  });
  show.setAttribute("aria-pressed", "false");
  return new Field(options, input, show);
}

/** The shortest password that the collector takes. */
const SHORTEST = 10;

/** @param {string} label */
export function newPasswordField(label) {
  const long = (/** @type {string} */ value) => [...value].length >= SHORTEST;
  const field = secretField(
    {
      name: "password",
      label,
      hint: `${SHORTEST} characters or more; several words are good.`,
      check: (value) => (long(value) ? null : `It needs ${SHORTEST} characters or more.`),
    },
    "new-password",
  );
  field.control.addEventListener("input", () => field.hint?.classList.toggle("is-met", long(field.value)));
  return field;
}

const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"; // 32 that are not taken for each other

/** A password that nobody guesses, and that can be read out: 100 bits in groups of five letters. */
function madePassword() {
  const letters = [...crypto.getRandomValues(new Uint8Array(20))].map((byte) => LETTERS[byte % 32]);
  return letters.join("").replace(/(.{5})(?=.)/g, "$1-");
}

/**
 * A password for somebody else, with a button that makes one up.
 * @param {string} label
 */
export function generatedPasswordField(label) {
  const field = newPasswordField(label);
  const make = () => {
    field.control.value = madePassword();
    field.control.dispatchEvent(new Event("input"));
    field.control.focus();
    if (field.control.type === "password") field.node.querySelector("button")?.click(); // nobody knows it yet
  };
  field.node.append(el("button.more", { type: "button", onclick: make }, "Make one up"));
  return field;
}

/** @param {string} words */
export const needed = (words) => (/** @type {string} */ value) => (value.trim() ? null : words);

/** Fields that are sent together; what is refused is said where it belongs. */
export class Form {
  /**
   * @param {Field[]} fields
   * @param {string} label of the button
   * @param {(values: Record<string, string>) => Promise<unknown>} act
   * @param {...Child} beside the button
   */
  constructor(fields, label, act, ...beside) {
    this.fields = fields;
    this.label = label;
    this.act = act;
    this.busy = false;
    this.alert = el("p.form-alert", { role: "alert" });
    this.button = el("button.button.is-main", { type: "submit" }, label);
    this.node = el(
      "form.form",
      { novalidate: true, method: "post", onsubmit: (/** @type {Event} */ event) => void this.#submit(event) },
      fields.map((field) => field.node),
      this.alert,
      el("div.form-buttons", null, this.button, ...beside),
    );
  }

  focus() {
    this.fields[0]?.control.focus();
  }

  /** Empty all fields. */
  clear() {
    for (const { control } of this.fields) {
      control.value = "";
      control.dispatchEvent(new Event("input"));
    }
  }

  /** @param {Event} event */
  async #submit(event) {
    event.preventDefault();
    if (this.busy) return;
    this.alert.textContent = "";
    this.alert.classList.remove("is-calm");
    if (!this.#sound()) return;
    this.#hold(true);
    try {
      await this.act(Object.fromEntries(this.fields.map((field) => [field.name, field.value])));
      this.#hold(false);
    } catch (error) {
      this.#hold(false);
      this.#fail(error);
    }
  }

  #sound() {
    const shown = this.fields.filter((field) => !field.node.hidden);
    for (const field of shown) field.fault(field.check(field.value));
    const first = shown.find((field) => field.control.hasAttribute("aria-invalid"));
    first?.control.focus();
    return !first;
  }

  /** @param {unknown} error */
  #fail(error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    if (error instanceof Refused && this.#point(error)) return;
    this.alert.textContent =
      error instanceof Unreachable ? `${error.message} Is it running? Try again in a moment.` : error.message;
    if (error instanceof Refused && error.wait_s) this.#wait(error.wait_s, error.status === TOO_MANY);
  }

  /** Say it at the field that it is about. @param {Refused} error */
  #point(error) {
    const named = error.mistakes.map(({ name, message }) => ({
      field: this.fields.find((field) => field.name === name),
      message,
    }));
    if (!named.length || named.some(({ field }) => !field)) return false;
    for (const { field, message } of named) field?.fault(`${message[0].toUpperCase()}${message.slice(1)}.`);
    named[0].field?.control.focus();
    return true;
  }

  /**
   * Count the seconds down on the button: an alert that changes would be read out each time.
   * @param {number} rest_s
   * @param {boolean} unseen whether the attempt before does not count
   */
  #wait(rest_s, unseen) {
    if (rest_s <= 0) {
      this.#hold(false);
      this.alert.textContent = `You can try again now${unseen ? "; the attempt before was not looked at" : ""}.`;
      this.alert.classList.add("is-calm");
      return;
    }
    this.#hold(true);
    this.button.textContent = `Try again in ${rest_s} s`;
    setTimeout(() => this.#wait(rest_s - 1, unseen), SECOND_MS);
  }

  /** @param {boolean} busy */
  #hold(busy) {
    this.busy = busy;
    this.button.textContent = this.label;
    this.button.setAttribute("aria-disabled", String(busy)); // disabled, it would lose the focus
  }
}
