/** What each key does, in the order of the help. */
export const KEYS = [
  ["/", "search"],
  ["j", "next record"],
  ["k", "record before"],
  ["Enter", "unfold the record"],
  ["Esc", "close"],
  ["e", "next error"],
  ["E", "error before"],
  ["G", "to the newest"],
  ["l", "live tail on or off"],
  ["p", "patterns or records"],
  ["t", "light or dark"],
  ["?", "this help"],
];

/** What each key does on the page of tests. */
export const TEST_KEYS = [
  ["/", "search by name"],
  ["j", "next case"],
  ["k", "case before"],
  ["Enter", "unfold the case"],
  ["Esc", "close, then one level up"],
  ["f", "failures alone, or all"],
  ["t", "light or dark"],
  ["?", "this help"],
];

/**
 * Listen to keys, unless something is being typed.
 * @param {Record<string, () => void>} acts by key
 */
export function listen(acts) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const typing = target.matches?.("input, textarea, select, [contenteditable]");
    if (typing && event.key !== "Escape") return;
    if (document.querySelector("dialog[open]")) return;
    if ((event.key === "Enter" || event.key === " ") && target.closest?.("button, a")) return;
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
