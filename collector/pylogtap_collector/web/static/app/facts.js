import { bare } from "./ansi.js";
import { el, iconButton } from "./dom.js";
import { hue } from "./hues.js";
import { template } from "./patterns.js";
import { isField } from "./query.js";
import { block, clip, valueText } from "./text.js";
import { fullTime, micros, span } from "./times.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */
/** @typedef {(field: string, value: string, exclude: boolean) => void} Filter  a value is wanted, or is not */

const LATE_S = 2; // a delay of arrival that is worth a word
const ASKED_MAX = 1_000; // a longer value is no filter to look at

/**
 * The exception of a record, with its stack.
 * @param {LogRecord} log
 */
export function exceptionOf({ exception }) {
  if (!exception) return null;
  const values = Object.entries(exception.arguments ?? {});
  return el(
    "section.exception",
    { "aria-label": "Exception" },
    el(
      "h3",
      null,
      el("span.exception-type", null, bare(clip(exception.type, 300))),
      " ",
      block(exception.message, "span.exception-message"),
    ),
    block(exception.stacktrace.trimEnd(), "pre.stack"),
    values.length > 0 && el("h4", null, "Arguments of the innermost frame"),
    values.length > 0 &&
      el(
        "dl.facts",
        null,
        values.flatMap(([name, value]) => [el("dt", null, bare(name)), el("dd", null, block(value, "code"))]),
      ),
  );
}

/**
 * What the program gave to a record.
 * @param {LogRecord} log
 * @param {Filter} onFilter
 */
export function attributesOf(log, onFilter) {
  const entries = Object.entries(log.attributes);
  if (!entries.length) return null;
  return el(
    "section",
    { "aria-label": "Attributes" },
    el("h3", null, "Attributes"),
    el(
      "dl.facts",
      null,
      entries.flatMap(([name, value]) => {
        const text = valueText(value);
        return fact(name, text, { field: isField(name) && typeof value !== "object" && name, onFilter });
      }),
    ),
  );
}

/**
 * What every record has: where it comes from, and when.
 * @param {LogRecord} log
 * @param {import("./times.js").Zone} zone
 * @param {Filter} onFilter
 */
export function factsOf(log, zone, onFilter) {
  const { source, process } = log;
  const place = source.file ? `${source.file}${source.line ? `:${source.line}` : ""}` : "";
  const late = (micros(log.received) - micros(log.time)) / 1e6;
  const received = `${fullTime(log.received, zone)}${late > LATE_S ? ` (${span(late)} later)` : ""}`;
  const asked = (/** @type {string} */ field, /** @type {string | number | null | undefined} */ value) =>
    fact(field, String(value ?? ""), { field, onFilter });
  return el(
    "section",
    { "aria-label": "Fields" },
    el("h3", null, "Fields"),
    el(
      "dl.facts",
      null,
      asked("level", log.level),
      asked("project", log.project),
      fact("service", log.service, {
        field: "service",
        onFilter,
        shown: el(`span.hue-${hue(log.service)}`, null, log.service),
      }),
      asked("instance", log.instance),
      asked("logger", log.logger),
      fact("pattern", String(log.pattern_id), {
        field: "pattern",
        onFilter,
        shown: log.template ? el("span", null, template(log.template)) : null,
      }),
      fact("source", place, { field: "file", asked: source.file ?? "", onFilter }),
      asked("function", source.function),
      asked("thread", process.thread),
      fact("process", String(process.pid ?? ""), { field: "pid", onFilter }),
      asked("trace", log.trace_id),
      fact("span", log.span_id ?? ""),
      fact("test", log.test_id ?? "", { field: "test", onFilter, shown: caseLink(log.test_id) }),
      fact("received", received),
      fact("id", String(log.id)),
    ),
  );
}

/** The way to the test that caused a record. @param {string | null} id */
const caseLink = (id) =>
  /^[0-9a-f]{32}$/.test(id ?? "") &&
  el("span", null, id, " ", el("a", { href: `/tests?case=${id}` }, "the test"));

/**
 * A name and a value, with buttons that search for it; nothing where there is no value.
 * @param {string} name
 * @param {string} value
 * @param {object} [options]
 * @param {string | false} [options.field]  of the query language, where it can be asked for
 * @param {string} [options.asked]  the value to ask for, where it is another one
 * @param {Node | false | null} [options.shown]  what stands for the value
 * @param {Filter} [options.onFilter]
 */
function fact(name, value, { field = false, asked = value, shown = null, onFilter } = {}) {
  if (!value) return [];
  const short = clip(bare(asked), 60);
  const ask = (/** @type {string} */ asks, /** @type {boolean} */ exclude) => () =>
    onFilter?.(asks, asked, exclude);
  return [
    el("dt", null, bare(name)),
    el(
      "dd",
      null,
      el("span.fact-value", null, shown || block(value, "span")),
      field !== false &&
        asked.length < ASKED_MAX &&
        el(
          "span.fact-tools",
          null,
          iconButton("plus", `Only ${name} ${short}`, ask(field, false)),
          iconButton("minus", `Without ${name} ${short}`, ask(field, true)),
        ),
    ),
  ];
}
