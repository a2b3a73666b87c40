import { spans } from "./ansi.js";
import { el } from "./dom.js";

/** Longest text that is laid out at once, in UTF-16 units. */
export const SHOWN_MAX = 20_000;
const ROW_MAX = 600;

/**
 * Terminal text as elements.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
function coloured(text) {
  return spans(text).map((part) => {
    if (!part.style && !part.colour && !part.ground) return part.text;
    const node = el("span", part.style ? { class: part.style } : null, part.text);
    if (part.colour) node.style.color = part.colour;
    if (part.ground) node.style.backgroundColor = part.ground;
    return node;
  });
}

/**
 * Text for one row: bounded, line ends as signs.
 * @param {string} text
 */
export function inOneLine(text) {
  const bounded = text.length > ROW_MAX ? `${clip(text, ROW_MAX)}…` : text;
  return coloured(
    bounded
      .trimEnd()
      .replace(/\r?\n\s*/g, " ⏎ ")
      .replace(/\t/g, " "),
  );
}

/**
 * Cut text, never through a surrogate pair.
 * @param {string} text
 * @param {number} length UTF-16 units
 */
export function clip(text, length) {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}

/**
 * A block of text that may be long: the beginning, and a button for the rest.
 * @param {string} text
 * @param {string} tag for `el`
 */
export function block(text, tag) {
  const host = el(tag);
  const show = (/** @type {number} */ length) => {
    host.replaceChildren(...coloured(clip(text, length)));
    if (text.length <= length) return;
    const rest = text.length - length;
    const more = el(
      "button.more",
      { type: "button", onclick: () => show(length * 10) },
      `… ${counted(rest, "more character")}`,
    );
    host.append(more);
  };
  show(SHOWN_MAX);
  return host;
}

const GROUPED = new Intl.NumberFormat("en");

/**
 * A number with its thousands apart.
 * @param {number} value
 */
export const number = (value) => GROUPED.format(value);

/**
 * A number in at most four letters.
 * @param {number} value
 */
export function compact(value) {
  if (value < 10_000) return number(value);
  if (value < 1e6) return `${Number((value / 1e3).toPrecision(3))}k`;
  return `${Number((value / 1e6).toPrecision(3))}M`;
}

/**
 * `1 record`, `2 records`.
 * @param {number} count
 * @param {string} noun
 */
export const counted = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

/**
 * A value of an attribute as text.
 * @param {unknown} value
 */
export const valueText = (value) =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
