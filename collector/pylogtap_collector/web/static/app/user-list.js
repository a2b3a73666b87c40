import { change, getAll, getVersioned, post } from "./api.js";
import { Dialog, confirmed } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { Form, choiceField, generatedPasswordField, needed, textField } from "./form.js";
import { toast } from "./notices.js";
import { showSecret } from "./secret.js";
import { moment } from "./session-list.js";

/** @typedef {import("./session.js").Me} Me */

/**
 * @typedef {object} User
 * @property {number} id
 * @property {string} name
 * @property {boolean} admin
 * @property {boolean} disabled
 * @property {string} created
 * @property {string | null} last_sign_in
 * @property {{project: string, role: string}[]} projects
 */

/** @type {[string, string][]} */
const KINDS = [
  ["", "A user, of single projects"],
  ["admin", "An administrator, of everything"],
];

/** Everybody who can sign in, for administrators. */
export class UserList {
  /** @param {Me} me @param {User[]} users */
  constructor(me, users) {
    this.me = me;
    this.list = el("ul.entries", { "aria-labelledby": "users-title" });
    this.add = el(
      "button.button",
      { type: "button", onclick: () => this.#askForNew() },
      icon("plus"),
      "New user",
    );
    this.node = el(
      "section.card",
      { "aria-labelledby": "users-title" },
      el("header.card-head", null, el("h2", { id: "users-title" }, "Users"), this.add),
      this.list,
    );
    this.#draw(users);
  }

  async reload() {
    this.#draw(await getAll("/users"));
  }

  /** @param {User[]} users */
  #draw(users) {
    this.list.replaceChildren(...users.map((user) => this.#entry(user)));
    if (!users.length) this.list.append(el("li.soft", null, "There are none yet."));
  }

  /** @param {User} user */
  #entry(user) {
    const self = this.me.kind === "user" && this.me.id === user.id;
    const roles = user.projects.map(({ project, role }) => `${project}: ${role}`).join(", ");
    return el(
      `li.entry${user.disabled ? ".is-over" : ""}`,
      { "data-user": user.name },
      el(
        "div.entry-text",
        null,
        el(
          "p.entry-name",
          null,
          user.name,
          self && el("span.badge.is-good", null, "you"),
          user.admin && el("span.badge", null, "administrator"),
          user.disabled && el("span.badge.is-bad", null, "disabled"),
        ),
        el(
          "p.entry-facts",
          null,
          user.last_sign_in
            ? moment("last sign-in", user.last_sign_in)
            : el("span", null, "never signed in"),
          el("span", null, roles || (user.admin ? "all projects" : "no member of any project")),
        ),
      ),
      !self && this.#buttons(user),
    );
  }

  /** @param {User} user */
  #buttons(user) {
    const label = user.disabled ? "Enable" : "Disable";
    const toggle = () => (user.disabled ? void this.#enable(user) : this.#askToDisable(user));
    return el(
      "div.entry-buttons",
      null,
      el(
        "button.button",
        {
          type: "button",
          "aria-label": `New password of ${user.name}`,
          onclick: () => this.#askForPassword(user),
        },
        "New password …",
      ),
      el("button.button", { type: "button", "aria-label": `${label} ${user.name}`, onclick: toggle }, label),
    );
  }

  #askForNew() {
    const name = textField(
      { name: "name", label: "Name", hint: "He signs in with it.", check: needed("Type a name.") },
      { maxlength: 63, autocomplete: "off", autocorrect: "off" },
    );
    const kind = choiceField({ name: "kind", label: "He is" }, KINDS);
    this.#askWithPassword("New user", [name, kind], "Make the user", async (given) => {
      const made = await post("/users", {
        name: given.name.trim(),
        password: given.password,
        admin: given.kind === "admin",
      });
      const words = made.admin
        ? "He can sign in now."
        : "He can sign in now; to see something, he has to be a member of a project.";
      return { name: made.name, words };
    });
  }

  /** @param {User} user */
  #askForPassword(user) {
    this.#askWithPassword(`New password of ${user.name}`, [], "Change the password", async (given) => {
      await post(`/users/${user.id}/password`, { new: given.password });
      return { name: user.name, words: "All his sessions have ended." };
    });
  }

  /**
   * Ask for something with a password, and show it for handing over.
   * @param {string} title
   * @param {import("./form.js").Field[]} fields
   * @param {string} label
   * @param {(given: Record<string, string>) => Promise<{name: string, words: string}>} act
   *   returns whose it is, and what is to be said then
   */
  #askWithPassword(title, fields, label, act) {
    const dialog = new Dialog(title);
    const form = new Form(
      [...fields, generatedPasswordField("Password")],
      label,
      async (given) => {
        const { name, words } = await act(given);
        showSecret(dialog, {
          title: `The password of ${name}`,
          label: "The password",
          words: "Hand it over now: it is not shown again.",
          secret: given.password,
          after: [words],
        });
        await this.reload();
      },
      el("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
    );
    dialog.show(form.node);
    form.focus();
  }

  /** @param {User} user */
  #askToDisable(user) {
    confirmed(
      `Disable ${user.name}?`,
      "He cannot sign in from then on, and all his sessions end at once. Keys that he made stay good.",
      "Disable",
      () => this.#set(user, true),
    );
  }

  /** @param {User} user */
  async #enable(user) {
    await this.#set(user, false).catch((/** @type {Error} */ error) => toast(error.message));
  }

  /** @param {User} user @param {boolean} disabled */
  async #set(user, disabled) {
    const { version } = await getVersioned(`/users/${user.id}`);
    await change(`/users/${user.id}`, { disabled }, version);
    await this.reload();
    this.add.focus(); // the button is another one
  }
}
