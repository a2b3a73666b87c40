// Edits of a query's text: what a click on a value means. The language itself is the collector's affair; here it
// is enough to know where a term ends, so that a term can be added, joined or taken away.

/** @typedef {{text: string, start: number, end: number}} Term */
/** @typedef {{negated: boolean, field: string, values: string[]}} Filter */

const PLAIN = /^[\p{L}\p{N}_./@+-]+$/u;
const NAME = String.raw`[A-Za-z_@][\p{L}\p{N}_.@-]*`;
const SIMPLE = new RegExp(`^(-?)(${NAME}):(.+)$`, "su");
const LIST = new RegExp(`(?:^|[\\s(-])(${NAME}):[^\\s"]*,$`, "u");

/**
 * Cut a query at the blanks that are in no quotes, regular expression or parentheses.
 * @param {string} query
 * @returns {Term[]}
 */
function terms(query) {
  /** @type {Term[]} */
  const found = [];
  let start = -1;
  let depth = 0;
  for (let at = 0; at <= query.length; at += 1) {
    const letter = query[at];
    if (letter === undefined || (depth === 0 && /\s/.test(letter))) {
      if (start >= 0) found.push({ text: query.slice(start, at), start, end: at });
      start = -1;
      continue;
    }
    if (start < 0) start = at;
    if (letter === "(") depth += 1;
    else if (letter === ")") depth = Math.max(0, depth - 1);
    else if (letter === '"' || (letter === "/" && query[at - 1] === ":")) at = closing(query, at, letter);
  }
  return found;
}

/**
 * @param {string} query
 * @param {number} at where something opens
 * @param {string} letter what closes it
 */
function closing(query, at, letter) {
  for (let end = at + 1; end < query.length; end += 1) {
    if (query[end] === "\\") end += 1;
    else if (query[end] === letter) return end;
  }
  return query.length - 1;
}

/**
 * A term as field and values; null where it is anything else.
 * @param {string} term
 * @returns {Filter | null}
 */
function readFilter(term) {
  const parts = SIMPLE.exec(term);
  if (!parts) return null;
  const [, minus, field, rest] = parts;
  const values = splitValues(rest);
  return values && { negated: minus === "-", field, values };
}

/**
 * @param {string} text
 * @returns {string[] | null}
 */
function splitValues(text) {
  const values = [];
  for (let at = 0; at <= text.length; at += 1) {
    const quoted = text[at] === '"';
    const end = quoted ? closing(text, at, '"') + 1 : (text + ",").indexOf(",", at);
    const raw = text.slice(at, end);
    if (quoted ? text[end] !== "," && end !== text.length : !PLAIN.test(raw) || raw.includes(".."))
      return null;
    values.push(quoted ? unquote(raw) : raw);
    at = end;
  }
  return values;
}

/** @param {string} text */
const unquote = (text) => text.slice(1, -1).replace(/\\(["\\])/g, "$1");

/**
 * A value as the language reads it back.
 * @param {string} value
 */
export function quote(value) {
  const bare =
    PLAIN.test(value) && !value.includes("..") && !value.startsWith("/") && !/^(and|or|not)$/i.test(value);
  return bare ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/**
 * Whether the language can ask for a field of this name.
 * @param {string} name
 */
export const isField = (name) => new RegExp(`^${NAME}$`, "u").test(name);

/**
 * All simple filters of a field that hold for the whole query.
 * @param {string} query
 * @param {string} field
 * @returns {{included: string[], excluded: string[]}}
 */
export function filtersOf(query, field) {
  /** @type {{included: string[], excluded: string[]}} */
  const found = { included: [], excluded: [] };
  const all = terms(query);
  if (hasOr(all)) return found;
  all.forEach((term, index) => {
    const filter = negatedByWord(all, index) ? null : readFilter(term.text);
    if (filter?.field === field) found[filter.negated ? "excluded" : "included"].push(...filter.values);
  });
  return found;
}

/**
 * The query without the simple filters of a field: what the field's own values are counted by.
 * @param {string} query
 * @param {string} field
 */
export function withoutField(query, field) {
  const all = terms(query);
  if (hasOr(all)) return query;
  return join(
    all.filter((term, index) => negatedByWord(all, index) || readFilter(term.text)?.field !== field),
  );
}

/**
 * Add a filter, or take it away where it is there already. Values of one field join in one term.
 * @param {string} query
 * @param {string} field
 * @param {string} value
 * @param {{exclude?: boolean}} [options]
 */
export function toggleFilter(query, field, value, { exclude = false } = {}) {
  const all = terms(query);
  if (hasOr(all)) return `(${query.trim()}) ${writeFilter({ negated: exclude, field, values: [value] })}`;
  let done = false;
  const kept = [];
  for (const [index, term] of all.entries()) {
    if (term.text === "AND") continue; // a blank says the same
    const filter = negatedByWord(all, index) ? null : readFilter(term.text);
    if (filter?.field !== field) {
      kept.push(term.text);
      continue;
    }
    const present = filter.values.includes(value);
    const values = filter.values.filter((other) => other !== value);
    if (filter.negated === exclude && !done) {
      if (!present) values.push(value);
      done = true;
    }
    if (values.length) kept.push(writeFilter({ ...filter, values }));
  }
  if (!done) kept.push(writeFilter({ negated: exclude, field, values: [value] }));
  return kept.join(" ");
}

/** @param {Filter} filter */
function writeFilter({ negated, field, values }) {
  return `${negated ? "-" : ""}${field}:${values.map(quote).join(",")}`;
}

/**
 * The word that is being typed, for completion.
 * @param {string} query
 * @param {number} caret
 * @returns {{start: number, end: number, field: string | null, prefix: string} | null}
 */
export function typedWord(query, caret) {
  const before = query.slice(0, caret);
  const inQuotes = (before.replace(/\\./g, "").match(/"/g) ?? []).length % 2 === 1;
  if (inQuotes) return null;
  let start = Math.max(...[" ", "\t", "(", ","].map((letter) => before.lastIndexOf(letter))) + 1;
  if (before[start] === "-") start += 1;
  const word = before.slice(start);
  const end = caret + (/^[^\s(),]*/.exec(query.slice(caret))?.[0].length ?? 0);
  const colon = word.indexOf(":");
  if (colon > 0)
    return { start: start + colon + 1, end, field: word.slice(0, colon), prefix: word.slice(colon + 1) };
  const list = LIST.exec(before.slice(0, start));
  return { start, end, field: list ? list[1] : null, prefix: word };
}

/** @param {Term[]} all */
const hasOr = (all) => all.some((term) => term.text === "OR");

/**
 * @param {Term[]} all
 * @param {number} index
 */
const negatedByWord = (all, index) => all[index - 1]?.text === "NOT";

/** @param {Term[]} all */
const join = (all) =>
  all
    .map((term) => term.text)
    .filter((text) => text !== "AND")
    .join(" ");
