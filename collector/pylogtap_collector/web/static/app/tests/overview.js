import { bare } from "../ansi.js";
import { Newest, get } from "../api.js";
import { el } from "../dom.js";
import { failed } from "../notices.js";
import { clip, number } from "../text.js";
import { strip } from "./cells.js";
import { bar, numbers } from "./counts.js";
import { BAD, sign, wordOf } from "./states.js";
import { pathTo } from "./view.js";
import { COMMIT, branchName, placeName, revision, took, when } from "./words.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./view.js").View} View */
/** @typedef {{place: string, runs: Run[]}} Suite  of one service, the newest run first */

const PAGE = 200;
const PAGES = 5;
const CELLS = 30;
const LISTED = 100;
const EVERY_MS = 1_000;
const WHOLE_EVERY_MS = 10_000; // what began earlier than the newest run, and was told later, shows by then

/** Services with their newest runs; those that run go on by themselves. */
export class Overview {
  /** @param {HTMLElement} host @param {(runs: Run[]) => void} onRuns what there is to filter by */
  constructor(host, onRuns) {
    this.host = host;
    this.onRuns = onRuns;
    this.newest = new Newest();
    this.timer = 0;
    this.loaded = false; // what the view begins with
    this.wholeAt = 0; // when all that may change was asked for last, ms since the epoch
    /** @type {Map<string, Run>} */
    this.runs = new Map();
    /** @type {Map<string, {key: string, node: HTMLElement}>} */
    this.drawn = new Map();
    /** @type {Map<string, number>} new failures of a run, by its id and change */
    this.fresh = new Map();
    /** @type {View | null} */
    this.view = null;
    document.addEventListener("visibilitychange", () => this.#turned());
  }

  /** @param {View} view */
  async show(view) {
    this.leave();
    this.view = view;
    this.rows = el("ul.suites");
    this.listed = el("div.run-rows");
    this.host.replaceChildren(this.rows, this.listed);
    const signal = this.newest.next();
    try {
      let cursor = null;
      for (let page = 0; page < PAGES && (page === 0 || cursor); page += 1) {
        const answer = await get("/tests/runs", { ...this.#asked(), limit: PAGE, cursor }, signal);
        for (const run of answer.items) this.runs.set(run.id, run);
        cursor = answer.next;
      }
      this.loaded = true;
      this.wholeAt = Date.now();
      this.#draw();
      this.#next();
    } catch (error) {
      if (signal.aborted) return;
      const again = () => void this.show(view);
      this.host.replaceChildren(
        el("section.card.words", null, ...failed(/** @type {Error} */ (error), again)),
      );
    }
  }

  leave() {
    this.newest.stop();
    clearTimeout(this.timer);
    this.view = null;
    this.loaded = false;
    this.runs.clear();
    this.drawn.clear();
  }

  #asked() {
    const { project, service, branch } = /** @type {View} */ (this.view);
    return { project, service, branch };
  }

  #next() {
    clearTimeout(this.timer);
    if (!document.hidden) this.timer = setTimeout(() => void this.#again(), EVERY_MS);
  }

  /** Nobody looks any more, or somebody looks again. */
  #turned() {
    if (!this.loaded) return;
    clearTimeout(this.timer);
    if (document.hidden) this.newest.stop();
    else void this.#again();
  }

  /** What is new: runs that began, and those that went on. */
  async #again() {
    const signal = this.newest.next();
    try {
      if (await this.#stirs(signal)) {
        const answer = await get("/tests/runs", { ...this.#asked(), limit: CELLS }, signal);
        for (const run of answer.items) this.runs.set(run.id, run);
        this.wholeAt = Date.now();
        this.#draw();
      }
    } catch {
      if (signal.aborted) return; // else it is asked again, as always
    }
    this.#next();
  }

  /**
   * Whether there may be something new; where nothing runs, a look at the newest run tells.
   * @param {AbortSignal} signal
   */
  async #stirs(signal) {
    if (Date.now() - this.wholeAt > WHOLE_EVERY_MS) return true;
    for (const run of this.runs.values()) if (run.state === "running") return true;
    const { items } = await get("/tests/runs", { ...this.#asked(), limit: 1 }, signal);
    const known = items.length > 0 && this.runs.get(items[0].id);
    return items.length > 0 && (!known || keyOf(known) !== keyOf(items[0]));
  }

  #draw() {
    const runs = [...this.runs.values()].sort((a, b) => (a.started < b.started ? 1 : -1));
    this.onRuns(runs);
    const suites = suitesOf(runs);
    const nodes = suites.map((suite) => this.#suite(suite));
    const shown = /** @type {HTMLElement} */ (this.rows);
    if (nodes.length !== shown.children.length || nodes.some((node, index) => node !== shown.children[index]))
      keepingFocus(() => shown.replaceChildren(...nodes));
    if (!nodes.length)
      this.listed?.replaceChildren(el("p.empty-line", null, "No runs here. Choose other filters."));
    if (this.view?.service) this.#list(runs.slice(0, LISTED));
    for (const { runs: its } of suites) void this.#countFresh(its[0]);
  }

  /** @param {Suite} suite */
  #suite({ place, runs }) {
    const key = runs.slice(0, CELLS).map(keyOf).join() + this.fresh.get(keyOf(runs[0]));
    const known = this.drawn.get(place);
    if (known?.key === key) return known.node;
    const node = suiteOf(runs, this.fresh.get(keyOf(runs[0])) ?? 0);
    this.drawn.set(place, { key, node });
    return node;
  }

  /** @param {Run[]} runs */
  #list(runs) {
    const key = runs.map(keyOf).join();
    if (!this.listed || this.listed.dataset.key === key) return;
    this.listed.dataset.key = key;
    this.listed.replaceChildren(el("h2", null, "Runs"), el("ul.rows", null, runs.map(runRow)));
  }

  /** How many of its failures are new, says the report of a run. @param {Run} run */
  async #countFresh(run) {
    const key = keyOf(run);
    if (this.fresh.has(key) || run.state === "running" || !BAD.some((state) => run.counts[state])) return;
    this.fresh.set(key, 0);
    try {
      const report = await get(`/tests/runs/${run.id}/report`);
      this.fresh.set(key, report.totals.new_failures ?? 0);
      if (this.loaded && report.new_failures.length) this.#draw();
    } catch {
      this.fresh.delete(key);
    }
  }
}

