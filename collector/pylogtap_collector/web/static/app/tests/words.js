import { bare } from "../ansi.js";
import { clock } from "../api.js";
import { el } from "../dom.js";
import { hue } from "../hues.js";
import { zone } from "../preferences.js";
import { clip } from "../text.js";
import { ago, fullTime, micros, span } from "../times.js";

// Times, revisions and names as they stand on the page of tests.

export const COMMIT = 8; // digits that tell commits of a project apart
const NODE_MAX = 600;
const NAME_MAX = 200;

/** A moment, as how long ago it was. @param {string} time */
export const when = (time) =>
  el("time", { datetime: time, title: fullTime(time, zone()) }, ago(time, clock.now()));

/** A moment, to the second. @param {string} time */
export const toTheSecond = (time) => fullTime(time, zone()).replace(/\.\d+/, "");

/** A length of time. @param {number | null} seconds */
export const lasting = (seconds) => (seconds === null ? "–" : span(seconds));

/** How long something has been going on; it counts on by itself, see `tickAll`. @param {string} started */
export function elapsed(started) {
  const at = micros(started) / 1000;
  return el("span.elapsed", { "data-since": at, title: "running for" }, since(at));
}

/** Let everything that goes on say for how long by now. */
export function tickAll() {
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-since]")))
    node.textContent = since(Number(node.dataset.since));
}

/** @param {number} at milliseconds since the epoch */
function since(at) {
  const seconds = Math.max(0, Math.floor((clock.now() - at) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const rest = String(seconds % 60).padStart(2, "0");
  return seconds < 3600 ? `${Math.floor(seconds / 60)}:${rest} min` : span(seconds);
}

/**
 * How long something took, or takes by now.
 * @param {{state: string, started: string, duration_s: number | null}} one
 */
export const took = (one) =>
  one.state === "running" ? elapsed(one.started) : el("span", null, lasting(one.duration_s));

/** The branch of a run; nothing where it is not known. @param {{branch: string | null}} run */
export function branchName({ branch }) {
  if (!branch) return null;
  const name = bare(clip(branch, NAME_MAX));
  return el("span.branch", { title: name }, name);
}

/** A revision, shortened. @param {string | null} commit @param {boolean | null} [dirty] */
export const revision = (commit, dirty = null) =>
  commit === null
    ? null
    : el(
        "code.revision",
        { title: dirty ? `${bare(commit)}, with changes that are not committed` : bare(commit) },
        bare(commit.slice(0, COMMIT)),
        dirty && "+",
      );

/** @param {{project: string, service: string}} place */
export const placeName = ({ project, service }) =>
  el(
    "span.place",
    null,
    el("span.place-project", null, `${project}/`),
    el(`span.place-service.hue-${hue(service)}`, null, service),
  );

/**
 * A node: the file and group quiet, the name loud.
 * @param {{node: string, name: string}} one
 */
export function nodeName({ node, name }) {
  const whole = bare(clip(node, NODE_MAX)).replace(/\s*\n\s*/g, " ⏎ ");
  const end = bare(clip(name, NODE_MAX)).replace(/\s*\n\s*/g, " ⏎ ");
  const front = end && whole.endsWith(end) ? whole.slice(0, -end.length) : "";
  return el(
    "span.node",
    { title: whole },
    front && el("span.node-file", null, front),
    el("span.node-name", null, front ? end : whole),
  );
}

/** The first line of a text, bounded. @param {string} text */
export const firstLine = (text) => bare(clip(text.trimStart().split("\n", 1)[0], NODE_MAX));
