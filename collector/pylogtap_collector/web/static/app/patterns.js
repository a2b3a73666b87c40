import { bare } from "./ansi.js";
import { byId, el } from "./dom.js";
import { CLASSES } from "./levels.js";
import { clip, compact, number } from "./text.js";
import { ago, fullTime } from "./times.js";

/** @typedef {import("./types.js").Pattern} Pattern */

// What a value is put into: `%d` and `%(name)s`, `{name}`, and the mark of a masked text.
const HOLES =
  /(%(?:\([^)]*\))?[-#0+]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa]|\{[\w.[\]]*(?:![rsa])?(?::[^{}\s"]*)?\}|<\*>)/;

/** The most frequent shapes of messages. */
export class PatternList {
  /** @param {(id: number, exclude: boolean) => void} onPattern */
  constructor(onPattern) {
    this.onPattern = onPattern;
    this.host = byId("patterns-panel");
  }

  /** @param {Pattern[]} patterns @param {import("./times.js").Zone} zone */
  show(patterns, zone) {
    if (!patterns.length) {
      this.host.replaceChildren(el("p.empty-line", null, "No records here, so no patterns either."));
      return;
    }
    const most = Math.max(...patterns.map((pattern) => pattern.count));
    this.host.replaceChildren(
      el(
        "ol.pattern-list",
        null,
        patterns.map((pattern) => this.#item(pattern, most, zone)),
      ),
    );
  }

  /** @param {Pattern} pattern @param {number} most @param {import("./times.js").Zone} zone */
  #item(pattern, most, zone) {
    const bar = el("span.pattern-bar", { "aria-hidden": "true" });
    bar.style.width = `${Math.max(1.5, (pattern.count / most) * 100)}%`;
    for (const name of CLASSES.filter((one) => pattern.levels[one])) {
      const part = el(`span.is-${name}`, { title: `${name}: ${number(pattern.levels[name])}` });
      part.style.flexGrow = String(pattern.levels[name]);
      bar.append(part);
    }
    return el(
      "li.pattern",
      null,
      el(
        "button.pattern-in",
        {
          type: "button",
          title: "Show only these records",
          onclick: () => this.onPattern(pattern.id, false),
        },
        el("span.pattern-count", { title: number(pattern.count) }, compact(pattern.count)),
        el("span.pattern-bars", null, bar),
        el("span.pattern-text", null, template(pattern.template)),
        el(
          "span.pattern-when",
          { title: `${fullTime(pattern.first, zone)} to ${fullTime(pattern.last, zone)}` },
          ago(pattern.last, Date.now()),
        ),
      ),
      el(
        "button.facet-out",
        {
          type: "button",
          title: "Filter these records out",
          "aria-label": `Filter out pattern ${bare(clip(pattern.template, 80))}`,
          onclick: () => this.onPattern(pattern.id, true),
        },
        "−",
      ),
    );
  }
}

/**
 * A template with its holes marked.
 * @param {string} text
 */
export function template(text) {
  return bare(clip(text, 1000))
    .split(HOLES)
    .map((part, index) => (index % 2 ? el("span.hole", null, part) : part));
}
