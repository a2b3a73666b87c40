import { Detail } from "./detail.js";
import { Live } from "./live.js";
import { setUpAccountMenu } from "./account-menu.js";
import { Refused, Unreachable, isUnknown } from "./api.js";
import { byId } from "./dom.js";
import { setUpDownload } from "./download.js";
import { FacetList } from "./facets.js";
import { openHelp } from "./help.js";
import { HistogramChart } from "./histogram.js";
import { banner, copy, toast } from "./notices.js";
import { PatternList } from "./patterns.js";
import { showTheme, showZone, switchDensity, switchTheme, switchZone, zone } from "./preferences.js";
import { toggleFilter } from "./query.js";
import { RecordList } from "./record-list.js";
import { Results } from "./results.js";
import { lineOf } from "./row.js";
import { Search } from "./search.js";
import { askWhoIsThere, may } from "./session.js";
import { listen } from "./shortcuts.js";
import { State, sameSelection, selection, toSearch } from "./state.js";
import { counted } from "./text.js";
import { TimeRange } from "./time-range.js";
import { micros } from "./times.js";
import { Vocabulary } from "./vocabulary.js";
import { Walk } from "./walk.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */

const LINK_BEFORE_MS = 600_000;
const LINK_BEHIND_MS = 2_000;
const RETRY_MS = 3_000;

let retryTimer = 0;

const state = new State();
const filter = (/** @type {string} */ field, /** @type {string} */ value, /** @type {boolean} */ exclude) =>
  state.set({ q: toggleFilter(state.view.q, field, value, { exclude }), tab: "records" });

const list = new RecordList(byId("records"), {
  onTop: () => results.older(),
  onOpen: (log) => state.set({ log: log.id }, { replace: detail.open }),
  onFollow: (follows) => live.followed(follows),
});
const detail = new Detail({
  onClose: () => state.set({ log: null }),
  onStep: (by) => walk.step(by),
  onFilter: filter,
  onOpen: (log) => state.set({ log: log.id }),
  onLink: (log) => void copy(linkTo(log), "Link copied"),
  onChange: (log) => list.update(log),
});
const histogram = new HistogramChart((since, until) => state.set({ since, until }));
const facets = new FacetList(filter);
const patterns = new PatternList((id, exclude) => filter("pattern", String(id), exclude));
const range = new TimeRange((since, until) => state.set({ since, until }));
const search = new Search(
  (q, typing) => state.set({ q }, { replace: typing }),
  new Vocabulary(list, () => selection({ ...state.view, q: "" })),
);
const results = new Results({
  list,
  histogram,
  facets,
  patterns,
  search,
  zone,
  go: (patch) => state.set(patch),
  onChange: () => live.stop(),
  onTrouble: trouble,
});
const live = new Live({
  list,
  results,
  view: () => results.view ?? state.view,
  reload: load,
  onRefused: (error) => {
    live.stop();
    trouble(error);
  },
});

const walk = new Walk(list, {
  older: () => results.older(),
  onStep: (log) => detail.open && state.set({ log: log.id }, { replace: true }),
});

/** Show the view from the beginning, and follow it where that is wanted. */
async function load() {
  const shown = await results.load(state.view);
  if (!shown) return;
  banner(null);
  showOpened();
  if (state.view.live && !state.view.until) live.start();
}

/**
 * @param {Error} error
 * @returns {boolean} whether it was dealt with
 */
function trouble(error) {
  if (isUnknown(error)) return true; // the page is being left for that to sign in
  if (error instanceof Unreachable && !live.on) {
    banner("The collector does not answer. Trying again …");
    clearTimeout(retryTimer);
    retryTimer = setTimeout(() => void load(), RETRY_MS);
    return true;
  }
  if (error instanceof Refused && list.length) toast(error.message);
  return false;
}