/** What makes a run look as it does. @param {Run} run */
const keyOf = (run) => `${run.id} ${run.state} ${run.changed}`;

/** What moves, or is drawn anew, keeps the focus if it has it. @param {() => void} move */
function keepingFocus(move) {
  const at = /** @type {HTMLElement} */ (document.activeElement);
  const place = /** @type {HTMLElement | null} */ (at?.closest(".suite"))?.dataset.place;
  move();
  if (!place) return;
  const row = document.querySelector(`.suite[data-place="${CSS.escape(place)}"]`);
  const again = row?.querySelector(`.${at.classList[0]}:not([tabindex="-1"])`);
  const same = /** @type {HTMLElement | null | undefined} */ (at.isConnected ? at : again);
  if (same !== document.activeElement) same?.focus({ preventScroll: true });
}

/** Those that run now come first. @param {Run[]} runs the newest first @returns {Suite[]} */
function suitesOf(runs) {
  const found = Map.groupBy ? Map.groupBy(runs, (run) => `${run.project}/${run.service}`) : grouped(runs);
  return [...found]
    .map(([place, its]) => ({ place, runs: its }))
    .sort((a, b) => Number(runsNow(b)) - Number(runsNow(a)) || (a.place < b.place ? -1 : 1));
}

/** @param {Suite} suite */
const runsNow = ({ runs }) => runs[0].state === "running";

/** @param {Run[]} runs @returns {Map<string, Run[]>} */
function grouped(runs) {
  const found = new Map();
  for (const run of runs) {
    const place = `${run.project}/${run.service}`;
    found.set(place, [...(found.get(place) ?? []), run]);
  }
  return found;
}

/** @param {Run[]} runs @param {number} fresh new failures of the newest */
function suiteOf(runs, fresh) {
  const run = runs[0];
  const newest = pathTo({ run: run.id });
  return el(
    "li.suite",
    { "data-place": `${run.project}/${run.service}`, onclick: openNewest },
    el(
      "div.suite-head",
      null,
      sign(run.state),
      el("a.suite-name", { href: newest }, placeName(run)),
      fresh > 0 &&
        el("span.tag.of-new_failure", null, `${number(fresh)} new ${fresh === 1 ? "failure" : "failures"}`),
    ),
    el(
      "a.suite-run",
      { href: newest, "aria-label": `Newest run: ${wordOf(run.state)}` },
      bar(run),
      numbers(run),
    ),
    el("div.suite-words", null, wordsOf(run)),
    strip(
      runs.slice(0, CELLS).reverse().map(cellOf),
      `The last runs of ${run.project}/${run.service}, oldest first`,
    ),
  );
}

/** A click beside the links of a row is one on its newest run. @param {Event} event */
function openNewest(event) {
  const row = /** @type {HTMLElement} */ (event.currentTarget);
  if (/** @type {HTMLElement} */ (event.target).closest("a") || getSelection()?.toString()) return;
  /** @type {HTMLElement | null} */ (row.querySelector(".suite-run"))?.click();
}

/** @param {Run} run */
const wordsOf = (run) => [when(run.started), took(run), branchName(run), revision(run.commit, run.dirty)];

/** @param {Run} run */
function cellOf(run) {
  const bad = BAD.reduce((sum, state) => sum + (run.counts[state] ?? 0), 0);
  const words = [
    wordOf(run.state),
    bad > 0 && `${number(bad)} failed`,
    run.branch && bare(clip(run.branch, 60)),
    run.commit && bare(run.commit.slice(0, COMMIT)),
    new Date(run.started).toLocaleString(),
  ];
  return { state: run.state, title: words.filter(Boolean).join(" · "), href: pathTo({ run: run.id }) };
}

/** @param {Run} run */
const runRow = (run) =>
  el(
    "li",
    null,
    el(
      "a.run-row",
      { href: pathTo({ run: run.id }) },
      sign(run.state),
      el("span.run-row-words", null, wordsOf(run)),
      bar(run),
      numbers(run),
    ),
  );
