import { lengthMs } from "./times.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS_S = [1, 2, 5, 10, 15, 30].concat([1, 2, 5, 10, 15, 30].map((count) => count * MINUTE)).concat(
  [1, 2, 3, 6, 12].map((count) => count * HOUR),
  [DAY, 2 * DAY, 7 * DAY],
);

/**
 * How to count a view over time. A range that ends now gets columns that begin at round moments: each then stays
 * what it is while time goes on, where others would shiver.
 * @param {{since: string, until: string}} view
 * @param {number} most columns
 * @param {number} now milliseconds since the epoch
 * @returns {{since?: string, until?: string, buckets: number}}
 */
export function columns({ since, until }, most, now) {
  const length = until ? null : lengthMs(since);
  if (length === null) return { buckets: most };
  const step =
    1000 * (STEPS_S.find((each) => length <= each * 1000 * most) ?? Math.ceil(length / most / 1000));
  const first = Math.floor((now - length) / step) * step;
  const end = Math.floor(now / step + 1) * step;
  return {
    since: new Date(first).toISOString(),
    until: new Date(end).toISOString(),
    buckets: Math.round((end - first) / step),
  };
}
