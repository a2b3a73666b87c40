import { el } from "../dom.js";
import { BAD, standingTag, sign } from "./states.js";
import { firstLine, nodeName, revision, took } from "./words.js";

/** @typedef {import("./types.js").Case} Case */

/**
 * What stands in the row of a case: its state, its name, why it failed, how it compares, how long it took.
 * @param {Case} one
 * @param {Node | null} [more] what else is to be said of it
 */
export function partsOf(one, more = null) {
  const why = one.failure?.message || one.failure?.type || one.reason || "";
  return [
    sign(one.state),
    el("span.case-words", null, nodeName(one), why && el("span.case-why", null, firstLine(why))),
    el(
      "span.case-tags",
      null,
      one.attempts > 1 && el("span.tag", { title: "It was run again" }, `${one.attempts} attempts`),
      standingTag(one.standing),
      BAD.includes(one.state) &&
        one.first_bad_commit &&
        el("span.since", null, "since ", revision(one.first_bad_commit)),
      more,
    ),
    el("span.case-time", null, took(one)),
  ];
}
