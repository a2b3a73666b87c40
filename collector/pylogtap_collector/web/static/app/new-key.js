import { clock, post } from "./api.js";
import { Dialog } from "./dialogs.js";
import { el } from "./dom.js";
import { Form, choiceField, needed, textField } from "./form.js";
import { managedProjects, managesAll } from "./managed.js";
import { showSecret } from "./secret.js";

/** @typedef {import("./session.js").Me} Me */

const DAY_MS = 86_400_000;
// A project's name begins with a letter or a digit: none can be taken for these.
const ALL = "*";
const ANOTHER = "+";
const PROJECT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** @type {[string, string][]} */
const ROLES = [
  ["ingest", "Deliver logs (ingest)"],
  ["read", "Read logs (read)"],
  ["admin", "Everything there (admin)"],
];

/** @type {[string, string][]} */
const LIVES = [
  ["0", "Never"],
  ["30", "In 30 days"],
  ["90", "In 90 days"],
  ["365", "In a year"],
];

/**
 * Ask what a new key is for, make it, and show its secret this once.
 * @param {Me} me
 * @param {() => Promise<void>} onMade
 */
export async function askForNewKey(me, onMade) {
  const choices = await projectsOf(me);
  const dialog = new Dialog("New key");
  const project = choiceField({ name: "project", label: "Project" }, choices);
  const another = textField(
    {
      name: "another",
      label: "Name of the project",
      hint: "It need not be there yet.",
      check: (value) =>
        PROJECT.test(value.trim()) ? null : "Letters, digits and . _ - without spaces; a letter or digit first.",
    },
    { maxlength: 63, autocomplete: "off" },
  );
  const follow = () => (another.node.hidden = project.value !== ANOTHER);
  project.control.addEventListener("change", follow);
  follow();
  const form = new Form(
    [
      textField(
        {
          name: "name",
          label: "Name",
          hint: "What it is for, such as “web servers”.",
          check: needed("Say what it is for."),
        },
        { autocomplete: "off" },
      ),
      project,
      another,
      choiceField({ name: "role", label: "It may" }, ROLES),
      choiceField({ name: "expires", label: "It expires" }, LIVES),
    ],
    "Make the key",
    async (given) => {
      const made = await post("/keys", {
        name: given.name.trim(),
        project: projectOf(given),
        role: given.role,
        expires: Number(given.expires)
          ? new Date(clock.now() + Number(given.expires) * DAY_MS).toISOString()
          : null,
      });
      showSecret(dialog, {
        title: `The key “${made.name}”`,
        label: "The key",
        words: "Copy it now: it is not shown again. The collector keeps a check sum of it alone.",
        secret: made.secret,
        after: ["Programs take it from ", el("code", null, "PYLOGTAP_KEY"), "."],
      });
      await onMade();
    },
    el("button.button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
  );
  dialog.show(form.node);
  form.focus();
}

/** @param {Me} me @returns {Promise<[string, string][]>} */
async function projectsOf(me) {
  const projects = (await managedProjects(me)).map((name) => /** @type {[string, string]} */ ([name, name]));
  if (!managesAll(me)) return projects;
  return [
    ...projects,
    [ANOTHER, "Another one …"],
    ...(me.admin ? [/** @type {[string, string]} */ ([ALL, "All projects"])] : []),
  ];
}

/** The project that was chosen; null: all. @param {Record<string, string>} given */
function projectOf(given) {
  if (given.project === ALL) return null;
  return given.project === ANOTHER ? given.another.trim() : given.project;
}
