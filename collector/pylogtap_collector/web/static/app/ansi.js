// Text of a terminal as spans. One pass, no regular expression over the input: the time is linear in its length.
// Colours and weights become classes; every other escape sequence is dropped; other control characters, and
// those that turn the direction of text, are shown, so that no line can hide or fake a part of itself.

/**
 * @typedef {object} Span
 * @property {string} text
 * @property {string} style  class names, separated by blanks
 * @property {string | null} colour  `rgb(…)` of a colour beyond the sixteen
 * @property {string | null} ground  the same of the background
 */

const ESC = 0x1b;
const FLAGS = new Map([
  [1, "bold"],
  [2, "dim"],
  [3, "italic"],
  [4, "underline"],
  [7, "inverse"],
  [9, "strike"],
]);
const OFF = new Map([
  [22, ["bold", "dim"]],
  [23, ["italic"]],
  [24, ["underline"]],
  [27, ["inverse"]],
  [29, ["strike"]],
]);

/** @returns {{flags: Set<string>, colour: string, ground: string}} */
const plain = () => ({ flags: new Set(), colour: "", ground: "" });

/**
 * Cut text into spans of one look each.
 * @param {string} text
 * @returns {Span[]}
 */
export function spans(text) {
  /** @type {Span[]} */
  const out = [];
  const strings = new Terminators(text);
  let pen = plain();
  let start = 0;
  let at = 0;
  const flush = (/** @type {number} */ end) => {
    if (end > start) out.push(span(text.slice(start, end), pen));
  };
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === ESC || isHidden(code)) {
      flush(at);
      const sequence = code === ESC ? readEscape(text, at, strings) : null;
      if (sequence) {
        if (sequence.colours !== null) pen = turn(pen, sequence.colours);
        at = sequence.end;
      } else {
        out.push({ text: visible(code), style: "control", colour: null, ground: null });
        at += 1;
      }
      start = at;
    } else at += 1;
  }
  flush(at);
  return out;
}

/**
 * The text without escape sequences, control characters shown: for titles and the clipboard.
 * @param {string} text
 */
export function bare(text) {
  return spans(text)
    .map((part) => part.text)
    .join("");
}

/**
 * Characters that act instead of being seen: C0 but tab and newline, DEL, C1, line separators and bidi controls.
 * @param {number} code
 */
function isHidden(code) {
  if (code < 0x20) return code !== 0x09 && code !== 0x0a;
  if (code < 0x7f) return false;
  if (code <= 0x9f) return true;
  if (code < 0x061c) return code === 0xad;
  return (
    code === 0x061c ||
    (code >= 0x200b && code <= 0x200f && code !== 0x200d) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069) ||
    code === 0xfeff
  );
}

/** @param {number} code */
function visible(code) {
  if (code < 0x20 || code === 0x7f) return `^${String.fromCharCode(code ^ 0x40)}`;
  return `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
}

/** Where operating system commands end; each position is looked for once, whatever the text. */
class Terminators {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.bell = -2;
    this.string = -2;
  }

  /**
   * @param {number} from
   * @returns {number} index behind the next terminator, or -1
   */
  behind(from) {
    if (this.bell !== -1 && this.bell < from) this.bell = this.text.indexOf("\x07", from);
    if (this.string !== -1 && this.string < from) this.string = this.text.indexOf("\x1b\\", from);
    const ends = [];
    if (this.bell !== -1) ends.push(this.bell + 1);
    if (this.string !== -1) ends.push(this.string + 2);
    return ends.length ? Math.min(...ends) : -1;
  }
}

/**
 * Read the sequence that begins at an escape character.
 * @param {string} text
 * @param {number} at
 * @param {Terminators} strings
 * @returns {{end: number, colours: number[] | null} | null} null: this is no whole sequence
 */
function readEscape(text, at, strings) {
  const kind = text[at + 1];
  if (kind === "[") return readControl(text, at + 2);
  if (kind !== undefined && "]PX^_".includes(kind)) {
    const end = strings.behind(at + 2);
    return end === -1 ? null : { end, colours: null };
  }
  if (kind !== undefined && "()*+#%".includes(kind))
    return text.length > at + 2 ? { end: at + 3, colours: null } : null;
  return kind !== undefined && kind >= "0" && kind <= "~" ? { end: at + 2, colours: null } : null;
}

/**
 * Read the rest of `ESC [`: parameters, intermediates, one final letter.
 * @param {string} text
 * @param {number} from
 */
function readControl(text, from) {
  const limit = Math.min(text.length, from + 256); // longer than any real sequence
  let end = from;
  while (end < limit && text.charCodeAt(end) >= 0x20 && text.charCodeAt(end) <= 0x3f) end += 1;
  if (end >= limit || text.charCodeAt(end) < 0x40 || text.charCodeAt(end) > 0x7e) return null;
  if (text[end] !== "m") return { end: end + 1, colours: null };
  const numbers = text.slice(from, end).split(/[;:]/).map(Number);
  return { end: end + 1, colours: numbers.some(Number.isNaN) ? null : numbers };
}

/**
 * The pen after "select graphic rendition" (ECMA-48, 8.3.117).
 * @param {ReturnType<typeof plain>} pen
 * @param {number[]} codes
 */
function turn(pen, codes) {
  let next = { flags: new Set(pen.flags), colour: pen.colour, ground: pen.ground };
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i];
    if (code === 0) next = plain();
    else if (FLAGS.has(code)) next.flags.add(/** @type {string} */ (FLAGS.get(code)));
    else if (OFF.has(code))
      /** @type {string[]} */ (OFF.get(code)).forEach((flag) => next.flags.delete(flag));
    else if (code === 39) next.colour = "";
    else if (code === 49) next.ground = "";
    else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes, i + 1);
      if (code === 38) next.colour = colour;
      else next.ground = colour;
      i += used;
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
      next.colour = `ansi-${code % 10}${code >= 90 ? "b" : ""}`;
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) next.ground = `ansi-on-${code % 10}`;
  }
  return next;
}

/**
 * A colour of 256 or of 16 million.
 * @param {number[]} codes
 * @param {number} at
 * @returns {[string, number]} the colour, and how many codes told it
 */
function extended(codes, at) {
  if (codes[at] === 2) return [rgb(codes.slice(at + 1, at + 4)), 4];
  if (codes[at] !== 5) return ["", 1];
  const index = codes[at + 1] ?? 0;
  if (index < 16) return [`ansi-${index % 8}${index > 7 ? "b" : ""}`, 2];
  if (index > 231) return [rgb(Array(3).fill(8 + (index - 232) * 10)), 2];
  const cube = index - 16;
  const steps = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6];
  return [rgb(steps.map((step) => (step ? 55 + step * 40 : 0))), 2];
}

/** @param {number[]} values */
const rgb = (values) =>
  `rgb(${[0, 1, 2].map((i) => Math.min(255, Math.max(0, Math.trunc(values[i]) || 0))).join(",")})`;

/**
 * @param {string} text
 * @param {ReturnType<typeof plain>} pen
 * @returns {Span}
 */
function span(text, pen) {
  const classes = [...pen.flags].map((flag) => `ansi-${flag}`);
  for (const colour of [pen.colour, pen.ground]) if (colour.startsWith("ansi-")) classes.push(colour);
  return {
    text,
    style: classes.join(" "),
    colour: pen.colour.startsWith("rgb") ? pen.colour : null,
    ground: pen.ground.startsWith("rgb") ? pen.ground : null,
  };
}
