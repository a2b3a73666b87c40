import { Newest, Refused, clock, get } from "./api.js";
import { columns } from "./columns.js";
import { byId } from "./dom.js";
import { FIELDS } from "./facets.js";
import { failed, firstSteps, notice, nothingFound } from "./notices.js";
import { filtersOf, withoutField } from "./query.js";
import { selection } from "./state.js";
import { compact, counted, number } from "./text.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */
/** @typedef {import("./state.js").View} View */

const FIRST_PAGE = 300;
const OLDER_PAGE = 500;
const PATTERNS_MAX = 200;
const FACET_VALUES = 50;
const COLUMN_PX = 9; // width of a column of the histogram, about

/**
 * @typedef {object} Parts
 * @property {import("./record-list.js").RecordList} list
 * @property {import("./histogram.js").HistogramChart} histogram
 * @property {import("./facets.js").FacetList} facets
 * @property {import("./patterns.js").PatternList} patterns
 * @property {import("./search.js").Search} search
 * @property {() => import("./times.js").Zone} zone
 * @property {(patch: Partial<View>) => void} go
 * @property {() => void} onChange  what is shown comes to an end
 * @property {(error: Error) => boolean} onTrouble  true: it was dealt with
 */

/** Asks for what a view shows, and hands each answer to its part of the page. */
export class Results {
  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    this.newest = new Newest();
    this.counting = new Newest();
    /** @type {string | null} */
    this.cursor = null;
    this.loadingOlder = false;
    /** @type {View | null} what the list shows; a query with a mistake changes nothing */
    this.view = null;
    /** @type {LogRecord | null} newest record of all, where the view has none */
    this.elsewhere = null;
  }

  /**
   * Load a view from the beginning.
   * @param {View} view
   * @returns {Promise<boolean>} whether its records are shown
   */
  async load(view) {
    const signal = this.newest.next();
    const { list, search } = this.parts;
    byId("records").setAttribute("aria-busy", "true");
    if (!list.length) byId("records").classList.add("is-loading");
    this.counting.stop();
    try {
      const page = await get("/logs", { ...selection(view), order: "desc", limit: FIRST_PAGE }, signal);
      search.sound();
      this.parts.onChange();
      this.view = view;
      this.cursor = page.next;
      list.replace(page.items);
      void this.count(); // after the query is known to be sound
      if (page.items.length) notice(null);
      else await this.#explainNothing(view, signal);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.#refused(/** @type {Error} */ (error), view);
      return false;
    } finally {
      if (!signal.aborted) {
        byId("records").removeAttribute("aria-busy");
        byId("records").classList.remove("is-loading");
      }
    }
  }

  /** @param {Error} error @param {View} view */
  #refused(error, view) {
    if (error instanceof Refused && error.code === "invalid_query") {
      this.parts.search.fault(error.message, error.column);
      return;
    }
    this.parts.onChange();
    if (this.parts.onTrouble(error) || this.parts.list.length) return;
    notice(failed(error, () => this.load(view)));
  }

  /** @param {View} view @param {AbortSignal} signal */
  async #explainNothing(view, signal) {
    const { go } = this.parts;
    const any = (await get("/logs", { limit: 1 }, signal)).items[0] ?? null;
    this.elsewhere = any;
    if (!any) return notice(firstSteps());
    const ways = [];
    const wider = { q: view.q, order: "desc", limit: 1 };
    if (view.since !== "all" || view.until) {
      const found = (await get("/logs", wider, signal)).items.length > 0;
      if (found) ways.push({ text: "Look through all time", act: () => go({ since: "all", until: "" }) });
    }
    if (view.q) ways.push({ text: "Drop the query", act: () => go({ q: "" }) });
    notice(nothingFound(ways));
  }

  /** Count: histogram, facets, patterns. */
  async count() {
    const { view } = this;
    if (!view) return;
    const signal = this.counting.next();
    const { until, ...columned } = this.#columns(view);
    const since = columned.since ?? view.since; // all are counted over the same range
    const results = await Promise.allSettled([
      this.#histogram({ ...view, since, until: until ?? view.until }, columned.buckets, signal),
      this.#facets({ ...view, since }, signal),
      this.#patterns({ ...view, since }, signal),
    ]);
    for (const result of results) {
      if (result.status === "rejected" && !signal.aborted && !(result.reason instanceof Refused))
        this.parts.onTrouble(result.reason);
    }
  }

  /** @param {View} view */
  #columns(view) {
    const most = Math.max(30, Math.min(240, Math.round(byId("histogram").clientWidth / COLUMN_PX)));
    return columns(view, most, clock.now());
  }

  /** @param {View} view @param {number} buckets @param {AbortSignal} signal */
  async #histogram(view, buckets, signal) {
    const counts = await get("/logs/histogram", { ...selection(view), buckets }, signal);
    this.parts.histogram.show(counts, this.parts.zone());
    const count = byId("count-records");
    count.textContent = compact(counts.total);
    count.title = number(counts.total);
    document.title = `${view.q || "All records"} · pylogtap`;
    byId("records").setAttribute("aria-label", `${counted(counts.total, "record")}, oldest first`);
  }

  /** The values of a filtered field are counted without its filter: the others remain to choose from. */
  async #facets(/** @type {View} */ view, /** @type {AbortSignal} */ signal) {
    const filtered = FIELDS.filter((field) =>
      Object.values(filtersOf(view.q, field)).some((values) => values.length),
    );
    const others = FIELDS.filter((field) => !filtered.includes(field));
    const ask = (/** @type {string} */ q, /** @type {string[]} */ fields) =>
      fields.length
        ? get("/logs/facets", { ...selection(view), q, fields, limit: FACET_VALUES }, signal)
        : { items: [] };
    const answers = await Promise.all([
      ask(view.q, others),
      ...filtered.map((field) => ask(withoutField(view.q, field), [field])),
    ]);
    const facets = answers.flatMap((answer) => answer.items);
    this.parts.facets.show(
      FIELDS.flatMap((field) => facets.filter((facet) => facet.field === field)),
      view.q,
    );
  }

  /** @param {View} view @param {AbortSignal} signal */
  async #patterns(view, signal) {
    const { items } = await get("/logs/patterns", { ...selection(view), limit: PATTERNS_MAX }, signal);
    this.parts.patterns.show(items, this.parts.zone());
    byId("count-patterns").textContent =
      items.length < PATTERNS_MAX ? String(items.length) : `${PATTERNS_MAX}+`;
  }

  /**
   * Load the page before the oldest record.
   * @returns {Promise<boolean>} whether there may be more
   */
  async older() {
    const { view } = this;
    const { list } = this.parts;
    if (!view || this.loadingOlder || !this.#hasOlder()) return false;
    this.loadingOlder = true;
    const signal = this.newest.next();
    try {
      // What the list forgot is no page of the cursor any more: begin anew behind the oldest that is left.
      const oldest = list.trimmed ? list.oldest : null;
      const from = oldest
        ? { ...selection(view), until: behind(oldest.time) }
        : { ...selection(view), cursor: this.cursor };
      const page = await get("/logs", { ...from, order: "desc", limit: OLDER_PAGE }, signal);
      this.cursor = page.next;
      list.trimmed = false;
      list.add(page.items);
      return this.#hasOlder();
    } catch (error) {
      if (!signal.aborted) this.parts.onTrouble(/** @type {Error} */ (error));
      return false;
    } finally {
      this.loadingOlder = false;
    }
  }

  #hasOlder() {
    return this.cursor !== null || this.parts.list.trimmed === true;
  }
}

/** The next moment behind a time, so that records of the same moment are not missed. @param {string} time */
function behind(time) {
  return new Date(Date.parse(time) + 1).toISOString();
}
