import { bare } from "../ansi.js";
import { get } from "../api.js";
import { byId, el } from "../dom.js";
import { clip } from "../text.js";
import { INITIAL, TABS, pathTo } from "./view.js";

/** @typedef {import("./types.js").Run} Run */
/** @typedef {import("./view.js").View} View */

const KNOWN = 200; // runs whose services and branches are offered
const NAMES = { services: "Services", tests: "Tests", flaky: "Flaky", slow: "Slow", failures: "Failures" };

/** The lists to choose from, and of which services and branches they are. */
export class Toolbar {
  /** @param {(patch: Partial<View>) => void} go */
  constructor(go) {
    this.tabs = byId("test-tabs");
    this.back = byId("crumbs");
    /** @type {Set<string>} */
    this.places = new Set();
    /** @type {Set<string>} */
    this.branches = new Set();
    this.service = /** @type {HTMLSelectElement} */ (byId("service"));
    this.branch = /** @type {HTMLSelectElement} */ (byId("branch"));
    this.service.addEventListener("change", () => {
      const [project = "", service = ""] = this.service.value.split("/");
      go({ project, service, run: "", test: null, case: "" });
    });
    this.branch.addEventListener("change", () => go({ branch: this.branch.value }));
    this.asked = false;
    /** @type {Run | null} the one that was shown last */
    this.run = null;
  }

  /** @param {View} view */
  show(view) {
    const whole = !view.run && !view.test;
    this.tabs.hidden = byId("test-filters").hidden = !whole;
    this.back.hidden = whole;
    if (!whole) this.#crumbs(view);
    this.tabs.replaceChildren(
      ...TABS.map((tab) =>
        el(
          "a",
          {
            href: pathTo({ ...view, tab, q: "", states: [], case: "" }),
            "aria-current": whole && tab === view.tab ? "page" : null,
          },
          NAMES[/** @type {keyof typeof NAMES} */ (tab)],
        ),
      ),
    );
    byId("branch-field").hidden = view.tab !== "services";
    this.view = view;
    this.#options();
    if (whole && !this.asked) void this.#ask(view);
  }

  /** What can be filtered by. @param {Run[]} runs */
  learn(runs) {
    const before = this.places.size + this.branches.size;
    for (const { project, service, branch } of runs) {
      this.places.add(`${project}/${service}`);
      if (branch) this.branches.add(branch);
    }
    if (this.places.size + this.branches.size !== before) this.#options();
  }

  /** Which run is shown: the way back leads to its service. @param {Run} run */
  know(run) {
    if (this.run?.id === run.id) return;
    this.run = run;
    if (this.view?.run === run.id) this.#crumbs(this.view);
  }

  /** Where the list is filtered already, the rest is asked for. @param {View} view */
  async #ask({ project, branch, tab }) {
    this.asked = true;
    if (tab === "services" && !project && !branch) return;
    const page = await get("/tests/runs", { limit: KNOWN }).catch(() => ({ items: [] }));
    this.learn(page.items);
  }

  #options() {
    if (!this.view) return;
    const { project, service, branch } = this.view;
    const projects = new Set([...this.places].map((place) => place.split("/")[0]));
    const places = new Set([...this.places, ...(project ? [`${project}/${service}`] : [])]);
    if (projects.size > 1) for (const name of projects) places.add(`${name}/`);
    fill(this.service, "All services", [...places].sort(), project ? `${project}/${service}` : "");
    fill(
      this.branch,
      "All branches",
      [...new Set([...this.branches, ...(branch ? [branch] : [])])].sort(),
      branch,
    );
  }

  /** @param {View} view */
  #crumbs(view) {
    const ofTest = view.test && !view.run;
    const { project, service } = (view.run && this.run?.id === view.run && this.run) || INITIAL;
    const parts = [
      el("a", { href: pathTo({ tab: ofTest ? "tests" : "services" }) }, ofTest ? "All tests" : "All services"),
      service && el("a", { href: pathTo({ project, service }) }, `${project}/${service}`),
      el("span", { "aria-current": "page" }, ofTest ? "Test" : "Run"),
    ].filter((part) => part instanceof Node);
    this.back.replaceChildren(
      ...parts.flatMap((part, index) => (index ? [el("span", { "aria-hidden": "true" }, "/"), part] : [part])),
    );
  }
}

/** @param {HTMLSelectElement} select @param {string} all @param {string[]} values @param {string} chosen */
function fill(select, all, values, chosen) {
  const key = JSON.stringify([values, chosen]);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const text = (/** @type {string} */ value) => bare(clip(value.endsWith("/") ? `${value}…` : value, 100));
  select.replaceChildren(
    el("option", { value: "" }, all),
    ...values.map((value) => el("option", { value }, text(value))),
  );
  select.value = chosen;
}
