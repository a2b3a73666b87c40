import { byId, el, iconButton } from "./dom.js";
import { KEYS } from "./shortcuts.js";

const EXAMPLES = [
  ["card declined", "both words, anywhere in the message"],
  ['"card declined"', "the words in this order"],
  ["time*", "words that begin so"],
  ["level:>=warning", "warnings and worse"],
  ["service:checkout,cart", "either of the two"],
  ["-user.id:42", "not this attribute’s value"],
  ["took_ms:>250", "numbers compare as numbers"],
  ["order:100..200", "from 100 to 200"],
  ["logger:shop.*", "begins with “shop.”"],
  ["path:/^.api.v[12]/", "a regular expression"],
  ["has:exception", "carries one"],
  ["timeout OR (refused service:pay)", "either side"],
];

/**
 * Show the keys and, on the page that has it, the query language.
 * @param {string[][]} [keys] default: those of the page of the logs
 */
export function openHelp(keys = KEYS) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("help-dialog"));
  dialog.replaceChildren(
    el(
      "header.dialog-head",
      null,
      el("h2", { id: "help-title" }, "Help"),
      iconButton("close", "Close", () => dialog.close()),
    ),
    el(
      "div.help-columns",
      null,
      el("section", null, el("h3", null, "Keys"), table(keys, "kbd")),
      keys === KEYS && el("section", null, el("h3", null, "Query"), table(EXAMPLES, "code")),
    ),
  );
  dialog.onclick = (event) => event.target === dialog && dialog.close();
  dialog.showModal();
}

/** @param {string[][]} rows @param {string} tag */
const table = (rows, tag) =>
  el(
    "dl.help-list",
    null,
    rows.flatMap(([term, words]) => [el("dt", null, el(tag, null, term)), el("dd", null, words)]),
  );
