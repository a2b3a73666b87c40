import { el } from "../dom.js";
import { compact, number } from "../text.js";
import { STATES, classOf, sign, wordOf } from "./states.js";

/** @typedef {import("./types.js").Run} Run */

// In a bar, what has ended stands before what goes on.
const PARTS = [...STATES.filter((state) => state !== "running"), "running"];

/** How many cases of a run are here. @param {Run} run */
export const casesOf = (run) => STATES.reduce((sum, state) => sum + (run.counts[state] ?? 0), 0);

/** Where a run stands: a part for each state, and while it runs the rest of what was collected. @param {Run} run */
export function bar(run) {
  const all = casesOf(run);
  const whole = Math.max(all, run.state === "running" ? (run.collected ?? 0) : 0);
  const parts = PARTS.filter((state) => run.counts[state]).map((state) => {
    const part = el(`span.bar-part.${classOf(state)}`, {
      title: `${wordOf(state)}: ${number(run.counts[state])}`,
    });
    part.style.flexGrow = String(run.counts[state]);
    return part;
  });
  const rest = el("span.bar-part.is-rest");
  rest.style.flexGrow = String(whole - all);
  return el("span.bar", { "aria-hidden": "true" }, parts, whole > all && rest);
}

/** The same as numbers; those of none are left out. @param {Run} run */
export function numbers(run) {
  const items = STATES.filter((state) => run.counts[state]).map((state) =>
    el(
      "span.number",
      { title: `${number(run.counts[state])} ${wordOf(state)}` },
      sign(state, false),
      el("b", null, compact(run.counts[state])),
      el("span.number-word", null, wordOf(state)),
    ),
  );
  return el("span.numbers", null, items.length ? items : el("span.soft", null, "no cases"));
}

/** How far a run has come. @param {Run} run */
export function progress(run) {
  const done = casesOf(run) - (run.counts.running ?? 0);
  if (run.state !== "running" || !run.collected) return null;
  const share = Math.min(100, Math.floor((done / run.collected) * 100));
  return el(
    "div.progress",
    {
      role: "progressbar",
      "aria-label": "Cases that have ended",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": share,
    },
    `${share} %`,
    el("span.soft", null, ` ${number(done)} of ${number(run.collected)}`),
  );
}
