// What is looked at lives in the address: a view can be sent to somebody, and "back" goes back.

/**
 * @typedef {object} View
 * @property {string} q  the query
 * @property {string} since  a length like `1h`, `all`, or RFC 3339
 * @property {string} until  empty: now; or RFC 3339
 * @property {number | null} log  id of the unfolded record
 * @property {"records" | "patterns"} tab
 * @property {boolean} live  whether new records are wanted
 */

/** @type {Readonly<View>} */
const INITIAL = Object.freeze({
  q: "",
  since: "1h",
  until: "",
  log: null,
  tab: "records",
  live: true,
});

/**
 * Read a view from an address.
 * @param {string} search `location.search`
 * @returns {View}
 */
export function fromSearch(search) {
  const params = new URLSearchParams(search);
  const log = Number(params.get("log"));
  return {
    q: params.get("q") ?? INITIAL.q,
    since: params.get("since") || INITIAL.since,
    until: params.get("until") ?? INITIAL.until,
    log: Number.isSafeInteger(log) && log > 0 ? log : null,
    tab: params.get("tab") === "patterns" ? "patterns" : "records",
    live: params.get("live") !== "off",
  };
}

/**
 * Write a view as an address; what is as always is left out.
 * @param {View} view
 */
export function toSearch(view) {
  const params = new URLSearchParams();
  if (view.q) params.set("q", view.q);
  if (view.since !== INITIAL.since) params.set("since", view.since);
  if (view.until) params.set("until", view.until);
  if (view.tab !== INITIAL.tab) params.set("tab", view.tab);
  if (!view.live) params.set("live", "off");
  if (view.log) params.set("log", String(view.log));
  const text = params.toString();
  return text ? `?${text}` : "";
}

/**
 * The range of a view as the API takes it.
 * @param {View} view
 * @returns {{q: string, since?: string, until?: string}}
 */
export function selection(view) {
  return {
    q: view.q,
    ...(view.since !== "all" && { since: view.since }),
    ...(view.until && { until: view.until }),
  };
}

/** Whether two views show the same records. @param {View} a @param {View} b */
export const sameSelection = (a, b) => a.q === b.q && a.since === b.since && a.until === b.until;

/**
 * Keeps the view and the address alike, and tells everybody who asked.
 * @template {object} [V=View]
 */
export class State {
  /**
   * Begin with the view that the address names.
   * @param {(search: string) => V} [read] an address; default: that of the page of the logs
   * @param {(view: V) => string} [write]
   */
  constructor(read = /** @type {any} */ (fromSearch), write = /** @type {any} */ (toSearch)) {
    this.write = write;
    this.view = read(location.search);
    /** @type {((view: V, before: V) => void)[]} */
    this.listeners = [];
    addEventListener("popstate", () => this.#tell(read(location.search)));
  }

  /** @param {(view: V, before: V) => void} listener */
  onChange(listener) {
    this.listeners.push(listener);
  }

  /**
   * Change the view.
   * @param {Partial<V>} patch
   * @param {{replace?: boolean}} [options] replace: no new step for the "back" button
   */
  set(patch, { replace = false } = {}) {
    const view = { ...this.view, ...patch };
    const search = this.write(view);
    if (search === this.write(this.view)) return;
    history[replace ? "replaceState" : "pushState"](null, "", search || location.pathname);
    this.#tell(view);
  }

  /** @param {V} view */
  #tell(view) {
    const before = this.view;
    this.view = view;
    for (const listener of this.listeners) listener(view, before);
  }
}
