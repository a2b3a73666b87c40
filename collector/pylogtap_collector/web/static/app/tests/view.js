// What is looked at on the page of tests lives in its address, as on the page of the logs.

/**
 * @typedef {object} View
 * @property {string} project  empty: all
 * @property {string} service  empty: all
 * @property {string} branch  empty: all
 * @property {string} tab  one of TABS
 * @property {string} run  id of the run that is shown; empty: none
 * @property {number | null} test  number of the test that is shown
 * @property {string} case  id of the case that is unfolded beside it; empty: none
 * @property {string[]} states  of the cases that are listed; none: all
 * @property {string} q  a part of the nodes that are listed
 */

export const TABS = ["services", "tests", "flaky", "slow", "failures"];
const ID = /^[0-9a-f]{32}$/;
const STATE = /^[a-z]{1,20}$/;

/** @type {Readonly<View>} */
export const INITIAL = Object.freeze({
  project: "",
  service: "",
  branch: "",
  tab: TABS[0],
  run: "",
  test: null,
  case: "",
  states: [],
  q: "",
});

/**
 * Read a view from an address.
 * @param {string} search `location.search`
 * @returns {View}
 */
export function readView(search) {
  const params = new URLSearchParams(search);
  const text = (/** @type {string} */ name) => params.get(name) ?? "";
  const id = (/** @type {string} */ name) => (ID.test(text(name)) ? text(name) : "");
  const test = Number(text("test"));
  return {
    project: text("project"),
    service: text("service"),
    branch: text("branch"),
    tab: TABS.includes(text("tab")) ? text("tab") : INITIAL.tab,
    run: id("run"),
    test: Number.isSafeInteger(test) && test > 0 ? test : null,
    case: id("case"),
    states: text("state")
      .split(",")
      .filter((state) => STATE.test(state)),
    q: text("q"),
  };
}

/**
 * Write a view as an address; what is as always is left out.
 * @param {View} view
 */
export function writeView(view) {
  const params = new URLSearchParams();
  for (const name of /** @type {const} */ (["project", "service", "branch", "run", "case", "q"]))
    if (view[name]) params.set(name, view[name]);
  if (view.tab !== INITIAL.tab) params.set("tab", view.tab);
  if (view.test) params.set("test", String(view.test));
  if (view.states.length) params.set("state", view.states.join(","));
  const text = params.toString();
  return text ? `?${text}` : "";
}

/**
 * The address of a view.
 * @param {Partial<View>} view  what is as always may be left out
 */
export const pathTo = (view) => `/tests${writeView({ ...INITIAL, ...view })}`;

/** Where the log lines that a case caused are. @param {string} id of the case */
export const logsOf = (id) => `/?q=${encodeURIComponent(`test:${id}`)}&since=all`;
