import { Newest, Refused, get } from "../api.js";
import { bare } from "../ansi.js";
import { el, icon } from "../dom.js";
import { failed } from "../notices.js";
import { zone } from "../preferences.js";
import { clip, counted, number } from "../text.js";
import { fullTime, shortTime } from "../times.js";
import { strip, titleOf } from "./cells.js";
import { DurationChart } from "./duration-chart.js";
import { facts } from "./run-facts.js";
import { classOf, sign, standingTag, wordOf } from "./states.js";
import { pathTo } from "./view.js";
import { firstLine, lasting, placeName, revision, took, when } from "./words.js";

/** @typedef {import("./types.js").Test} Test */
/** @typedef {import("./types.js").Case} Case */
/** @typedef {import("./view.js").View} View */

const PAGE = 100;
const CELLS = 60;

/** One test over time. */
export class TestView {
  /** @param {HTMLElement} host */
  constructor(host) {
    this.host = host;
    this.newest = new Newest();
    /** @type {number | null} */
    this.shown = null;
    this.chart = new DurationChart();
    this.current = "";
  }

  /** @param {View} view */
  async show(view) {
    this.current = view.case;
    this.#mark();
    if (this.shown === view.test) return;
    this.shown = view.test;
    const signal = this.newest.next();
    this.host.replaceChildren(el("p.loading", null, "Loading the test …"));
    try {
      const [test, page] = await Promise.all([
        get(`/tests/${view.test}`, {}, signal),
        get(`/tests/${view.test}/history`, { limit: PAGE }, signal),
      ]);
      this.#draw(test, page);
    } catch (error) {
      if (signal.aborted) return;
      this.leave();
      const gone = error instanceof Refused && error.status === 404;
      this.host.replaceChildren(
        gone
          ? el(
              "p.empty-line",
              { role: "alert" },
              "This test is not stored: it was deleted, or is none that you may see.",
            )
          : el(
              "section.card.words",
              null,
              ...failed(/** @type {Error} */ (error), () => void this.show(view)),
            ),
      );
    }
  }

  leave() {
    this.newest.stop();
    this.shown = null;
  }

  /** Colours changed. */
  redraw() {
    if (this.shown !== null) this.chart.redraw();
  }

  /** @param {Test} test @param {{items: Case[], next: string | null}} page */
  #draw(test, page) {
    document.title = `${bare(clip(test.name, 100))} · pylogtap`;
    this.rows = el("ol.rows");
    const cells = page.items
      .slice(0, CELLS)
      .reverse()
      .map((one) => ({
        state: one.state,
        title: titleOf(one),
        href: pathTo({ test: test.id, case: one.id }),
      }));
    this.host.replaceChildren(
      headOf(test),
      el(
        "section.over-runs",
        { "aria-label": "Over time" },
        strip(cells, "What became of it, oldest first"),
        this.chart.node,
      ),
      ...[flakinessOf(test), slownessOf(test), aboutOf(test)].filter((node) => node !== null),
      el("section", { "aria-label": "Cases" }, el("h2", null, "Cases"), this.rows),
    );
    this.chart.show([...page.items].reverse());
    this.#append(test, page);
    this.host.scrollTop = 0;
  }

  /** @param {Test} test @param {{items: Case[], next: string | null}} page */
  #append(test, page) {
    this.rows?.querySelector(".rest")?.remove();
    this.rows?.append(...page.items.map((one) => el("li", null, caseRow(test, one))));
    this.#mark();
    if (!page.next) return;
    const more = async () => {
      const next = await get(`/tests/${test.id}/history`, { limit: PAGE, cursor: page.next });
      if (this.shown === test.id) this.#append(test, next);
    };
    const button = el(
      "button.more",
      { type: "button", onclick: () => void more() },
      icon("down"),
      "Older ones",
    );
    this.rows?.append(el("li.rest", null, button));
  }

  #mark() {
    for (const row of this.rows?.querySelectorAll("a[data-id]") ?? []) {
      if (/** @type {HTMLElement} */ (row).dataset.id === this.current)
        row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }
}

