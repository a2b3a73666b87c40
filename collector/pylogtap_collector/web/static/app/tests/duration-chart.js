import { el } from "../dom.js";
import { zone } from "../preferences.js";
import { counted } from "../text.js";
import { shortTime, span } from "../times.js";
import { BAD, wordOf } from "./states.js";

/** @typedef {import("./types.js").Case} Case */

const HEIGHT = 150; // CSS pixels

/** How long a test took, from run to run; those that failed stand out. */
export class DurationChart {
  constructor() {
    this.tip = el("div.tip", { hidden: true });
    this.node = el("div.durations", { role: "img" });
    /** @type {Case[]} */
    this.cases = [];
    /** @type {any} */
    this.plot = null;
    new ResizeObserver(() => this.#fit()).observe(this.node);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /** @param {Case[]} cases oldest first */
  show(cases) {
    this.cases = cases.filter((one) => one.duration_s !== null);
    this.node.hidden = this.cases.length < 2;
    const longest = Math.max(0, ...this.cases.map((one) => one.duration_s ?? 0));
    this.node.setAttribute(
      "aria-label",
      `How long it took in ${counted(this.cases.length, "run")}; at most ${span(longest)}`,
    );
    this.redraw();
  }

  redraw() {
    this.plot?.destroy();
    this.plot = null;
    if (!this.node.hidden && this.node.clientWidth) this.#make();
  }

  #fit() {
    if (this.plot) this.plot.setSize({ width: this.node.clientWidth, height: HEIGHT });
    else this.redraw();
  }

  #make() {
    const style = getComputedStyle(document.documentElement);
    const token = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const axis = { stroke: token("--text-3"), font: "11px Inter, sans-serif", ticks: { show: false } };
    const took = this.cases.map((one) => one.duration_s);
    const failures = this.cases.map((one) => (BAD.includes(one.state) ? one.duration_s : null));
    const point = (/** @type {string} */ colour, /** @type {number} */ size) => ({
      show: true,
      size,
      stroke: colour,
      fill: colour,
    });
    const options = {
      width: this.node.clientWidth,
      height: HEIGHT,
      padding: [10, 16, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false },
        y: {
          range: (/** @type {any} */ _, /** @type {number} */ _low, /** @type {number} */ high) => [
            0,
            (high || 1) * 1.1,
          ],
        },
      },
      axes: [
        {
          ...axis,
          size: 22,
          gap: 4,
          space: 110,
          grid: { show: false },
          incrs: [1, 2, 5, 10, 20, 50, 100],
          values: (/** @type {any} */ _, /** @type {number[]} */ at) => at.map((i) => this.#time(i)),
        },
        {
          ...axis,
          size: 52,
          gap: 6,
          space: 30,
          grid: { stroke: token("--line"), width: 1 },
          values: (/** @type {any} */ _, /** @type {number[]} */ at) => at.map((i) => (i ? span(i) : "0")),
        },
      ],
      series: [
        {},
        { stroke: token("--is-passed"), width: 1.5, points: point(token("--is-passed"), 5) },
        { stroke: token("--is-error"), width: 0, paths: () => null, points: point(token("--is-error"), 9) },
      ],
      hooks: { setCursor: [(/** @type {any} */ plot) => this.#hover(plot)] },
    };
    const data = [this.cases.map((_, index) => index), took, failures];
    // uPlot is a classic script and therefore a global name.
    this.plot = new /** @type {any} */ (globalThis).uPlot(options, data, this.node);
    this.plot.over.append(this.tip);
  }

  /** @param {number} index */
  #time(index) {
    const one = this.cases[index];
    return one ? shortTime(one.started, zone(), Date.now()).replace(/:\d\d\.\d+$/, "") : "";
  }

  /** @param {any} plot */
  #hover(plot) {
    const one = this.cases[plot.cursor.idx];
    this.tip.hidden = !one || plot.cursor.left < 0;
    if (!one) return;
    this.tip.replaceChildren(
      el("div.tip-title", null, shortTime(one.started, zone(), Date.now())),
      el("div.tip-line", null, wordOf(one.state), el("b", null, span(one.duration_s ?? 0))),
    );
    const { left } = plot.cursor;
    const room = plot.over.clientWidth;
    const beside = left > room / 2 ? -this.tip.offsetWidth - 12 : 12;
    this.tip.style.left = `${Math.max(0, Math.min(room - this.tip.offsetWidth, left + beside))}px`;
  }
}
