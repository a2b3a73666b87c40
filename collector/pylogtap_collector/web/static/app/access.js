import { key } from "./api.js";
import { byId, el } from "./dom.js";

/**
 * Ask for the collector's key.
 * @param {() => void} onGiven
 */
export function askForKey(onGiven) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("key-dialog"));
  if (dialog.open) return;
  const input = /** @type {HTMLInputElement} */ (
    el("input.key-input", {
      type: "password",
      required: true,
      "aria-label": "Key",
      autocomplete: "current-password",
    })
  );
  const submit = () => {
    key.set(input.value.trim());
    onGiven();
  };
  dialog.replaceChildren(
    el(
      "form",
      { method: "dialog", onsubmit: submit },
      el("h2", { id: "key-title" }, "This collector asks for a key"),
      el(
        "p",
        null,
        key.get() ? "The key given is not the right one. " : "",
        "It is the value of ",
        el("code", null, "PYLOGTAP_KEY"),
        " that the collector was started with. It is kept for this tab only.",
      ),
      input,
      el("div.dialog-buttons", null, el("button.button.is-main", { type: "submit" }, "Open")),
    ),
  );
  dialog.showModal();
}
