import { change, clock, getAll, getVersioned } from "./api.js";
import { confirmed } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { askForNewKey } from "./new-key.js";
import { moment } from "./session-list.js";

/** @typedef {import("./session.js").Me} Me */

/**
 * @typedef {object} Key
 * @property {number} id
 * @property {string} name
 * @property {string} prefix
 * @property {string | null} project
 * @property {"ingest" | "read" | "admin"} role
 * @property {string} created
 * @property {string} created_by
 * @property {string | null} expires
 * @property {string | null} revoked
 * @property {string | null} last_used
 */

/** The keys of the projects that somebody manages. */
export class KeyList {
  /** @param {Me} me @param {Key[]} keys */
  constructor(me, keys) {
    this.me = me;
    /** @type {(error: Error) => void} */
    this.onTrouble = () => {};
    this.list = el("ul.entries", { "aria-labelledby": "keys-title" });
    this.add = el(
      "button.button",
      { type: "button", onclick: () => void this.#new() },
      icon("plus"),
      "New key",
    );
    this.node = el(
      "section.card",
      { "aria-labelledby": "keys-title" },
      el("header.card-head", null, el("h2", { id: "keys-title" }, "Keys of programs"), this.add),
      this.list,
    );
    this.#show(keys);
  }

  async reload() {
    this.#show(await getAll("/keys"));
  }

  /** @param {Key[]} keys */
  #show(keys) {
    const good = keys.filter((key) => !stateOf(key)).reverse();
    const ended = keys.filter(stateOf).reverse();
    const none = el("li.soft", null, "There are none yet. A program delivers and reads by a key of its own.");
    this.list.replaceChildren(...[...good, ...ended].map((key) => this.#entry(key)));
    if (!keys.length) this.list.append(none);
  }

  /** @param {Key} key */
  #entry(key) {
    const state = stateOf(key);
    return el(
      `li.entry${state ? ".is-over" : ""}`,
      { "data-key": key.prefix },
      el(
        "div.entry-text",
        null,
        el(
          "p.entry-name",
          null,
          key.name,
          el("span.badge", null, key.role),
          el("span.badge", null, key.project ?? "all projects"),
          state && el("span.badge.is-bad", null, state),
        ),
        el(
          "p.entry-facts",
          null,
          el("code", null, `${key.prefix}…`),
          key.last_used ? moment("last used", key.last_used) : el("span", null, "never used"),
          lifeOf(key),
          el("span", null, `made by ${key.created_by || "somebody"}`),
        ),
      ),
      !state &&
        el(
          "button.button",
          { type: "button", "aria-label": `Revoke ${key.name}`, onclick: () => this.#askToRevoke(key) },
          "Revoke",
        ),
    );
  }

  /** @param {Key} key */
  #askToRevoke(key) {
    confirmed(
      `Revoke “${key.name}”?`,
      "Programs that use this key are refused from then on. It cannot be taken back.",
      "Revoke",
      async () => {
        const { version } = await getVersioned(`/keys/${key.id}`);
        await change(`/keys/${key.id}`, { revoked: true }, version);
        await this.reload();
        this.add.focus();
      },
    );
  }

  async #new() {
    try {
      await askForNewKey(this.me, () => this.reload());
    } catch (error) {
      this.onTrouble(/** @type {Error} */ (error));
    }
  }
}

/** @param {Key} key */
function stateOf(key) {
  if (key.revoked) return "revoked";
  return key.expires && Date.parse(key.expires) <= clock.now() ? "expired" : "";
}

/** @param {Key} key */
function lifeOf(key) {
  if (key.revoked) return moment("revoked", key.revoked);
  if (!key.expires) return el("span", null, "does not expire");
  return moment(Date.parse(key.expires) <= clock.now() ? "expired" : "expires", key.expires);
}
