import { el } from "../dom.js";

// What became of a run or a case: a word, a colour, and a shape, as colours alone do not tell everybody.

/** From what needs a look to what does not: the order of bars and filters. */
export const STATES = [
  "failed",
  "error",
  "interrupted",
  "xpassed",
  "running",
  "passed",
  "xfailed",
  "skipped",
];
export const BAD = ["failed", "error"];

const WORDS = {
  passed: "passed",
  failed: "failed",
  error: "error",
  skipped: "skipped",
  xfailed: "failed as expected",
  xpassed: "passed unexpectedly",
  running: "running",
  interrupted: "interrupted",
  empty: "nothing to run",
};
const STANDINGS = {
  new_failure: ["new failure", "It passed before"],
  still_failing: ["still failing", "It failed before, too"],
  flaky_failure: ["flaky", "It is known to fail now and then"],
  fixed: ["fixed", "It failed before"],
  new: ["new", "It never ran before"],
};

/** @param {string} state */
export const wordOf = (state) => WORDS[/** @type {keyof typeof WORDS} */ (state)] ?? state;

/** A class for what is known; a state of a later collector looks like none. @param {string} state */
export const classOf = (state) => (Object.hasOwn(WORDS, state) ? `is-${state}` : "is-empty");

const SVG = "http://www.w3.org/2000/svg";

/**
 * A state as a small sign.
 * @param {string} state
 * @param {boolean} [named] false: the word stands beside it
 */
export function sign(state, named = true) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#s-${classOf(state).slice(3)}`);
  svg.append(use);
  const named_ = named ? { role: "img", "aria-label": wordOf(state), title: wordOf(state) } : null;
  return el(`span.sign.${classOf(state)}`, named_, svg);
}

/**
 * How a case compares with the runs before, as a small tag; nothing where there is nothing to say.
 * @param {string | null} standing
 */
export function standingTag(standing) {
  const found = STANDINGS[/** @type {keyof typeof STANDINGS} */ (standing ?? "")];
  return found ? el(`span.tag.of-${standing}`, { title: found[1] }, found[0]) : null;
}
