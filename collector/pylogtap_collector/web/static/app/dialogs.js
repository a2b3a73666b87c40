import { el, iconButton } from "./dom.js";
import { Form } from "./form.js";

/** @typedef {import("./dom.js").Child} Child */

/** A dialog in front of the page; nothing of it is left when it has been closed. */
export class Dialog {
  /** @param {string} title */
  constructor(title) {
    this.heading = el("h2", { id: "dialog-title" }, title);
    this.body = el("div.dialog-body");
    this.node = /** @type {HTMLDialogElement} */ (
      el(
        "dialog.dialog.is-small",
        { "aria-labelledby": "dialog-title", onclose: () => this.node.remove() },
        el(
          "header.dialog-head",
          null,
          this.heading,
          iconButton("close", "Close", () => this.close()),
        ),
        this.body,
      )
    );
  }

  /** @param {...Child} children */
  show(...children) {
    this.body.replaceChildren(el("div.dialog-body", null, ...children));
    if (this.node.isConnected) return;
    document.body.append(this.node);
    this.node.showModal();
  }

  close() {
    this.node.close();
    this.node.remove(); // at once: the event comes later
  }
}

/**
 * Ask before something is done that cannot be undone.
 * @param {string} title
 * @param {string} words what will happen
 * @param {string} label of the button that does it
 * @param {() => Promise<unknown>} act
 */
export function confirmed(title, words, label, act) {
  const dialog = new Dialog(title);
  const form = new Form(
    [],
    label,
    async () => {
      await act();
      dialog.close();
    },
    el("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
  );
  form.button.classList.add("is-danger");
  dialog.show(el("p", null, words), form.node);
  form.button.focus();
}
