import { bare } from "../ansi.js";
import { Newest, get } from "../api.js";
import { el } from "../dom.js";
import { zone } from "../preferences.js";
import { fullTime } from "../times.js";
import { strip, titleOf } from "./cells.js";
import { facts } from "./run-facts.js";
import { pathTo } from "./view.js";
import { lasting } from "./words.js";

/** @typedef {import("./types.js").Case} Case */
/** @typedef {import("./types.js").Test} Test */

const CELLS = 30;

/** What became of a case's test in the last runs, and since when. */
export class CaseHistory {
  constructor() {
    this.newest = new Newest();
    this.node = el("section", { "aria-label": "History", hidden: true });
    this.known = "";
  }

  /** @param {Case} one */
  async load(one) {
    const key = `${one.id} ${one.state} ${one.standing}`;
    if (key === this.known) return;
    const signal = this.newest.next();
    try {
      const [test, page] = await Promise.all([
        get(`/tests/${one.test}`, {}, signal),
        get(`/tests/${one.test}/history`, { limit: CELLS }, signal),
      ]);
      this.known = key;
      this.#draw(one, test, page.items);
    } catch {
      // The case says enough without; it is asked for again when something of the case comes.
    }
  }

  stop() {
    this.newest.stop();
  }

  /** @param {Case} one @param {Test} test @param {Case[]} cases newest first */
  #draw(one, test, cases) {
    const cells = [...cases].reverse().map((each) => ({
      state: each.state,
      title: titleOf(each),
      href: pathTo({ run: each.run, case: each.id }),
      current: each.id === one.id,
    }));
    const { flakiness } = test;
    this.node.hidden = false;
    this.node.replaceChildren(
      el("h3", null, "History", el("a.more", { href: pathTo({ test: test.id }) }, "The test over time")),
      strip(cells, "The last runs, oldest first"),
      facts([
        ["failing since", test.failing_since && fullTime(test.failing_since, zone())],
        ["first bad commit", test.first_bad_commit && el("code", null, bare(test.first_bad_commit))],
        ["last good commit", test.last_good_commit && el("code", null, bare(test.last_good_commit))],
        ["flaky", flakiness && `${Math.round(flakiness.score * 100)} %`],
        ["median", test.median_s !== null && lasting(test.median_s)],
      ]),
    );
  }
}
