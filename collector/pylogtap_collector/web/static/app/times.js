// Times as text. A record's time keeps its microseconds, which a Date would lose.

/** What the menu offers: the value of `since`, and how it reads. */
export const PRESETS = [
  ["5m", "Last 5 minutes"],
  ["15m", "Last 15 minutes"],
  ["1h", "Last hour"],
  ["6h", "Last 6 hours"],
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["30d", "Last 30 days"],
  ["all", "All time"],
];

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** @typedef {"local" | "utc"} Zone */

const UNITS_MS = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

/**
 * The milliseconds of a length such as `15m`; null where it is anything else.
 * @param {string} text
 */
export function lengthMs(text) {
  const found = /^(\d+)([smhdw])$/.exec(text);
  return found && Number(found[1]) * UNITS_MS[/** @type {keyof typeof UNITS_MS} */ (found[2])];
}

/**
 * Microseconds since the epoch; exact, because they fit a double.
 * @param {string} time RFC 3339
 */
export function micros(time) {
  const found = /^(.{19})(?:\.(\d{1,9}))?(.*)$/.exec(time);
  if (!found) return NaN;
  const whole = Date.parse(found[1] + (found[3] || "Z"));
  return whole * 1000 + Number((found[2] ?? "").padEnd(6, "0").slice(0, 6));
}

/**
 * The parts of a time in a zone.
 * @param {number} at microseconds since the epoch
 * @param {Zone} zone
 */
function parts(at, zone) {
  const date = new Date(Math.floor(at / 1000));
  const utc = zone === "utc";
  return {
    year: utc ? date.getUTCFullYear() : date.getFullYear(),
    month: utc ? date.getUTCMonth() : date.getMonth(),
    day: utc ? date.getUTCDate() : date.getDate(),
    clock: [
      utc ? date.getUTCHours() : date.getHours(),
      utc ? date.getUTCMinutes() : date.getMinutes(),
      utc ? date.getUTCSeconds() : date.getSeconds(),
    ]
      .map((part) => String(part).padStart(2, "0"))
      .join(":"),
    micros: ((at % 1e6) + 1e6) % 1e6,
  };
}

/**
 * `14:03:22.123`, with the day in front where it is not today's.
 * @param {string} time RFC 3339
 * @param {Zone} zone
 * @param {number} now milliseconds since the epoch
 */
export function shortTime(time, zone, now) {
  const at = micros(time);
  if (Number.isNaN(at)) return time;
  const is = parts(at, zone);
  const today = parts(now * 1000, zone);
  const clock = `${is.clock}.${String(Math.floor(is.micros / 1000)).padStart(3, "0")}`;
  if (is.year === today.year && is.month === today.month && is.day === today.day) return clock;
  const day = `${MONTHS[is.month]} ${String(is.day).padStart(2, "0")}`;
  return is.year === today.year ? `${day} ${clock}` : `${day} ${is.year} ${clock}`;
}

/**
 * `2026-11-23 14:03:22.123456 +01:00`.
 * @param {string} time RFC 3339
 * @param {Zone} zone
 */
export function fullTime(time, zone) {
  const at = micros(time);
  if (Number.isNaN(at)) return time;
  const is = parts(at, zone);
  const day = `${is.year}-${String(is.month + 1).padStart(2, "0")}-${String(is.day).padStart(2, "0")}`;
  return `${day} ${is.clock}.${String(is.micros).padStart(6, "0")} ${offset(at, zone)}`;
}

/**
 * @param {number} at microseconds since the epoch
 * @param {Zone} zone
 */
function offset(at, zone) {
  if (zone === "utc") return "UTC";
  const minutes = -new Date(Math.floor(at / 1000)).getTimezoneOffset();
  const size = Math.abs(minutes);
  const text = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, "0")).join(":");
  return `${minutes < 0 ? "-" : "+"}${text}`;
}

/**
 * How long ago, in words.
 * @param {string} time RFC 3339
 * @param {number} now milliseconds since the epoch
 */
export function ago(time, now) {
  const seconds = (now * 1000 - micros(time)) / 1e6;
  if (Number.isNaN(seconds)) return "";
  if (seconds < 0) return seconds > -5 ? "just now" : `in ${span(-seconds)}`;
  return seconds < 1 ? "just now" : `${span(seconds)} ago`;
}

/**
 * A length of time in its largest unit: `1.5 s`, `3 min`, `2 h`, `4 d`.
 * @param {number} seconds
 */
export function span(seconds) {
  if (seconds < 1e-3) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${Math.round(seconds * 1e3)} ms`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/**
 * A time range as the button shows it.
 * @param {string} since a preset, or RFC 3339
 * @param {string} until empty, or RFC 3339
 * @param {Zone} zone
 * @param {number} now milliseconds since the epoch
 */
export function rangeText(since, until, zone, now) {
  const preset = PRESETS.find(([value]) => value === since);
  if (preset && !until) return preset[1];
  const from = preset || !/^\d{4}-/.test(since) ? since : brief(since, zone, now);
  return `${from} – ${until ? brief(until, zone, now) : "now"}`;
}

/**
 * @param {string} time
 * @param {Zone} zone
 * @param {number} now
 */
function brief(time, zone, now) {
  return shortTime(time, zone, now).replace(/\.000$/, "");
}

/**
 * The value of an `<input type="datetime-local">` for a moment.
 * @param {number} at milliseconds since the epoch
 * @param {Zone} zone
 */
export function inputValue(at, zone) {
  const is = parts(at * 1000, zone);
  return `${is.year}-${String(is.month + 1).padStart(2, "0")}-${String(is.day).padStart(2, "0")}T${is.clock}`;
}

/**
 * The moment that such a value means.
 * @param {string} value
 * @param {Zone} zone
 * @returns {string | null} RFC 3339 in UTC
 */
export function fromInput(value, zone) {
  const at = new Date(zone === "utc" ? `${value}Z` : value);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}
