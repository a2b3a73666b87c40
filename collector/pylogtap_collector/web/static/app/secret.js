import { el, icon } from "./dom.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * Show a secret in a dialog, this once.
 * @param {import("./dialogs.js").Dialog} dialog
 * @param {object} what
 * @param {string} what.title
 * @param {string} what.label  what it is, as it is read out
 * @param {string} what.words  before it
 * @param {string} what.secret
 * @param {Child[]} what.after
 */
export function showSecret(dialog, { title, label, words, secret, after }) {
  const shown = el("code.secret", { tabindex: 0, "aria-label": label }, secret);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      note.textContent = "Copied.";
      button.lastChild?.replaceWith("Copied");
    } catch {
      getSelection()?.selectAllChildren(shown);
      shown.focus();
      note.textContent = "The browser does not allow copying here; it is selected, copy it by hand.";
    }
  };
  const button = el("button.button.is-main", { type: "button", onclick: () => void copy() }, icon("copy"), "Copy");
  const note = el("p.soft", { role: "status" });
  dialog.heading.textContent = title;
  dialog.show(
    el("p", null, words),
    shown,
    el("p.soft", null, ...after),
    note,
    el(
      "div.form-buttons",
      null,
      button,
      el("button.button", { type: "button", onclick: () => dialog.close() }, "Done"),
    ),
  );
  button.focus();
}
