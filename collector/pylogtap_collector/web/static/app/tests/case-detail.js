import { Newest, Refused, clock, get } from "../api.js";
import { bare } from "../ansi.js";
import { byId, el, iconButton } from "../dom.js";
import { zone } from "../preferences.js";
import { fullTime, micros } from "../times.js";
import { CaseLogs } from "./case-logs.js";
import { CaseHistory } from "./case-history.js";
import {
  attemptsOf,
  failureOf,
  outputOf,
  subtestsOf,
  timesOf,
  warningsOf,
  factsOfCase,
} from "./case-parts.js";
import { classOf, sign, standingTag, wordOf } from "./states.js";
import { logsOf, pathTo } from "./view.js";
import { placeName, took, when } from "./words.js";

/** @typedef {import("./types.js").CaseDetail} Detail */
/** @typedef {import("./types.js").Case} Case */

const RUNNING_MS = 2_000;
const SETTLING_MS = 10_000; // lines of other services may come later than the end of the case

/**
 * @typedef {object} DetailEvents
 * @property {() => void} onClose
 * @property {(step: number) => void} onStep  to the next or the one before
 * @property {() => void} onLink  its address is wanted
 * @property {(one: Detail) => void} onKnown  which run it belongs to is known now
 */

/** One case unfolded: why it failed, what it printed, and what all services logged for it. */
export class CaseDetailPanel {
  /** @param {DetailEvents} events */
  constructor(events) {
    this.events = events;
    this.host = byId("detail");
    this.newest = new Newest();
    this.id = "";
    this.timer = 0;
    /** @type {Detail | null} */
    this.one = null;
    this.drawn = "";
  }

  get open() {
    return !this.host.hidden;
  }

  close() {
    this.#forget();
    this.host.hidden = true;
    this.host.replaceChildren();
  }

  #forget() {
    this.newest.stop();
    clearTimeout(this.timer);
    this.logs?.stop();
    this.history?.stop();
    this.id = this.drawn = "";
    this.one = null;
  }

  /** @param {string} id */
  async show(id) {
    if (id === this.id) return;
    this.#forget();
    this.id = id;
    this.logs = new CaseLogs(id);
    this.history = new CaseHistory();
    this.host.hidden = false;
    this.host.replaceChildren(this.#head(null), el("p.loading", null, "Loading the case …"));
    this.host.scrollTop = 0;
    await this.#load();
  }

  /** Something of cases came; this one may be among them. @param {Case[]} cases */
  heard(cases) {
    if (cases.some((one) => one.id === this.id)) void this.#load();
  }

  async #load() {
    const { id, logs, history } = this;
    const signal = this.newest.next();
    clearTimeout(this.timer);
    try {
      /** @type {Detail} */
      const one = await get(`/tests/cases/${id}`, {}, signal);
      this.one = one;
      this.#draw(one);
      this.events.onKnown(one);
      void logs?.load();
      void history?.load(one);
      const settling = clock.now() - micros(one.changed) / 1000 < SETTLING_MS;
      if (one.state === "running" || settling) this.timer = setTimeout(() => void this.#again(), RUNNING_MS);
    } catch (error) {
      if (signal.aborted || this.drawn) return;
      const gone = error instanceof Refused && error.status === 404;
      const words = gone
        ? "This case is not stored: it was deleted, or is none that you may see."
        : /** @type {Error} */ (error).message;
      this.host.replaceChildren(this.#head(null), el("p.empty-line", { role: "alert" }, words));
    }
  }

  #again() {
    if (!document.hidden) return this.#load();
    this.timer = setTimeout(() => void this.#again(), RUNNING_MS);
  }

  /** @param {Detail} one */
  #draw(one) {
    const key = `${one.id} ${one.state} ${one.changed} ${one.standing}`;
    if (key === this.drawn) return;
    this.drawn = key;
    const top = this.host.scrollTop;
    const focused = /** @type {HTMLElement | null} */ (this.host.querySelector(":focus"))?.getAttribute(
      "aria-label",
    );
    this.host.replaceChildren(
      this.#head(one),
      el(
        "div.detail-body",
        null,
        this.#title(one),
        failureOf(one),
        this.logs?.node,
        outputOf(one),
        attemptsOf(one),
        subtestsOf(one),
        warningsOf(one),
        this.history?.node,
        timesOf(one),
        factsOfCase(one),
        one.cut.length > 0 &&
          el("p.soft", null, `Not all is here, as there was too much of it: ${one.cut.join(", ")}.`),
      ),
    );
    this.host.scrollTop = top;
    if (focused)
      for (const node of this.host.querySelectorAll("[aria-label]"))
        if (node.getAttribute("aria-label") === focused) /** @type {HTMLElement} */ (node).focus();
  }

  /** @param {Detail} one */
  #title(one) {
    return el(
      "div.case-title",
      null,
      el(
        "div.detail-when",
        null,
        el("time", { datetime: one.started }, fullTime(one.started, zone())),
        el("span", null, one.state === "running" ? "for " : "took ", took(one)),
      ),
      el("h2.case-node", null, bare(one.node)),
      el(
        "p.run-words",
        null,
        standingTag(one.standing),
        one.attempts > 1 && el("span.tag", null, `${one.attempts} attempts`),
        el("a", { href: pathTo({ test: one.test, case: one.id }) }, "History"),
        el("a", { href: pathTo({ run: one.run, case: one.id }) }, "Its run"),
        el("a", { href: logsOf(one.id) }, "Open in logs"),
        el("span.soft", null, when(one.started)),
      ),
    );
  }

  /** @param {Detail | null} one */
  #head(one) {
    const { onStep, onClose, onLink } = this.events;
    return el(
      "header.detail-head",
      null,
      one && sign(one.state, false),
      one && el(`span.state-word.${classOf(one.state)}`, null, wordOf(one.state)),
      one && placeName(one),
      el(
        "span.detail-tools",
        null,
        iconButton("up", "Case above (k)", () => onStep(-1)),
        iconButton("down", "Case below (j)", () => onStep(1)),
        one && iconButton("link", "Copy a link to this case", onLink),
        iconButton("close", "Close (Esc)", onClose),
      ),
    );
  }
}
