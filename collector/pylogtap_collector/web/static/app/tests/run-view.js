import { Newest, Refused, get } from "../api.js";
import { el } from "../dom.js";
import { announce, failed } from "../notices.js";
import { block, number } from "../text.js";
import { micros } from "../times.js";
import { CaseList } from "./case-list.js";
import { bar, casesOf, numbers, progress } from "./counts.js";
import { RunFilters } from "./run-filters.js";
import { reportOf } from "./report.js";
import { RunFacts } from "./run-facts.js";
import { sign, wordOf } from "./states.js";
import { pathTo } from "./view.js";
import { Watch } from "./watch.js";
import { branchName, placeName, revision, took, when } from "./words.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./types.js").Case} Case */
/** @typedef {import("./view.js").View} View */

const PAGE = 300;
const NEXT_PAGE = 1_000;
const REPORT_EVERY_MS = 5_000; // while it runs
const ENDED_EARLY = ["interrupted", "error", "failed"]; // cases may have been cut short

/** One run: what it is, what it says, all of its cases; while it runs, as it goes on. */
export class RunView {
  /** @param {HTMLElement} host @param {(patch: Partial<View>, replace?: boolean) => void} go */
  constructor(host, go) {
    this.host = host;
    this.go = go;
    this.newest = new Newest();
    this.listing = new Newest();
    /** @type {View | null} */
    this.view = null;
    /** @type {Run | null} */
    this.run = null;
    /** @type {Record<string, any> | null} */
    this.report = null;
    this.reportedAt = 0;
    /** @type {string | null} */
    this.cursor = null;
    this.lost = 0; // cases that had begun and whose run ended first
    this.onCases = (/** @type {Case[]} */ _cases) => {};
    this.onRun = (/** @type {Run} */ _run) => {};
    this.list = new CaseList(host, { onOpen: (one) => go({ case: one.id }), onEnd: () => void this.#more() });
    this.resized = new ResizeObserver(() => this.list.draw()); // of what stands above the list
    this.filters = new RunFilters(go);
    this.watch = new Watch({
      onRun: (run) => this.#heard(run),
      onCases: (cases) => {
        this.list.apply(cases, (one) => this.filters.fits(one));
        this.onCases(cases);
      },
      onRefused: (error) => this.#failed(error),
    });
  }

  /** @param {View} view */
  async show(view) {
    this.view = view;
    this.#mark();
    const same = this.run?.id === view.run;
    const filtered = this.filters.show(view);
    if (same && !filtered) return;
    if (same) return this.#listAnew();
    this.leave();
    this.host.replaceChildren(el("p.loading", null, "Loading the run …"));
    const signal = this.newest.next();
    try {
      const run = await get(`/tests/runs/${view.run}`, {}, signal);
      this.#draw(run);
      await this.#listAnew();
      if (signal.aborted || !this.run) return;
      this.watch.start(run);
      await Promise.all([this.#countLost(), this.#loadReport()]);
    } catch (error) {
      if (!signal.aborted) this.#failed(/** @type {Error} */ (error));
    }
  }

  /** Show which case is unfolded beside it. */
  #mark() {
    const open = this.view?.case ?? "";
    this.list.mark(open);
    for (const row of this.found?.querySelectorAll("a.case") ?? [])
      if (/** @type {HTMLElement} */ (row).dataset.case === open) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
  }

  leave() {
    this.newest.stop();
    this.lost = 0;
    this.listing.stop();
    this.watch.stop();
    this.resized.disconnect();
    this.run = null;
    this.report = null;
    this.list.replace([]);
  }

  /** @param {Error} error */
  #failed(error) {
    const again = () => this.view && void this.show(this.view);
    const gone = error instanceof Refused && error.status === 404;
    this.leave();
    this.host.replaceChildren(
      gone
        ? el(
            "p.empty-line",
            { role: "alert" },
            "This run is not stored: it was deleted, or is none that you may see.",
          )
        : el("section.card.words", null, ...failed(error, again)),
    );
  }

  /** @param {Run} run */
  #draw(run) {
    this.head = el("div.run-head");
    this.found = el("div.run-report");
    this.facts = new RunFacts();
    this.host.replaceChildren(
      this.head,
      this.found,
      this.facts.node,
      el("section.run-cases", { "aria-label": "All cases" }, this.filters.node, this.list.node),
    );
    for (const above of [this.head, this.found, this.facts.node]) this.resized.observe(above);
    this.host.scrollTop = 0;
    this.#drawRun(run);
  }

  /** @param {Run} run */
  #drawRun(run) {
    this.run = run;
    document.title = `${wordOf(run.state)} · ${run.project}/${run.service} · pylogtap`;
    this.onRun(run);
    const counted = this.lost ? { ...run, counts: { interrupted: this.lost, ...run.counts } } : run;
    this.head?.replaceChildren(...headOf(counted));
    this.facts?.show(run, this.report?.baseline ?? null);
    this.filters.count(counted);
  }

