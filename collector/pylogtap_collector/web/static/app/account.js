import { setUpAccountMenu } from "./account-menu.js";
import { get, getAll, isUnknown, post } from "./api.js";
import { byId, el } from "./dom.js";
import { Form, needed, newPasswordField, secretField } from "./form.js";
import { setUpFrame } from "./frame.js";
import { KeyList } from "./key-list.js";
import { managedProjects, managesAny } from "./managed.js";
import { MemberList } from "./member-list.js";
import { failed, toast } from "./notices.js";
import { askWhoIsThere, forgetKey, kindOf, leaveToSignIn, signInAddress, whoAsks } from "./session.js";
import { SessionList, moment } from "./session-list.js";
import { counted } from "./text.js";
import { UserList } from "./user-list.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./session.js").Me} Me */

const main = byId("page");

async function begin() {
  try {
    const me = await whoAsks();
    if (me.kind === "nobody") return leaveToSignIn();
    if (me.kind === "user") await showUser(me);
    else if (me.kind === "local") showLocal(me);
    else await showKey(me);
  } catch (error) {
    if (isUnknown(error)) return;
    main.replaceChildren(
      el("section.card", null, ...failed(/** @type {Error} */ (error), () => void begin())),
    );
  }
}

/** @param {Me} me */
async function showUser(me) {
  const [user, sessions] = await Promise.all([get(`/users/${me.id}`), getAll("/sessions")]);
  const list = new SessionList(sessions);
  main.replaceChildren(
    el("h1", null, "Account"),
    el(
      "section.card",
      { "aria-label": "Who you are" },
      headOf(me),
      user.last_sign_in &&
        el("p.soft", null, moment("Last sign-in", user.last_sign_in)),
      me.admin && el("p", null, "You may do everything in all projects, and administer the collector."),
      user.projects.length
        ? factsOf(
            user.projects.map((/** @type {{project: string, role: string}} */ one) => [one.project, one.role]),
          )
        : !me.admin &&
            el("p", null, "You are no member of any project yet; an administrator can make you one."),
    ),
    passwordCard(me, list),
    list.node,
    ...(await managedCards(me)),
  );
}

/** @param {Me} me @param {SessionList} list */
function passwordCard(me, list) {
  const form = new Form(
    [
      secretField(
        { name: "current", label: "Current password", check: needed("Type the password so far.") },
        "current-password",
      ),
      newPasswordField("New password"),
    ],
    "Change the password",
    async ({ current, password }) => {
      try {
        await post(`/users/${me.id}/password`, { current, new: password });
      } catch (error) {
        if (/** @type {any} */ (error).code !== "wrong_password") throw error;
        form.fields[0].fault("This is not the current password.");
        form.fields[0].control.focus();
        return;
      }
      const ended = list.others;
      await list.reload();
      form.clear();
      done.textContent = ended
        ? `Changed. ${counted(ended, "other session")} ended: sign in anew there.`
        : "Changed. You were signed in nowhere else.";
    },
  );
  const done = el("p.form-done", { role: "status" });
  form.node.addEventListener("submit", () => (done.textContent = ""), { capture: true });
  form.node.prepend(
    // Password stores want to see whose it is.
    el("input.unseen", {
      type: "text",
      autocomplete: "username",
      "aria-label": "Name",
      value: me.name,
      readonly: true,
      tabindex: -1,
    }),
  );
  return el("section.card", { "aria-label": "Password" }, el("h2", null, "Password"), form.node, done);
}

/** @param {Me} me */
async function showKey(me) {
  main.replaceChildren(
    el("h1", null, "Key"),
    el(
      "section.card",
      { "aria-label": "Who you are" },
      headOf(me),
      el("p", null, "You are here by a key, which this tab of the browser keeps. It may do this:"),
      factsOf(rightsOf(me)),
      el(
        "div.form-buttons",
        null,
        el("button.button", { type: "button", onclick: forgetKey }, "Forget the key"),
      ),
    ),
    ...(await managedCards(me)),
  );
}

/** @param {Me} me @returns {string[][]} */
function rightsOf(me) {
  const single = Object.entries(me.projects).map(([name, rights]) => [name, rights.join(", ")]);
  return me.everywhere.length ? [["all projects", me.everywhere.join(", ")], ...single] : single;
}

/** @param {Me} me */
function showLocal(me) {
  main.replaceChildren(
    el("h1", null, "Account"),
    el(
      "section.card",
      null,
      el("p", null, "Nobody has an account here: everybody on this machine may do everything."),
      me.read_only
        ? el("p", null, "This collector only shows a file.")
        : el(
            "div.form-buttons",
            null,
            el("a.button.is-main", { href: signInAddress() }, "Set up an account"),
          ),
    ),
  );
}

/** @param {Me} me */
const headOf = (me) =>
  el("p.who", null, el("strong", null, me.name), el("span.badge", null, kindOf(me)));

/** @param {string[][]} facts */
const factsOf = (facts) =>
  el(
    "dl.facts",
    null,
    facts.flatMap(([name, value]) => [el("dt", null, name), el("dd", null, value)]),
  );

/**
 * Keys and members, for whoever manages any project; users, for administrators.
 * @param {Me} me
 * @returns {Promise<Node[]>}
 */
async function managedCards(me) {
  if (me.read_only || !managesAny(me)) return [];
  const trouble = (/** @type {Error} */ error) => toast(error.message);
  const [found, projects, people] = await Promise.all([
    getAll("/keys"),
    managedProjects(me),
    me.admin ? getAll("/users") : null,
  ]);
  const keys = new KeyList(me, found);
  keys.onTrouble = trouble;
  const users = people && new UserList(me, people);
  const members = projects.length ? new MemberList(projects) : null;
  if (members) {
    members.onChange = () => void users?.reload().catch(trouble);
    await members.show();
  }
  return [keys, members, users].flatMap((list) => list?.node ?? []);
}

askWhoIsThere();
setUpAccountMenu();
setUpFrame();
void begin();
