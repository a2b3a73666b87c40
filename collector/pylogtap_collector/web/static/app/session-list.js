import { clock, getAll, remove } from "./api.js";
import { programOf } from "./agents.js";
import { confirmed } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { toast } from "./notices.js";
import { zone } from "./preferences.js";
import { signOut } from "./session.js";
import { ago, fullTime } from "./times.js";

/**
 * @typedef {object} Session
 * @property {number} id
 * @property {string} created
 * @property {string} last_seen
 * @property {string} address
 * @property {string} agent
 * @property {boolean} current
 */

/** Where somebody is signed in. */
export class SessionList {
  /** @param {Session[]} sessions */
  constructor(sessions) {
    this.list = el("ul.entries", { "aria-labelledby": "sessions-title" });
    this.node = el(
      "section.card",
      { "aria-labelledby": "sessions-title" },
      el(
        "header.card-head",
        null,
        el("h2", { id: "sessions-title" }, "Where you are signed in"),
        el("button.button", { type: "button", onclick: () => this.#askForAll() }, "Sign out everywhere"),
      ),
      this.list,
    );
    this.#show(sessions);
  }

  async reload() {
    this.#show(await getAll("/sessions"));
  }

  /** @param {Session[]} sessions */
  #show(sessions) {
    this.others = sessions.filter((session) => !session.current).length;
    const here = (/** @type {Session} */ one) => Number(one.current);
    const sorted = [...sessions].sort(
      (one, other) => here(other) - here(one) || other.last_seen.localeCompare(one.last_seen),
    );
    this.list.replaceChildren(...sorted.map((session) => this.#entry(session)));
  }

  /** @param {Session} session */
  #entry(session) {
    const program = programOf(session.agent);
    const button = session.current
      ? el("button.button", { type: "button", onclick: () => void this.#try(() => signOut()) }, "Sign out")
      : el(
          "button.button",
          { type: "button", "aria-label": `End: ${program}`, onclick: () => void this.#end(session) },
          "End",
        );
    return el(
      "li.entry",
      null,
      el(
        "div.entry-text",
        null,
        el(
          "p.entry-name",
          { title: session.agent },
          program,
          session.current && el("span.badge.is-good", null, "this one"),
        ),
        el(
          "p.entry-facts",
          null,
          session.address && el("span", null, `from ${session.address}`),
          moment("opened", session.created),
          moment("last seen", session.last_seen),
        ),
      ),
      button,
    );
  }

  /** @param {Session} session */
  async #end(session) {
    await this.#try(async () => {
      await remove(`/sessions/${session.id}`);
      toast("Session ended");
    });
    await this.#try(() => this.reload());
    byId("page").focus({ preventScroll: true }); // the button is gone
  }

  #askForAll() {
    confirmed(
      "Sign out everywhere?",
      "All your sessions end at once, this one as well. Keys are not touched.",
      "Sign out everywhere",
      async () => {
        await remove("/sessions");
        await signOut();
      },
    );
  }

  /** @param {() => Promise<unknown>} act */
  async #try(act) {
    try {
      await act();
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
  }
}

const RECENT_MS = 60_000; // the collector knows it within a minute

/**
 * When something was, or will be.
 * @param {string} words
 * @param {string} time
 */
export function moment(words, time) {
  const since_ms = clock.now() - Date.parse(time);
  const when = since_ms >= 0 && since_ms < RECENT_MS ? "just now" : ago(time, clock.now());
  return el("span", { title: fullTime(time, zone()) }, `${words} ${when}`);
}
