/** Classes of severity, from the worst to the least: the order in which a column is stacked. */
export const CLASSES = ["critical", "error", "warning", "info", "debug", "trace", "unknown"];

const SHORT = {
  critical: "CRIT",
  error: "ERROR",
  warning: "WARN",
  info: "INFO",
  debug: "DEBUG",
  trace: "TRACE",
};

/**
 * The class of an OpenTelemetry severity.
 * @param {number} severity 1 to 24; 0 is unknown
 * @returns {string} one of CLASSES
 */
export function classOf(severity) {
  if (!(severity >= 1)) return "unknown";
  return ["trace", "debug", "info", "warning", "error", "critical"][
    Math.min(5, Math.floor((severity - 1) / 4))
  ];
}

/**
 * A level in at most six letters; names of the source's own stay recognisable.
 * @param {string} level
 */
export function shortLevel(level) {
  return SHORT[/** @type {keyof typeof SHORT} */ (level)] ?? (level || "—").toUpperCase().slice(0, 6);
}

/**
 * Which class a level's name stands for in a list that knows names alone.
 * @param {string} name
 */
export function classOfName(name) {
  if (CLASSES.includes(name)) return name;
  if (name === "warn") return "warning";
  return name === "fatal" ? "critical" : "unknown";
}