/** @param {Test} test */
const headOf = (test) =>
  el(
    "div.run-head",
    null,
    el("h1.run-title.is-node", null, sign(test.state, false), el("span", null, bare(test.node))),
    el(
      "p.run-words",
      null,
      el(
        "a.quiet-link",
        { href: pathTo({ tab: "tests", project: test.project, service: test.service }) },
        placeName(test),
      ),
      el("span", null, test.gone ? "gone" : wordOf(test.state)),
      standingTag(test.standing),
      el("span", null, "ran last ", when(test.last_seen)),
      el("span", null, `${counted(test.runs, "run")}, ${number(test.failures)} failed`),
    ),
  );

/** @param {Test} test */
function flakinessOf({ flakiness, id }) {
  if (!flakiness) return null;
  const { score, commits, mixed_commits, reruns_passed, last, evidence } = flakiness;
  return el(
    "section.evidence",
    { "aria-label": "Why it counts as flaky" },
    el("h2", null, "Flaky", el("span.tag.of-flaky_failure", null, `${Math.round(score * 100)} %`)),
    el(
      "p",
      null,
      `On ${number(mixed_commits)} of ${counted(commits, "commit")} it gave both outcomes`,
      reruns_passed > 0 && `, and ${number(reruns_passed)} × it passed in a later attempt of the same run`,
      ".",
      last && el("span.soft", null, " Seen last ", when(last), "."),
    ),
    evidence.length > 0 &&
      el(
        "p.evidence-cases",
        null,
        "Cases that show it: ",
        evidence
          .map((one) => [el("a", { href: pathTo({ test: id, case: one }) }, one.slice(0, 8)), " "])
          .flat(),
      ),
  );
}

/** @param {Test} test */
function slownessOf({ slowdown }) {
  if (!slowdown) return null;
  const { kind, before_s, now_s, ratio, since_run, since_commit } = slowdown;
  return el(
    "section.evidence",
    { "aria-label": "Why it counts as slower" },
    el("h2", null, "Slower", el("span.tag.of-slower", null, `× ${Number(ratio.toPrecision(2))}`)),
    el(
      "p",
      null,
      `It took ${lasting(before_s)} and takes ${lasting(now_s)}, ${kind === "step" ? "all at once" : "little by little"}`,
      since_run && [" since ", el("a", { href: pathTo({ run: since_run }) }, "this run")].flat(),
      since_commit && " of ",
      revision(since_commit),
      ".",
    ),
  );
}

/** @param {Test} test */
const aboutOf = (test) =>
  el(
    "section",
    { "aria-label": "The test" },
    facts([
      ["failing since", test.failing_since && fullTime(test.failing_since, zone())],
      ["first bad commit", test.first_bad_commit && el("code", null, bare(test.first_bad_commit))],
      ["last good commit", test.last_good_commit && el("code", null, bare(test.last_good_commit))],
      ["median", test.median_s !== null && lasting(test.median_s)],
      ["first seen", fullTime(test.first_seen, zone())],
      ["former names", test.former_nodes.length > 0 && el("span", null, bare(test.former_nodes.join("\n")))],
    ]),
  );

/** @param {Test} test @param {Case} one */
const caseRow = (test, one) =>
  el(
    `a.case.${classOf(one.state)}`,
    { href: pathTo({ test: test.id, case: one.id }), "data-id": one.id },
    sign(one.state),
    el(
      "span.case-words",
      null,
      el(
        "span.node",
        null,
        when(one.started),
        el("span.soft", null, ` ${shortTime(one.started, zone(), Date.now())}`),
      ),
      one.failure && el("span.case-why", null, firstLine(one.failure.message || one.failure.type)),
    ),
    el("span.case-tags", null, standingTag(one.standing)),
    el("span.case-time", null, took(one)),
  );
