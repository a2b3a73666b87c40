import { setUpAccountMenu } from "./account-menu.js";
import { byId } from "./dom.js";
import { openHelp } from "./help.js";
import { copy, firstTests, notice } from "./notices.js";
import { showTheme, switchTheme } from "./preferences.js";
import { askWhoIsThere } from "./session.js";
import { TEST_KEYS, listen } from "./shortcuts.js";
import { State } from "./state.js";
import { CaseDetailPanel } from "./tests/case-detail.js";
import { Lists } from "./tests/lists.js";
import { Overview } from "./tests/overview.js";
import { RunView } from "./tests/run-view.js";
import { TestView } from "./tests/test-view.js";
import { Toolbar } from "./tests/toolbar.js";
import { pathTo, readView, writeView } from "./tests/view.js";
import { tickAll } from "./tests/words.js";

/** @typedef {import("./tests/view.js").View} View */

const TITLE = "Tests · pylogtap";
const host = byId("tests");
const state = new State(readView, writeView);
const go = (/** @type {Partial<View>} */ patch, replace = false) => state.set(patch, { replace });

const toolbar = new Toolbar(go);
const overview = new Overview(host, (runs) => {
  toolbar.learn(runs);
  const { project, branch } = state.view;
  notice(runs.length || project || branch ? null : firstTests());
});
const lists = new Lists(host, go);
const run = new RunView(host, go);
const test = new TestView(host);
const detail = new CaseDetailPanel({
  onClose: () => go({ case: "" }),
  onStep: step,
  onLink: () => void copy(location.origin + pathTo({ run: detail.one?.run, case: detail.id }), "Link copied"),
  onKnown: (one) => !state.view.run && !state.view.test && go({ run: one.run }, true),
});
run.onRun = (one) => toolbar.know(one);
run.onCases = (/** @type {import("./tests/types.js").Case[]} */ cases) => detail.heard(cases);

/** What fills the page beside the case that is unfolded; null: which run that is, is not known yet. @param {View} view */
function partOf(view) {
  if (view.case && !view.run && !view.test) return null;
  if (view.run) return run;
  if (view.test) return test;
  return view.tab === "services" ? overview : lists;
}

/** What a list in the page depends on. @param {View} view */
const listed = ({ tab, project, service, branch, q }) => [tab, project, service, branch, q].join("\n");

/** @param {View} view @param {View | null} before */
function show(view, before) {
  const part = partOf(view);
  for (const other of [overview, lists, run, test]) if (other !== part) other.leave();
  if (part === null) host.replaceChildren();
  toolbar.show(view);
  document.body.classList.toggle("has-detail", view.case !== "");
  if (part === run || part === test) {
    notice(null);
    void part.show(view);
  } else if (part && (!before || part !== partOf(before) || listed(view) !== listed(before))) {
    document.title = TITLE;
    notice(null);
    void part.show(view);
  }
  showCase(view.case);
}

/** @param {string} id */
function showCase(id) {
  if (id) return void detail.show(id);
  const inside = byId("detail").contains(document.activeElement);
  detail.close();
  if (inside) host.focus({ preventScroll: true });
}

/** Go to the case below or above, or in a list to the next row. @param {number} by */
function step(by) {
  const { view } = state;
  if (view.run) {
    const found = run.list.step(by);
    if (found && detail.open) go({ case: found.id }, true);
    return;
  }
  const rows = /** @type {HTMLElement[]} */ ([...host.querySelectorAll(".rows a, .suite-run")]);
  const open = rows.findIndex((row) => row.getAttribute("aria-current"));
  const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = rows[Math.max(0, Math.min(rows.length - 1, (at < 0 ? open : at) + by))];
  next?.focus();
  if (detail.open) next?.click();
}

/** One level up: the case is closed, then the list is shown again. */
function up() {
  const at = /** @type {HTMLElement | null} */ (document.activeElement);
  if (at?.matches("input")) return at.blur();
  if (state.view.case) return go({ case: "" });
  if (state.view.test) return go({ test: null, tab: "tests" });
  if (state.view.run) return go({ run: "", states: [], q: "" });
}

// Links within the page change the view alone; a new tab or window gets a page of its own.
document.addEventListener("click", (event) => {
  if (
    event.defaultPrevented ||
    event.button ||
    event.ctrlKey ||
    event.metaKey ||
    event.shiftKey ||
    event.altKey
  )
    return;
  const link = /** @type {HTMLAnchorElement | null} */ (
    /** @type {HTMLElement} */ (event.target).closest("a[href]")
  );
  if (!link || link.origin !== location.origin || link.pathname !== location.pathname) return;
  event.preventDefault();
  go(readView(link.search));
});

function changeTheme() {
  switchTheme();
  test.redraw();
}

byId("theme").addEventListener("click", changeTheme);
byId("help").addEventListener("click", () => openHelp(TEST_KEYS));
listen({
  "/": () => /** @type {HTMLElement | null} */ (host.querySelector("input[type=search]"))?.focus(),
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Enter: () => run.list.current && go({ case: state.view.case === run.list.current ? "" : run.list.current }),
  Escape: up,
  f: () => state.view.run && run.filters.toggleBad(),
  t: changeTheme,
  "?": () => openHelp(TEST_KEYS),
});

askWhoIsThere();
setUpAccountMenu();
showTheme();
setInterval(tickAll, 1_000);
state.onChange(show);
show(state.view, null);
