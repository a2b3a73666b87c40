import { bare } from "./ansi.js";
import { el } from "./dom.js";
import { hue } from "./hues.js";
import { classOf, shortLevel } from "./levels.js";
import { clip, inOneLine, valueText } from "./text.js";
import { fullTime, shortTime } from "./times.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */

const EXTRAS_MAX = 6;

/**
 * The prefix of a record, its service in the service's colour.
 * @param {LogRecord} log
 */
export function prefixOf(log) {
  return el(
    "span.prefix",
    { title: `${log.project}/${log.service}/${log.instance}` },
    el("span.prefix-part", null, `${log.project}/`),
    el(`span.prefix-service.hue-${hue(log.service)}`, null, log.service),
    el("span.prefix-part", null, `/${log.instance}`),
  );
}

/**
 * A level as a small sign.
 * @param {LogRecord} log
 */
export function levelOf(log) {
  return el(
    `span.level.is-${classOf(log.severity_number)}`,
    { title: bare(log.level) || "no level" },
    shortLevel(bare(log.level)),
  );
}

/**
 * One record as a row of the list.
 * @param {LogRecord} log
 * @param {import("./times.js").Zone} zone
 * @param {number} now milliseconds since the epoch
 */
export function rowOf(log, zone, now) {
  return el(
    `div.row.is-${classOf(log.severity_number)}`,
    { role: "option", id: `record-${log.id}`, "data-id": log.id },
    el("time", { datetime: log.time, title: fullTime(log.time, zone) }, shortTime(log.time, zone, now)),
    levelOf(log),
    prefixOf(log),
    el("span.message", null, inOneLine(log.message), ...chips(log), extras(log)),
  );
}

/** @param {LogRecord} log */
function chips(log) {
  return [
    log.exception?.type &&
      el(
        "span.chip.is-exception",
        { title: bare(clip(log.exception.message, 300)) },
        bare(clip(log.exception.type, 80)),
      ),
    ...Object.entries(log.labels).map(([name, value]) =>
      el("span.chip.is-label", null, value ? `${name}: ${value}` : name),
    ),
    log.note && el("span.chip.is-note", { title: log.note }, "note"),
  ];
}

/** @param {LogRecord} log */
function extras(log) {
  const entries = Object.entries(log.attributes);
  if (!entries.length) return null;
  const shown = entries
    .slice(0, EXTRAS_MAX)
    .flatMap(([name, value]) => [
      " ",
      el("span.extra-name", null, `${bare(clip(name, 60))}=`),
      bare(clip(valueText(value), 80)),
    ]);
  return el(
    "span.extras",
    null,
    shown,
    entries.length > EXTRAS_MAX ? ` +${entries.length - EXTRAS_MAX}` : null,
  );
}

/**
 * One record as a line of plain text, as the command line prints it.
 * @param {LogRecord} log
 */
export function lineOf(log) {
  const level = bare(log.level).toUpperCase().padEnd(8);
  const line = `${log.time} ${level} [${log.project}/${log.service}/${log.instance}] ${bare(log.message)}`;
  return log.exception ? `${line}\n${bare(log.exception.stacktrace).trimEnd()}` : line;
}
