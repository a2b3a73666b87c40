import { el } from "./dom.js";
import { classOf } from "./levels.js";
import { levelOf } from "./row.js";
import { inOneLine } from "./text.js";
import { fullTime, shortTime } from "./times.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */

/**
 * The lines around a record, itself among them.
 * @param {LogRecord & {before: LogRecord[], after: LogRecord[]}} log
 * @param {import("./times.js").Zone} zone
 * @param {(log: LogRecord) => void} onOpen
 */
export function contextOf(log, zone, onOpen) {
  const now = Date.now();
  const line = (/** @type {LogRecord} */ one, /** @type {boolean} */ itself) =>
    el(
      "li",
      null,
      el(
        `button.context-line.is-${classOf(one.severity_number)}`,
        {
          type: "button",
          "aria-current": itself ? "true" : null,
          title: fullTime(one.time, zone),
          onclick: () => itself || onOpen(one),
        },
        el("time", { datetime: one.time }, shortTime(one.time, zone, now).slice(-12)),
        levelOf(one),
        el("span.context-text", null, inOneLine(one.message)),
      ),
    );
  return el(
    "ol.context-lines",
    null,
    log.before.map((one) => line(one, false)),
    line(log, true),
    log.after.map((one) => line(one, false)),
  );
}
