import { el } from "../dom.js";
import { number } from "../text.js";
import { partsOf } from "./case-row.js";
import { strip } from "./cells.js";
import { classOf, sign, wordOf } from "./states.js";
import { pathTo } from "./view.js";
import { lasting, nodeName } from "./words.js";

/** @typedef {import("./types.js").Finding} Finding */
/** @typedef {import("./types.js").Test} Test */

const SHOWN = 8; // of each group, before one asks for the rest

/** Groups in the order in which they are read, with what they are. */
const GROUPS = [
  ["new_failures", "New failures", "They passed before, or never ran."],
  ["still_failing", "Still failing", "They failed in the run before, too."],
  ["flaky_failures", "Flaky failures", "They failed, and are known to do so now and then."],
  ["reran", "Passed in a later attempt", "They failed first, then passed."],
  ["fixed", "Fixed", "They passed, and failed before."],
  ["slower", "Slower", "They take longer than they did."],
  ["new", "New", "They ran for the first time, and did not fail."],
  ["gone", "Gone", "They ran before, and not any more."],
];

/**
 * What a run says that the runs before it did not; nothing where that is nothing.
 * @param {Record<string, any>} report
 * @param {string} run its id
 */
export function reportOf(report, run) {
  const alone = report.baseline === null; // all of its cases are new then, which says nothing
  const groups = GROUPS.filter(([name]) => report[name]?.length && !(alone && name === "new")).map(
    ([name, title, words]) =>
      groupOf(name, title, words, report[name], report.totals[name] ?? report[name].length, run),
  );
  if (!groups.length && !alone) return null;
  return el(
    "section.report",
    { "aria-label": "What is new" },
    alone && el("p.soft.first-run", null, "First run: nothing to compare with."),
    groups,
  );
}

/** @param {string} name @param {string} title @param {string} words @param {Finding[]} findings @param {number} total the list has some of so many @param {string} run */
function groupOf(name, title, words, findings, total, run) {
  const rows = el("ul.findings");
  const cut = total > findings.length;
  const fill = (/** @type {number} */ most) => {
    rows.replaceChildren(...findings.slice(0, most).map((one) => el("li", null, row(name, one, run))));
    if (findings.length > most)
      rows.append(
        el(
          "li",
          null,
          el(
            "button.more",
            { type: "button", onclick: () => fill(Infinity) },
            `${number(findings.length - most)}${cut ? ` of ${number(total - most)}` : ""} more`,
          ),
        ),
      );
    else if (cut)
      rows.append(el("li.shown", null, `${number(findings.length)} of ${number(total)} shown`));
  };
  fill(SHOWN);
  return el(
    `section.group.of-${name}`,
    { "aria-label": title, "data-group": name },
    el("h3", { title: words }, title, el("span.count", null, number(total))),
    rows,
  );
}

/** @param {string} name of the group @param {Finding} finding @param {string} run */
function row(name, { test, case: one }, run) {
  const href = one ? pathTo({ run, case: one.id }) : pathTo({ test: test.id });
  const state = one?.state ?? test.state;
  const parts = one
    ? partsOf({ ...one, standing: null })
    : [sign(state), el("span.case-words", null, nodeName(test)), el("span"), el("span.case-time")];
  if (name === "slower" && test.slowdown) {
    const { before_s, now_s, ratio } = test.slowdown;
    parts[2] = el(
      "span.case-tags",
      null,
      el("span.tag.of-slower", null, `× ${Number(ratio.toPrecision(2))}`),
    );
    parts[3] = el("span.case-time", null, `${lasting(before_s)} → ${lasting(now_s)}`);
  }
  return el(
    `a.case.${classOf(state)}`,
    { href, "data-case": one?.id },
    ...parts.slice(0, 2),
    recent(test),
    ...parts.slice(2),
  );
}

/** What became of a test in the last runs, as a picture. @param {Test} test */
export const recent = (test) =>
  strip(
    test.recent.map((state) => ({ state, title: wordOf(state) })),
    "The last runs, oldest first",
  );
