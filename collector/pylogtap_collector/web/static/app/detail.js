import { Annotations } from "./annotations.js";
import { Newest, Refused, get } from "./api.js";
import { contextOf } from "./context.js";
import { byId, el, icon, iconButton } from "./dom.js";
import { attributesOf, exceptionOf, factsOf } from "./facts.js";
import { levelOf, prefixOf } from "./row.js";
import { block } from "./text.js";
import { ago, fullTime } from "./times.js";

/** @typedef {import("./types.js").LogRecord} LogRecord */
/** @typedef {LogRecord & {before: LogRecord[], after: LogRecord[]}} InContext */

const CONTEXT_STEPS = [8, 40, 200];

/**
 * @typedef {object} DetailEvents
 * @property {() => void} onClose
 * @property {(step: number) => void} onStep  to the next or the one before
 * @property {import("./facts.js").Filter} onFilter
 * @property {(log: LogRecord) => void} onOpen  another record was chosen
 * @property {(log: LogRecord) => void} onLink  its address is wanted
 * @property {(log: LogRecord) => void} onChange  labels or note changed
 */

/** One record unfolded: everything that is known of it, and the lines around it. */
export class Detail {
  /** @param {DetailEvents} events */
  constructor(events) {
    this.events = events;
    this.host = byId("detail");
    this.newest = new Newest();
    /** @type {LogRecord | null} */
    this.log = null;
    /** @type {import("./times.js").Zone} */
    this.zone = "local";
    this.contextStep = 0;
    /** @type {(project: string) => boolean} whether one may annotate there; yes, until that is known */
    this.mayWrite = () => true;
  }

  /** Show or hide what changes a record. @param {(project: string) => boolean} mayWrite */
  setRights(mayWrite) {
    this.mayWrite = mayWrite;
    if (this.log) this.annotations?.allow(mayWrite(this.log.project));
  }

  get open() {
    return !this.host.hidden;
  }

  close() {
    this.newest.stop();
    this.log = null;
    this.host.hidden = true;
    this.host.replaceChildren();
  }

  /**
   * Show a record.
   * @param {number} id
   * @param {LogRecord | null} known what the list knows of it already
   */
  async show(id, known) {
    this.contextStep = 0;
    this.host.hidden = false;
    if (known) this.#draw(known);
    else this.host.replaceChildren(this.#head(null), el("p.loading", null, "Loading the record …"));
    this.host.scrollTop = 0;
    await this.#load(id);
  }

  /** @param {number} id */
  async #load(id) {
    const signal = this.newest.next();
    try {
      /** @type {InContext} */
      const log = await get(`/logs/${id}`, { context: CONTEXT_STEPS[this.contextStep] }, signal);
      const typing =
        this.host.contains(document.activeElement) && document.activeElement?.matches("input, textarea");
      if (this.log?.id === id && typing) this.#fillContext(log);
      else this.#draw(log, log);
    } catch (error) {
      if (signal.aborted) return;
      const gone = error instanceof Refused && error.status === 404;
      const words = gone
        ? "This record is not stored any more: it was deleted, or is older than what is kept."
        : /** @type {Error} */ (error).message;
      if (!this.log || gone)
        this.host.replaceChildren(this.#head(null), el("p.empty-line", { role: "alert" }, words));
      else this.contextHost?.replaceChildren(el("p.empty-line", null, words));
    }
  }

  /** Draw again in another zone. @param {import("./times.js").Zone} zone */
  setZone(zone) {
    this.zone = zone;
    if (this.log) void this.show(this.log.id, this.log);
  }

  /** @param {LogRecord} log @param {InContext | null} [context] */
  #draw(log, context = null) {
    const top = this.host.scrollTop;
    this.log = log;
    this.contextHost = el("div.context");
    this.annotations = new Annotations(log, this.mayWrite(log.project), (changed) => this.#changed(changed));
    this.host.replaceChildren(
      this.#head(log),
      el(
        "div.detail-body",
        null,
        el(
          "div.detail-when",
          null,
          el("time", { datetime: log.time }, fullTime(log.time, this.zone)),
          el("span.soft", null, ago(log.time, Date.now())),
        ),
        block(log.message, "div.detail-message"),
        exceptionOf(log),
        attributesOf(log, this.events.onFilter),
        this.annotations.node,
        factsOf(log, this.zone, this.events.onFilter),
        el(
          "section",
          { "aria-label": "Around this record" },
          el("h3", null, "Around it", el("span.soft", null, " same instance, no filters")),
          this.contextHost,
        ),
      ),
    );
    if (context) this.#fillContext(context);
    this.host.scrollTop = top;
  }

  /** @param {LogRecord} changed */
  #changed(changed) {
    if (this.log?.id === changed.id) this.log = changed;
    this.events.onChange(changed);
  }

  /** @param {LogRecord | null} log */
  #head(log) {
    const { onStep, onClose, onLink } = this.events;
    return el(
      "header.detail-head",
      null,
      log && levelOf(log),
      log && prefixOf(log),
      el(
        "span.detail-tools",
        null,
        iconButton("up", "Record before (k)", () => onStep(-1)),
        iconButton("down", "Next record (j)", () => onStep(1)),
        log && iconButton("link", "Copy a link to this record", () => onLink(log)),
        iconButton("close", "Close (Esc)", onClose),
      ),
    );
  }

  /** @param {InContext} log */
  #fillContext(log) {
    const more = CONTEXT_STEPS[this.contextStep + 1];
    const full = Math.max(log.before.length, log.after.length) >= CONTEXT_STEPS[this.contextStep];
    this.contextHost?.replaceChildren(
      contextOf(log, this.zone, this.events.onOpen),
      ...(more && full
        ? [
            el(
              "button.more",
              { type: "button", onclick: () => this.#widen() },
              icon("down"),
              `${more} lines on each side`,
            ),
          ]
        : []),
    );
  }

  #widen() {
    this.contextStep += 1;
    if (this.log) void this.#load(this.log.id);
  }
}
