import { Newest, get } from "../api.js";
import { bare } from "../ansi.js";
import { el, icon, settled } from "../dom.js";
import { failed } from "../notices.js";
import { template } from "../patterns.js";
import { clip, counted, number } from "../text.js";
import { partsOf } from "./case-row.js";
import { recent } from "./report.js";
import { classOf, sign, standingTag } from "./states.js";
import { pathTo } from "./view.js";
import { lasting, nodeName, placeName, when } from "./words.js";

/** @typedef {import("./types.js").Test} Test */
/** @typedef {import("./types.js").Case} Case */
/** @typedef {import("./view.js").View} View */

const PAGE = 100;
const GROUPS = 100;
const SLOWER = 50;
const TYPED_MS = 250;

/** What each list asks for, what it says of a test, and what stands where there is none. */
const LISTS = {
  tests: { asked: { order: "node" }, words: wordsOfAny, none: "No tests here. Choose other filters." },
  flaky: {
    asked: { order: "flaky", flaky: true },
    words: wordsOfFlaky,
    none: "No flaky tests: none gave both outcomes where nothing was changed.",
  },
  slow: { asked: { order: "slowest" }, words: wordsOfSlow, none: "No tests here. Choose other filters." },
};

/** Lists of tests, and of what failures have in common. */
export class Lists {
  /** @param {HTMLElement} host @param {(patch: Partial<View>, replace?: boolean) => void} go */
  constructor(host, go) {
    this.host = host;
    this.newest = new Newest();
    this.input = /** @type {HTMLInputElement} */ (
      el("input", {
        type: "search",
        placeholder: "Search by name",
        "aria-label": "Search tests by name",
        spellcheck: false,
        maxlength: 2000,
      })
    );
    this.input.addEventListener(
      "input",
      settled(TYPED_MS, () => go({ q: this.input.value.trim() }, true)),
    );
    this.find = el("label.find", null, icon("search"), this.input);
  }

  /** @param {View} view */
  async show(view) {
    const signal = this.newest.next();
    const rows = el("ul.rows", { "aria-busy": "true" });
    if (document.activeElement !== this.input) this.input.value = view.q;
    const head = view.tab === "failures" ? null : this.find;
    const shown = [head, rows].filter((node) => node instanceof Node);
    if (head?.isConnected)
      this.host.querySelector(".rows, .words")?.replaceWith(rows); // what is typed goes on
    else this.host.replaceChildren(...shown);
    try {
      if (view.tab === "failures") await this.#failures(view, rows, signal);
      else await this.#tests(view, rows, signal, null);
    } catch (error) {
      if (signal.aborted) return;
      const again = () => void this.show(view);
      rows.replaceWith(el("section.card.words", null, ...failed(/** @type {Error} */ (error), again)));
    } finally {
      rows.removeAttribute("aria-busy");
    }
  }

  leave() {
    this.newest.stop();
  }

  /** Those that take longer than they did stand before those that always took long. */
  async #slower(
    /** @type {View} */ { project, service, q },
    /** @type {HTMLElement} */ rows,
    /** @type {AbortSignal} */ signal,
  ) {
    const asked = { order: "slower", slower: true, project, service, node: q, limit: SLOWER };
    const { items } = await get("/tests", asked, signal);
    if (!items.length) return;
    rows.append(
      el("li.rows-title", null, el("h2", null, "Slower than before")),
      ...items.map((/** @type {Test} */ test) => testRow(test, wordsOfSlow)),
      el("li.rows-title", null, el("h2", null, "Slowest")),
    );
  }

  /** @param {View} view @param {HTMLElement} rows @param {AbortSignal} signal @param {string | null} cursor */
  async #tests(view, rows, signal, cursor) {
    const { asked, words, none } = LISTS[/** @type {keyof typeof LISTS} */ (view.tab)];
    const { project, service, q } = view;
    if (view.tab === "slow" && !cursor) await this.#slower(view, rows, signal);
    const page = await get("/tests", { ...asked, project, service, node: q, limit: PAGE, cursor }, signal);
    rows.querySelector(".rest")?.remove();
    rows.append(...page.items.map((/** @type {Test} */ test) => testRow(test, words)));
    if (!rows.children.length) rows.append(el("li.empty-line", null, none));
    if (!page.next) return;
    const more = () => void this.#tests(view, rows, signal, page.next);
    rows.append(
      el("li.rest", null, el("button.more", { type: "button", onclick: more }, icon("down"), "More")),
    );
  }

  /** @param {View} view @param {HTMLElement} rows @param {AbortSignal} signal */
  async #failures({ project, service }, rows, signal) {
    const { items } = await get("/tests/failures", { project, service, limit: GROUPS }, signal);
    rows.append(...items.map(failureGroup));
    if (!items.length) rows.append(el("li.empty-line", null, "No failures here."));
  }
}

