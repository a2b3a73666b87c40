import { bare } from "./ansi.js";
import { byId, el, icon } from "./dom.js";
import { hue } from "./hues.js";
import { classOfName } from "./levels.js";
import { filtersOf } from "./query.js";
import { compact, counted } from "./text.js";

/** @typedef {import("./types.js").Facet} Facet */

export const FIELDS = ["level", "project", "service", "instance", "logger"];
const SHOWN = 7;

/** Values with their counts; a click filters by one, the minus filters it out. */
export class FacetList {
  /** @param {(field: string, value: string, exclude: boolean) => void} onFilter */
  constructor(onFilter) {
    this.onFilter = onFilter;
    this.host = byId("facets");
    /** @type {Set<string>} fields of which all values are shown */
    this.wide = new Set();
    /** @type {Facet[]} */
    this.facets = [];
    this.q = "";
  }

  /** @param {Facet[]} facets @param {string} q */
  show(facets, q) {
    this.facets = facets;
    this.q = q;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.facet;
    this.host.replaceChildren(...facets.map((facet) => this.#group(facet)).filter((group) => group !== null));
    if (focused)
      /** @type {HTMLElement | null} */ (
        this.host.querySelector(`[data-facet="${CSS.escape(focused)}"]`)
      )?.focus();
  }

  /** @param {Facet} facet */
  #group(facet) {
    const { included, excluded } = filtersOf(this.q, facet.field);
    const counts = new Map(facet.values.map(({ value, count }) => [value, count]));
    for (const value of [...included, ...excluded]) if (!counts.has(value)) counts.set(value, 0);
    if (!counts.size) return null;
    const entries = [...counts];
    const most = Math.max(1, ...counts.values());
    const shown = this.wide.has(facet.field)
      ? entries
      : entries.filter(
          ([value], index) => index < SHOWN || included.includes(value) || excluded.includes(value),
        );
    return el(
      "section.facet",
      { "aria-label": bare(facet.field) },
      el("h2.facet-name", null, bare(facet.field)),
      el(
        "ul",
        null,
        shown.map(([value, count]) =>
          this.#value(facet.field, value, count, most, included.includes(value), excluded.includes(value)),
        ),
      ),
      entries.length > SHOWN && this.#more(facet.field, entries.length - SHOWN),
    );
  }

  /**
   * @param {string} field @param {string} value @param {number} count @param {number} most
   * @param {boolean} included @param {boolean} excluded
   */
  #value(field, value, count, most, included, excluded) {
    const label = value === "" ? "(none)" : bare(value);
    const bar = el("span.facet-bar", null);
    bar.style.width = `${Math.max(count ? 2 : 0, (count / most) * 100)}%`;
    const mark = included
      ? icon("check")
      : field === "level"
        ? el(`span.dot.is-${classOfName(value)}`, null)
        : field === "service"
          ? el(`span.dot.hue-${hue(value)}`, null)
          : null;
    return el(
      `li.facet-value${included ? ".is-included" : ""}${excluded ? ".is-excluded" : ""}`,
      null,
      el(
        "button.facet-in",
        {
          type: "button",
          title: label,
          "aria-pressed": included,
          "aria-label": `${field} ${label}, ${counted(count, "record")}`,
          "data-facet": `${field}:${value}`,
          onclick: () => this.onFilter(field, value, false),
        },
        bar,
        mark,
        el("span.facet-text", null, label),
        el("span.facet-count", null, compact(count)),
      ),
      el(
        "button.facet-out",
        {
          type: "button",
          title: excluded ? `Let ${label} in again` : `Filter ${label} out`,
          "aria-label": `Filter out ${field} ${label}`,
          "aria-pressed": excluded,
          onclick: () => this.onFilter(field, value, true),
        },
        icon("minus"),
      ),
    );
  }

  /** @param {string} field @param {number} rest */
  #more(field, rest) {
    const wide = this.wide.has(field);
    const toggle = () => {
      if (wide) this.wide.delete(field);
      else this.wide.add(field);
      this.show(this.facets, this.q);
    };
    return el("button.more", { type: "button", onclick: toggle }, wide ? "fewer" : `${rest} more`);
  }
}
