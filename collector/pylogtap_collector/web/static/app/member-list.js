import { change, getAll, getVersioned, post, remove } from "./api.js";
import { Dialog, confirmed } from "./dialogs.js";
import { el, icon } from "./dom.js";
import { Form, choiceField, needed, textField } from "./form.js";
import { toast } from "./notices.js";
import { moment } from "./session-list.js";

/**
 * @typedef {object} Member
 * @property {string} project
 * @property {string} user
 * @property {"viewer" | "editor" | "admin"} role
 * @property {string} since
 */

/** @type {[string, string][]} */
const ROLES = [
  ["viewer", "Read logs (viewer)"],
  ["editor", "Read, label and note (editor)"],
  ["admin", "Everything there (admin)"],
];

const pathOf = (/** @type {string} */ project) => `/projects/${encodeURIComponent(project)}/members`;
const pathOfMember = (/** @type {Member} */ { project, user }) =>
  `${pathOf(project)}/${encodeURIComponent(user)}`;

/** Who may do what in the projects that somebody manages, one project at a time. */
export class MemberList {
  /** @param {string[]} projects at least one */
  constructor(projects) {
    this.onChange = () => {};
    this.list = el("ul.entries", { "aria-labelledby": "members-title" });
    this.project = choiceField(
      { name: "project", label: "Project" },
      projects.map((name) => [name, name]),
    );
    this.project.control.addEventListener("change", () => void this.show());
    this.add = el(
      "button.button",
      { type: "button", onclick: () => this.#askForNew() },
      icon("plus"),
      "Add a member",
    );
    this.node = el(
      "section.card",
      { "aria-labelledby": "members-title" },
      el("header.card-head", null, el("h2", { id: "members-title" }, "Members of projects"), this.add),
      el("div.form", null, this.project.node),
      this.list,
    );
  }

  /** Show the members of the project that is chosen. */
  async show() {
    const project = this.project.value;
    try {
      const members = await getAll(pathOf(project));
      if (project === this.project.value) this.#draw(members); // else another one was chosen meanwhile
    } catch (error) {
      this.list.replaceChildren(el("li.soft", { role: "alert" }, /** @type {Error} */ (error).message));
    }
  }

  /** @param {Member[]} members */
  #draw(members) {
    this.list.replaceChildren(...members.map((member) => this.#entry(member)));
    if (!members.length)
      this.list.append(el("li.soft", null, "It has none; administrators see it all the same."));
  }

  /** @param {Member} member */
  #entry(member) {
    const { user, role, since } = member;
    return el(
      "li.entry",
      { "data-member": user },
      el(
        "div.entry-text",
        null,
        el("p.entry-name", null, user, el("span.badge", null, role)),
        el("p.entry-facts", null, moment("since", since)),
      ),
      el(
        "div.entry-buttons",
        null,
        el(
          "button.button",
          { type: "button", "aria-label": `Change the role of ${user}`, onclick: () => this.#askForRole(member) },
          "Change role",
        ),
        el(
          "button.button",
          { type: "button", "aria-label": `Remove ${user}`, onclick: () => this.#askToRemove(member) },
          "Remove",
        ),
      ),
    );
  }

  #askForNew() {
    const project = this.project.value;
    const user = textField(
      { name: "user", label: "User", hint: "The name that he signs in with.", check: needed("Type his name.") },
      { maxlength: 63, autocomplete: "off", autocorrect: "off" },
    );
    const role = choiceField({ name: "role", label: "He may" }, ROLES);
    this.#ask(`Add a member to ${project}`, [user, role], "Add the member", (given) =>
      post(pathOf(project), { user: given.user.trim(), role: given.role }),
    );
  }

  /** @param {Member} member */
  #askForRole(member) {
    const role = choiceField({ name: "role", label: "He may" }, ROLES);
    role.control.value = member.role;
    this.#ask(`${member.user} in ${member.project}`, [role], "Save", async (given) => {
      const { version } = await getVersioned(pathOfMember(member));
      await change(pathOfMember(member), { role: given.role }, version);
    });
  }

  /**
   * @param {string} title
   * @param {import("./form.js").Field[]} fields
   * @param {string} label
   * @param {(given: Record<string, string>) => Promise<unknown>} act
   */
  #ask(title, fields, label, act) {
    const dialog = new Dialog(title);
    const form = new Form(
      fields,
      label,
      async (given) => {
        await act(given);
        dialog.close();
        await this.#changed();
      },
      el("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
    );
    dialog.show(form.node);
    form.focus();
  }

  /** @param {Member} member */
  #askToRemove(member) {
    confirmed(
      `Remove ${member.user} from ${member.project}?`,
      "He sees nothing of this project from then on. His account stays.",
      "Remove",
      async () => {
        const { version } = await getVersioned(pathOfMember(member));
        await remove(pathOfMember(member), version);
        await this.#changed();
        this.add.focus();
      },
    );
  }

  async #changed() {
    await this.show();
    toast("Saved");
    this.onChange();
  }
}