function showOpened() {
  const { log: id } = state.view;
  list.hold(id !== null);
  document.body.classList.toggle("has-detail", id !== null);
  const index = list.indexOf(id);
  if (id === null) {
    const inside = byId("detail").contains(document.activeElement);
    detail.close();
    if (inside) byId("records").focus({ preventScroll: true });
    return;
  }
  if (index >= 0) list.moveTo(index);
  else list.mark(id);
  if (detail.log?.id !== id) void detail.show(id, index >= 0 ? list.entries[index].log : null);
}

function showTab() {
  const patternsShown = state.view.tab === "patterns";
  byId("records-panel").hidden = patternsShown;
  byId("patterns-panel").hidden = !patternsShown;
  for (const name of ["records", "patterns"]) {
    const chosen = name === state.view.tab;
    byId(`tab-${name}`).setAttribute("aria-selected", String(chosen));
    byId(`tab-${name}`).tabIndex = chosen ? 0 : -1;
  }
  if (!patternsShown) list.measure();
}

/** An address that shows a record among its neighbours, whenever it is opened. @param {LogRecord} log */
function linkTo(log) {
  const at = micros(log.time) / 1000;
  const iso = (/** @type {number} */ time) => new Date(time).toISOString();
  const view = {
    ...state.view,
    since: iso(at - LINK_BEFORE_MS),
    until: iso(at + LINK_BEHIND_MS),
    log: log.id,
  };
  return location.origin + location.pathname + toSearch(view);
}

function toggleLive() {
  if (state.view.until) state.set({ since: "1h", until: "", live: true });
  else state.set({ live: !state.view.live });
}

function showAll() {
  range.show(state.view.since, state.view.until, zone());
  search.show(state.view.q);
  showTab();
}

state.onChange((view, before) => {
  showAll();
  if (!sameSelection(view, before)) void load();
  else if (view.live !== before.live) view.live && results.view ? live.start() : live.stop();
  if (view.log !== before.log || (view.log === null && detail.open)) showOpened();
});

function changeTheme() {
  switchTheme();
  histogram.redraw();
}

byId("live").addEventListener("click", toggleLive);
byId("theme").addEventListener("click", changeTheme);
byId("help").addEventListener("click", () => openHelp());
byId("tab-records").addEventListener("click", () => state.set({ tab: "records" }));
byId("tab-patterns").addEventListener("click", () => state.set({ tab: "patterns" }));
byId("density").addEventListener("click", () => {
  switchDensity();
  list.measure();
});
byId("zone").addEventListener("click", () => {
  switchZone();
  showZones();
});
byId("copy").addEventListener(
  "click",
  () =>
    void copy(
      list.entries.map(({ log }) => lineOf(log)).join("\n"),
      `${counted(list.length, "record")} copied`,
    ),
);
byId("filters").addEventListener("click", () => {
  const open = document.body.classList.toggle("has-filters");
  byId("filters").setAttribute("aria-expanded", String(open));
});
setUpDownload(() => selection(results.view ?? state.view));

function showZones() {
  showZone();
  list.setZone(zone());
  detail.setZone(zone());
  histogram.zone = zone();
  histogram.redraw();
  range.show(state.view.since, state.view.until, zone());
}

listen({
  "/": () => search.focus(),
  j: () => walk.step(1),
  k: () => walk.step(-1),
  ArrowDown: () => walk.step(1),
  ArrowUp: () => walk.step(-1),
  Enter: () =>
    list.current !== null && state.set({ log: state.view.log === list.current ? null : list.current }),
  Escape: () => {
    if (document.activeElement === search.input) search.input.blur();
    else if (document.body.classList.contains("has-filters")) byId("filters").click();
    else if (detail.open) state.set({ log: null });
    else list.mark(null);
  },
  e: () => void walk.toError(1),
  E: () => void walk.toError(-1),
  G: () => list.toEnd(),
  l: toggleLive,
  p: () => state.set({ tab: state.view.tab === "patterns" ? "records" : "patterns" }),
  t: changeTheme,
  "?": () => openHelp(),
});

askWhoIsThere((me) => detail.setRights((project) => may(me, "write", project)));
setUpAccountMenu();
showTheme();
showZones();
showAll();
void load();