  /** How many cases were cut short: counts of a run tell of those that ended, and of those that go on. */
  async #countLost() {
    const { run } = this;
    if (!run || !ENDED_EARLY.includes(run.state)) return void (this.lost = 0);
    let lost = 0;
    try {
      let cursor = null;
      do {
        const asked = { run: run.id, state: "interrupted", limit: NEXT_PAGE, cursor };
        const page = await get("/tests/cases", asked);
        lost += page.items.length;
        cursor = page.next;
      } while (cursor && this.run?.id === run.id);
    } catch {
      return; // the list says it as well
    }
    if (this.run?.id !== run.id || this.run.state !== run.state || lost === this.lost) return;
    this.lost = lost;
    this.#drawRun(this.run);
  }

  /** @param {Run} run */
  #heard(run) {
    const before = this.run;
    if (!before || (before.changed === run.changed && before.state === run.state)) return;
    if (run.state === "running") this.lost = 0;
    this.#drawRun(run);
    if (run.state !== before.state) announce(`The run: ${wordOf(run.state)}`);
    if (run.state !== "running") void this.#countLost();
    const left = [...this.list.cases.values()].some((one) => one.state === "running");
    if (left && ENDED_EARLY.includes(run.state)) void this.#listAnew(); // nobody tells of cases cut short
    const due = run.state !== "running" || Date.now() - this.reportedAt > REPORT_EVERY_MS;
    if (due) void this.#loadReport();
  }

  async #loadReport() {
    const { run } = this;
    if (!run) return;
    this.reportedAt = Date.now();
    try {
      const report = await get(`/tests/runs/${run.id}/report`);
      if (this.run?.id !== run.id) return;
      this.report = report;
      this.#compare(report);
      const shown = reportOf(report, run.id);
      this.found?.replaceChildren(...(shown ? [shown] : []));
      this.facts?.show(this.run, report.baseline);
      this.#mark();
    } catch {
      this.found?.replaceChildren(); // the cases say it as well
    }
  }

  /** How cases compare with those before is known later than they are. @param {Record<string, any>} report */
  #compare(report) {
    const groups = Object.values(report).filter(Array.isArray);
    const cases = groups.flatMap((group) => group.map((/** @type {any} */ finding) => finding.case));
    const known = (/** @type {Case | null} */ one) => one && this.list.cases.get(one.id);
    this.list.apply(
      cases.filter((one) => micros(one?.changed ?? "") >= micros(known(one)?.changed ?? "")),
      (one) => this.filters.fits(one),
    );
  }

  async #listAnew() {
    const signal = this.listing.next();
    this.cursor = null;
    this.list.node.setAttribute("aria-busy", "true");
    try {
      const page = await get("/tests/cases", this.#asked(), signal);
      this.list.replace(page.items);
      this.cursor = page.next;
      this.filters.found(page.items.length, page.next !== null);
    } catch (error) {
      if (!signal.aborted) this.#failed(/** @type {Error} */ (error));
    } finally {
      if (!signal.aborted) this.list.node.removeAttribute("aria-busy");
    }
  }

  #asked() {
    return { run: this.filters.view.run, ...this.filters.asked, limit: PAGE };
  }

  async #more() {
    const { cursor } = this;
    if (!cursor) return;
    this.cursor = null;
    const signal = this.listing.next();
    try {
      const page = await get("/tests/cases", { ...this.#asked(), limit: NEXT_PAGE, cursor }, signal);
      this.cursor = page.next;
      this.list.append(page.items);
      this.filters.found(this.list.length, page.next !== null);
    } catch {
      if (!signal.aborted) this.cursor = cursor;
    }
  }
}

/** @param {Run} run */
function headOf(run) {
  const all = casesOf(run);
  return [
    el(
      "h1.run-title",
      null,
      sign(run.state, false),
      el("span.run-state", null, wordOf(run.state)),
      el("a.quiet-link", { href: pathTo({ project: run.project, service: run.service }) }, placeName(run)),
    ),
    el(
      "p.run-words",
      null,
      when(run.started),
      el("span", null, run.state === "running" ? "for " : "took ", took(run)),
      branchName(run),
      revision(run.commit, run.dirty),
      el("span", null, `${number(all)} ${all === 1 ? "case" : "cases"}`),
    ),
    run.reason && block(run.reason, "p.run-reason"),
    el("div.run-counts", null, bar(run), progress(run), numbers(run)),
  ].filter((node) => node instanceof Node);
}
