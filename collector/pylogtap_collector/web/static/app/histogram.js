import { byId, el } from "./dom.js";
import { CLASSES } from "./levels.js";
import { counted, number } from "./text.js";
import { fullTime, micros, shortTime, span } from "./times.js";

/** @typedef {import("./types.js").Histogram} Counts */
/** @typedef {import("./types.js").Bucket} Bucket */

const LEAST = 2; // CSS pixels: one error among a million lines is still seen

/** Records over the whole range, stacked by level; drag to zoom. */
export class HistogramChart {
  /** @param {(since: string, until: string) => void} onZoom */
  constructor(onZoom) {
    this.onZoom = onZoom;
    this.host = byId("histogram");
    this.tip = el("div.tip", { hidden: true });
    /** @type {Counts | null} */
    this.counts = null;
    /** @type {import("./times.js").Zone} */
    this.zone = "local";
    /** @type {any} */
    this.plot = null;
    new ResizeObserver(() => this.#fit()).observe(this.host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /** @param {Counts} counts @param {import("./times.js").Zone} zone */
  show(counts, zone) {
    this.counts = counts;
    this.zone = zone;
    this.host.setAttribute("role", "img");
    this.host.setAttribute("aria-label", summary(counts, zone));
    const data = [
      counts.buckets.map((bucket) => seconds(bucket.start)),
      counts.buckets.map((bucket) => bucket.total),
    ];
    if (!this.plot) this.#make(data);
    else {
      this.plot.setData(data, false);
      this.plot.setScale("x", this.#range());
    }
  }

  /** Colours or the zone changed. */
  redraw() {
    if (!this.counts) return;
    this.plot?.destroy();
    this.plot = null;
    this.show(this.counts, this.zone);
  }

  #range() {
    const counts = /** @type {Counts} */ (this.counts);
    return { min: seconds(counts.since), max: seconds(counts.until) };
  }

  #fit() {
    if (this.plot && this.host.clientWidth)
      this.plot.setSize({ width: this.host.clientWidth, height: this.host.clientHeight });
  }

  /** @param {number[][]} data */
  #make(data) {
    const style = getComputedStyle(document.documentElement);
    const token = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    this.colours = Object.fromEntries(CLASSES.map((name) => [name, token(`--bar-${name}`)]));
    const axis = { stroke: token("--text-3"), font: "11px Inter, sans-serif", ticks: { show: false } };
    const grid = { stroke: token("--line"), width: 1 };
    const options = {
      width: this.host.clientWidth,
      height: this.host.clientHeight,
      padding: [6, 16, 0, 0],
      legend: { show: false },
      tzDate: (/** @type {number} */ at) => this.#date(at),
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
      scales: {
        x: { time: true, range: () => [this.#range().min, this.#range().max] },
        y: {
          range: (/** @type {any} */ _plot, /** @type {number} */ _min, /** @type {number} */ max) => [
            0,
            Math.max(1, max * 1.08),
          ],
        },
      },
      axes: [
        {
          ...axis,
          size: 22,
          gap: 4,
          space: 72,
          grid: { show: false },
          values: (
            /** @type {any} */ _plot,
            /** @type {number[]} */ ticks,
            /** @type {number} */ _axis,
            /** @type {number} */ _space,
            /** @type {number} */ step,
          ) => ticks.map((at) => tick(at, step, this.zone)),
        },
        {
          ...axis,
          size: 44,
          gap: 6,
          space: 26,
          grid,
          incrs: [1, 2, 5, 10, 20, 50]
            .flatMap((i) => [1, 100, 1e4, 1e6, 1e8].map((f) => i * f))
            .sort((a, b) => a - b),
          values: (/** @type {any} */ _plot, /** @type {number[]} */ ticks) => ticks.map(brief),
        },
      ],
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: {
        draw: [(/** @type {any} */ plot) => this.#bars(plot)],
        setSelect: [(/** @type {any} */ plot) => this.#selected(plot)],
        setCursor: [(/** @type {any} */ plot) => this.#hover(plot)],
      },
    };
    // uPlot is a classic script and therefore a global name.
    this.plot = new /** @type {any} */ (globalThis).uPlot(options, data, this.host);
    this.plot.over.append(this.tip);
  }

  /** uPlot reads the clock of a Date; this one tells the time of the zone. @param {number} at seconds */
  #date(at) {
    const date = new Date(at * 1000);
    return this.zone === "utc" ? new Date(date.getTime() + date.getTimezoneOffset() * 60_000) : date;
  }

  /** @param {any} plot */
  #bars(plot) {
    const counts = /** @type {Counts} */ (this.counts);
    const { ctx } = plot;
    const ratio = devicePixelRatio;
    const gap = plot.bbox.width / counts.buckets.length > 5 * ratio ? ratio : 0;
    const base = plot.valToPos(0, "y", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(plot.bbox.left, plot.bbox.top, plot.bbox.width, plot.bbox.height);
    ctx.clip();
    for (const bucket of counts.buckets) {
      if (!bucket.total) continue;
      const left = Math.round(plot.valToPos(seconds(bucket.start), "x", true));
      const right = Math.round(plot.valToPos(seconds(bucket.start) + counts.step_s, "x", true));
      let bottom = base;
      for (const name of CLASSES) {
        const count = bucket.levels[name] ?? 0;
        if (!count) continue;
        const height = Math.max(LEAST * ratio, base - plot.valToPos(count, "y", true));
        ctx.fillStyle = this.colours?.[name];
        ctx.fillRect(left, bottom - height, Math.max(ratio, right - left - gap), height);
        bottom -= height;
      }
    }
    ctx.restore();
  }

  /** @param {any} plot */
  #selected(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const [since, until] = [left, left + width].map((x) =>
      new Date(plot.posToVal(x, "x") * 1000).toISOString(),
    );
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    if (since < until) this.onZoom(since, until);
  }

  /** @param {any} plot */
  #hover(plot) {
    const counts = /** @type {Counts} */ (this.counts);
    const { left } = plot.cursor;
    const at = left >= 0 ? plot.posToVal(left, "x") : NaN;
    const bucket = counts.buckets.find(
      (one) => at >= seconds(one.start) && at < seconds(one.start) + counts.step_s,
    );
    this.tip.hidden = !bucket;
    if (!bucket) return;
    this.tip.replaceChildren(...tipOf(bucket, counts.step_s, this.zone));
    const room = plot.over.clientWidth;
    this.tip.style.left = `${Math.max(0, Math.min(room - this.tip.offsetWidth, left + (left > room / 2 ? -this.tip.offsetWidth - 12 : 12)))}px`;
  }
}

/** @param {Bucket} bucket @param {number} step_s @param {import("./times.js").Zone} zone */
function tipOf(bucket, step_s, zone) {
  const when = shortTime(bucket.start, zone, Date.now()).replace(/\.000$/, "");
  return [
    el("div.tip-title", null, `${when} · ${span(step_s)}`),
    ...CLASSES.filter((name) => bucket.levels[name]).map((name) =>
      el(
        "div.tip-line",
        null,
        el(`span.dot.is-${name}`, null),
        name,
        el("b", null, number(bucket.levels[name])),
      ),
    ),
    bucket.total ? null : el("div.tip-line", null, "no records"),
  ].filter((node) => node !== null);
}

/** @param {Counts} counts @param {import("./times.js").Zone} zone */
function summary(counts, zone) {
  const sum = (/** @type {string} */ name) =>
    counts.buckets.reduce((total, bucket) => total + (bucket.levels[name] ?? 0), 0);
  const bad = sum("error") + sum("critical");
  const [since, until] = [counts.since, counts.until].map((time) => shortTime(time, zone, Date.now()));
  return `${counted(counts.total, "record")} from ${since} to ${until}, ${counted(bad, "error")}. Drag to zoom.`;
}

/**
 * A tick of the time axis: no finer than its step.
 * @param {number} at seconds since the epoch
 * @param {number} step_s
 * @param {import("./times.js").Zone} zone
 */
function tick(at, step_s, zone) {
  const [day, clock] = fullTime(new Date(at * 1000).toISOString(), zone).split(" ");
  if (clock.startsWith("00:00:00") || step_s >= 86400) return day.slice(step_s >= 86400 * 200 ? 0 : 5);
  return clock.slice(0, step_s < 60 ? (step_s < 1 ? 12 : 8) : 5);
}

/** @param {string} time */
const seconds = (time) => micros(time) / 1e6;

/** @param {number} value */
const brief = (value) =>
  value >= 1e6 ? `${value / 1e6}M` : value >= 1e4 ? `${value / 1e3}k` : String(value);
