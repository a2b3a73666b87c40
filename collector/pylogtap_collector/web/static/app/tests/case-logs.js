import { Newest, get } from "../api.js";
import { bare } from "../ansi.js";
import { el } from "../dom.js";
import { hue } from "../hues.js";
import { classOf } from "../levels.js";
import { zone } from "../preferences.js";
import { levelOf } from "../row.js";
import { clip, counted, inOneLine } from "../text.js";
import { fullTime, shortTime } from "../times.js";
import { logsOf } from "./view.js";

/** @typedef {import("../types.js").LogRecord} LogRecord */

const MOST = 500;

/** What all services logged for a case, oldest first. */
export class CaseLogs {
  /** @param {string} id of the case */
  constructor(id) {
    this.id = id;
    this.newest = new Newest();
    this.count = el("span.soft");
    this.lines = el("div.case-logs");
    this.known = "";
    this.node = el(
      "section",
      { "aria-label": "Log lines" },
      el(
        "h3",
        null,
        "Log lines of all services ",
        this.count,
        el("a.more", { href: logsOf(id) }, "Open in logs"),
      ),
      this.lines,
    );
  }

  async load() {
    const signal = this.newest.next();
    try {
      const page = await get("/logs", { q: `test:${this.id}`, order: "asc", limit: MOST }, signal);
      this.#draw(page.items, page.next !== null);
    } catch (error) {
      if (!signal.aborted && !this.known)
        this.lines.replaceChildren(el("p.soft", { role: "alert" }, /** @type {Error} */ (error).message));
    }
  }

  stop() {
    this.newest.stop();
  }

  /** @param {LogRecord[]} logs @param {boolean} more */
  #draw(logs, more) {
    const key = logs.map((log) => log.id).join() || "none";
    if (key === this.known) return;
    this.known = key;
    const services = new Set(logs.map((log) => `${log.project}/${log.service}`)).size;
    this.count.textContent = logs.length
      ? `${more ? "the first " : ""}${counted(logs.length, "line")} of ${counted(services, "service")}`
      : "";
    this.lines.replaceChildren(
      logs.length
        ? el(
            "ol.context-lines",
            null,
            logs.map((log) => el("li", null, lineOf(log, this.id))),
          )
        : el("p.soft", null, "None. Services log for a case when the call that reaches them carries its id."),
    );
  }
}

/** @param {LogRecord} log @param {string} id of the case */
const lineOf = (log, id) =>
  el(
    `a.context-line.is-${classOf(log.severity_number)}`,
    { href: `${logsOf(id)}&log=${log.id}`, title: fullTime(log.time, zone()) },
    el("time", { datetime: log.time }, shortTime(log.time, zone(), Date.now()).slice(-12)),
    levelOf(log),
    el(
      `span.line-service.hue-${hue(log.service)}`,
      { title: `${log.project}/${log.service}/${log.instance}` },
      log.service,
    ),
    el("span.context-text", null, inOneLine(log.message)),
    log.exception?.type && el("span.chip.is-exception", null, bare(clip(log.exception.type, 60))),
  );
