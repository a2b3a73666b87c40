import { bare } from "../ansi.js";
import { el, icon } from "../dom.js";
import { exceptionOf } from "../facts.js";
import { block, clip, counted, number } from "../text.js";
import { span } from "../times.js";
import { facts } from "./run-facts.js";
import { classOf, sign, wordOf } from "./states.js";
import { lasting } from "./words.js";

/** @typedef {import("./types.js").CaseDetail} Detail */
/** @typedef {import("./types.js").Failure} Failure */
/** @typedef {import("./types.js").Part} Part */

const PHASES = ["setup", "call", "teardown"];

/** @param {Failure | null} failure */
const exception = (failure) =>
  failure && exceptionOf(/** @type {any} */ ({ exception: { ...failure, arguments: null } }));

/** Why it is as it is. @param {Detail} one */
export function failureOf(one) {
  const { failure, reason, phase } = one;
  const place = failure?.file ? `${failure.file}${failure.line ? `:${failure.line}` : ""}` : "";
  const others = Object.entries(one.phases).filter(
    ([name, part]) => name !== phase && part.failure && part.failure.stacktrace !== failure?.stacktrace,
  );
  if (!failure && !reason && !others.length) return null;
  return el(
    "div.why",
    null,
    reason && block(reason, "p.reason"),
    failure && (phase && phase !== "call" ? el("p.soft", null, `In ${phase}:`) : null),
    exception(failure),
    place && el("p.soft.raised", null, "raised in ", el("code", null, bare(place))),
    others.map(([name, part]) => [el("p.soft", null, `In ${name}, too:`), exception(part.failure)]).flat(),
  );
}

/** What was captured while it ran. @param {Detail} one */
export function outputOf({ output }) {
  const texts = Object.entries(output).filter(([, text]) => text.trim());
  if (!texts.length) return null;
  return el(
    "section",
    { "aria-label": "Captured output" },
    el("h3", null, "Captured output"),
    texts
      .map(([name, text]) => [
        el("h4", null, bare(clip(name, 200))),
        block(text.replace(/\s+$/, ""), "pre.captured"),
      ])
      .flat(),
  );
}

/** @param {Detail} one */
export function attemptsOf({ earlier_attempts: attempts }) {
  if (!attempts.length) return null;
  return el(
    "section",
    { "aria-label": "Earlier attempts" },
    el("h3", null, "Earlier attempts"),
    el(
      "ol.parts",
      null,
      attempts.map((part, index) => partOf(part, `attempt ${index + 1}`)),
    ),
  );
}

/** @param {Detail} one */
export function subtestsOf({ subtests, subtest_count }) {
  if (!subtests.length && !subtest_count) return null;
  const rest = subtest_count - subtests.length;
  return el(
    "section",
    { "aria-label": "Subtests" },
    el("h3", null, "Subtests", el("span.count", null, number(subtest_count))),
    el(
      "ol.parts",
      null,
      subtests.map((part) => partOf(part, part.name ?? "")),
    ),
    rest > 0 && el("p.soft", null, `${number(rest)} more passed.`),
  );
}

/** A part with an outcome of its own; why it failed is unfolded on demand. @param {Part} part @param {string} name */
function partOf(part, name) {
  const why = exception(part.failure);
  if (why) why.hidden = true;
  const toggle = () => {
    if (!why) return;
    why.hidden = !why.hidden;
    head.setAttribute("aria-expanded", String(!why.hidden));
  };
  const inside = [
    sign(part.outcome),
    el("span.part-name", null, bare(clip(name, 500))),
    part.failure && el("span.case-why", null, bare(clip(part.failure.message.split("\n", 1)[0], 300))),
    el("span.case-time", null, lasting(part.duration_s)),
  ];
  const head = why
    ? el("button.part", { type: "button", "aria-expanded": false, onclick: toggle }, inside, icon("down"))
    : el("div.part", null, inside);
  return el(`li.${classOf(part.outcome)}`, null, head, why);
}

/** @param {Detail} one */
export function warningsOf({ warnings }) {
  if (!warnings.length) return null;
  return el(
    "section",
    { "aria-label": "Warnings" },
    el("h3", null, "Warnings", el("span.count", null, number(warnings.length))),
    el(
      "ul.warnings",
      null,
      warnings.map(({ category, message, file, line }) =>
        el(
          "li",
          null,
          el("b", null, bare(clip(category, 200))),
          " ",
          block(message, "span"),
          file && el("code.soft", null, ` ${bare(clip(file, 500))}${line ? `:${line}` : ""}`),
        ),
      ),
    ),
  );
}

/** How long its phases and fixtures took. @param {Detail} one */
export function timesOf(one) {
  const phases = PHASES.map((name) => ({ name, took_s: one[/** @type {"call_s"} */ (`${name}_s`)] })).filter(
    ({ took_s }) => took_s !== null && took_s !== undefined,
  );
  const fixtures = Object.entries(one.fixtures).sort(([, a], [, b]) => b - a);
  if (!phases.length && !fixtures.length) return null;
  const whole = phases.reduce((sum, { took_s }) => sum + (took_s ?? 0), 0);
  const bars = phases.map(({ name, took_s }) => {
    const part = el(`span.phase.of-${name}`, { title: `${name}: ${lasting(took_s)}` });
    part.style.flexGrow = String(Math.max((took_s ?? 0) / (whole || 1), 0.01));
    return part;
  });
  const words = phases.map(({ name, took_s }) =>
    el(
      "span",
      null,
      el(`span.key.of-${name}`),
      `${name} `,
      el("b", null, lasting(took_s)),
      outcomeOf(one, name),
    ),
  );
  return el(
    "section",
    { "aria-label": "Where the time went" },
    el("h3", null, "Where the time went"),
    phases.length > 0 && el("div.phases", { "aria-hidden": "true" }, bars),
    phases.length > 0 && el("p.phase-words", null, words),
    fixtures.length > 0 && el("h4", null, "Fixtures"),
    fixtures.length > 0 && facts(fixtures.map(([name, seconds]) => [name, span(seconds)])),
  );
}

/** @param {Detail} one @param {string} phase */
function outcomeOf(one, phase) {
  const outcome = one.phases[phase]?.outcome;
  return outcome && outcome !== "passed" && ` ${wordOf(outcome)}`;
}

/** @param {Detail} one */
export function factsOfCase(one) {
  const place = one.file ? `${one.file}${one.line ? `:${one.line}` : ""}` : "";
  const values = [
    ...Object.entries(one.parameters).map(([name, value]) => [name, value, "parameter"]),
    ...one.properties.map(([name, value]) => [name, value, "recorded"]),
    ...Object.entries(one.labels).map(([name, value]) => [name, value || "–", "label"]),
  ];
  return el(
    "section",
    { "aria-label": "Fields" },
    el(
      "h3",
      null,
      "Fields",
      values.length > 0 && el("span.soft", null, ` ${counted(values.length, "value")} of its own`),
    ),
    facts([
      ...values.map(
        ([name, value, kind]) =>
          /** @type {[string, Node]} */ ([
            name,
            el("span", null, block(value, "span"), el("span.soft", null, ` ${kind}`)),
          ]),
      ),
      ["file", place && bare(place)],
      ["group", one.group && bare(one.group)],
      ["markers", bare(one.markers.join(", "))],
      ["worker", one.worker && bare(one.worker)],
      ["attempts", one.attempts > 1 && number(one.attempts)],
      ["note", one.note && block(one.note, "span")],
      ["id", el("code", null, one.id)],
    ]),
  );
}
