import { bare } from "../ansi.js";
import { el } from "../dom.js";
import { clip } from "../text.js";
import { classOf, wordOf } from "./states.js";
import { COMMIT, lasting } from "./words.js";

/**
 * @typedef {object} Cell
 * @property {string} state
 * @property {string} title  what it is, in words
 * @property {string} [href]
 * @property {boolean} [current]
 */

/** A case in a history, in words. @param {import("./types.js").Case} one */
export const titleOf = ({ state, duration_s, commit, branch, started }) =>
  [
    wordOf(state),
    lasting(duration_s),
    commit && bare(commit.slice(0, COMMIT)),
    branch && bare(clip(branch, 60)),
    new Date(started).toLocaleString(),
  ]
    .filter(Boolean)
    .join(" · ");

/**
 * What became of something again and again, oldest first: a shape for each time. Where they lead somewhere, the
 * Tab key comes to one of them, and arrows lead to the others.
 * @param {Cell[]} cells
 * @param {string} label
 */
export function strip(cells, label) {
  if (!cells.some((cell) => cell.href)) return pictureOf(cells, label);
  const start = Math.max(
    cells.findIndex((cell) => cell.current),
    cells[cells.length - 1]?.href ? cells.length - 1 : 0,
  );
  const links = cells.map((cell, index) =>
    el(`a.cell.${classOf(cell.state)}`, {
      href: cell.href,
      title: cell.title,
      "aria-label": cell.title,
      "aria-current": cell.current ? "true" : null,
      tabindex: index === start ? 0 : -1,
    }),
  );
  const host = el("div.cells", { role: "group", "aria-label": label }, links);
  host.addEventListener("keydown", (event) => step(event, links));
  return host;
}

/** @param {Cell[]} cells @param {string} label */
const pictureOf = (cells, label) =>
  el(
    "div.cells",
    { role: "img", "aria-label": `${label}: ${cells.map((cell) => cell.state).join(", ")}` },
    cells.map((cell) => el(`span.cell.${classOf(cell.state)}`, { title: cell.title })),
  );

/** @param {KeyboardEvent} event @param {HTMLElement[]} links */
function step(event, links) {
  const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: links.length - 1 }[event.key];
  if (at < 0 || to === undefined || !links[to]) return;
  event.preventDefault();
  event.stopPropagation();
  links[at].tabIndex = -1;
  links[to].tabIndex = 0;
  links[to].focus();
}