/** @param {Test} test @param {(test: Test) => (Node | null)[]} words */
const testRow = (test, words) =>
  el(
    "li",
    null,
    el(
      `a.test-row.${classOf(test.state)}`,
      { href: pathTo({ test: test.id }) },
      sign(test.state),
      el("span.case-words", null, nodeName(test), el("span.test-place", null, placeName(test))),
      recent(test),
      el("span.test-words", null, words(test)),
    ),
  );

/** @param {Test} test */
function wordsOfAny(test) {
  return [
    test.gone ? el("span.tag", null, "gone") : standingTag(test.standing),
    el("span", { title: "Median" }, lasting(test.median_s)),
    el("span.soft", null, when(test.last_seen)),
  ];
}

/** @param {Test} test */
function wordsOfFlaky({ flakiness }) {
  if (!flakiness) return [];
  const { score, mixed_commits, commits, reruns_passed, last } = flakiness;
  return [
    el(
      "b",
      { title: "Share of commits with both outcomes, newer ones counting more" },
      `${Math.round(score * 100)} %`,
    ),
    el("span", null, `${number(mixed_commits)} of ${counted(commits, "commit")}`),
    reruns_passed > 0 ? el("span", null, `${number(reruns_passed)} × passed when rerun`) : null,
    last ? el("span.soft", null, when(last)) : null,
  ];
}

/** @param {Test} test */
function wordsOfSlow({ median_s, slowdown }) {
  return [
    el("b", { title: "Median of those that passed" }, lasting(slowdown ? slowdown.now_s : median_s)),
    slowdown &&
      el(
        "span.tag.of-slower",
        { title: slowdown.kind === "step" ? "All at once" : "Little by little" },
        `${lasting(slowdown.before_s)} → ${lasting(slowdown.now_s)}`,
      ),
  ];
}

/** @param {any} group */
const failureGroup = (group) =>
  el(
    "li.failure-group",
    { "data-group": group.id },
    el(
      "div.failure-head",
      null,
      el("span.failure-count", { title: "Cases that failed so" }, number(group.cases)),
      el(
        "span.failure-words",
        null,
        el("span.exception-type", null, bare(clip(group.type, 300))),
        el("span.failure-pattern", { title: bare(clip(group.message, 1000)) }, template(group.pattern)),
      ),
      el(
        "span.failure-facts",
        null,
        placeName(group),
        el("span", null, counted(group.tests, "test")),
        el("span", null, `in ${counted(group.runs, "run")}`),
        el("span.soft", null, when(group.last_seen)),
      ),
    ),
    el(
      "ul.findings",
      null,
      group.newest.map((/** @type {Case} */ one) =>
        el(
          "li",
          null,
          el(
            `a.case.${classOf(one.state)}`,
            { href: pathTo({ run: one.run, case: one.id }) },
            partsOf({ ...one, failure: null }, when(one.started)),
          ),
        ),
      ),
    ),
  );
