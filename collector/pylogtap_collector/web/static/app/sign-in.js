import { Refused, get, key, post } from "./api.js";
import { byId, el } from "./dom.js";
import { Form, needed, newPasswordField, secretField, textField } from "./form.js";
import { setUpFrame } from "./frame.js";
import { forgetKey, kindOf, ownPath, signInAddress, signOut, whoAsks } from "./session.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./session.js").Me} Me */

const main = byId("page");
const next = ownPath(new URLSearchParams(location.search).get("to"), location.origin);
const goOn = () => location.replace(next);
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$/;
const SENDABLE = /^[\x20-\x7e]+$/; // what a header can carry

/** Ask who is here, and show what that one can do. @param {string} [words] to say before */
async function begin(words) {
  try {
    const me = await whoAsks();
    if (me.kind === "local") showLocal(me);
    else if (me.kind !== "nobody") showKnown(me);
    else if (me.read_only) showKey(words, showReadOnly);
    else if (me.accounts) showSignIn(words);
    else showSetUp(words);
  } catch (error) {
    if (error instanceof Refused && error.code === "wrong_key") {
      key.forget();
      return begin("The key that this tab kept is not a good one any more.");
    }
    showTrouble(/** @type {Error} */ (error));
  }
}

/** @param {string} title @param {...Child} children */
function show(title, ...children) {
  document.title = `${title} · pylogtap`;
  main.replaceChildren(el("section.card.is-narrow", null, el("h1", null, title), ...children));
}

/** @param {string} [words] */
const saidBefore = (words) => (words ? el("p.form-alert", { role: "alert" }, words) : null);

/** @param {string} label @param {() => void} onclick */
const otherWay = (label, onclick) => el("button.more", { type: "button", onclick }, label);

const nameField = (/** @type {Record<string, unknown>} */ props = {}) =>
  textField(
    { name: "name", label: "Name", check: needed("Type your name.") },
    { autocomplete: "username", autocorrect: "off", ...props },
  );

/** @param {string} [words] */
function showSignIn(words) {
  const form = new Form(
    [
      nameField(),
      secretField(
        { name: "password", label: "Password", check: needed("Type your password.") },
        "current-password",
      ),
    ],
    "Sign in",
    async ({ name, password }) => {
      await post("/sessions", { name: name.trim(), password });
      goOn();
    },
    otherWay("Use a key instead", () => showKey()),
  );
  show("Sign in", saidBefore(words), form.node);
  form.focus();
}

/** @param {string} [words] */
function showSetUp(words) {
  const form = setUpForm(otherWay("Use a key instead", () => showKey(undefined, showSetUp)));
  show(
    "Set this collector up",
    saidBefore(words),
    el("p.card-words", null, "There is no account yet. The first one administers the whole collector."),
    form.node,
  );
  form.focus();
}

/** @param {...Child} beside */
function setUpForm(...beside) {
  const name = nameField({ maxlength: 63 });
  name.check = (value) =>
    NAME.test(value.trim()) ? null : "Letters, digits and . _ @ + - without spaces; a letter or digit first.";
  return new Form(
    [
      textField(
        {
          name: "code",
          label: "One-time code",
          hint: "The collector prints it when it starts: look at its terminal or its log.",
          check: needed("Type the code that the collector printed."),
        },
        {
          autocomplete: "one-time-code",
          autocapitalize: "characters",
          autocorrect: "off",
          maxlength: 40,
          placeholder: "XXXX-XXXX-XXXX",
        },
      ),
      name,
      newPasswordField("Password"),
    ],
    "Make the account",
    async (given) => {
      try {
        await post("/setup", { code: given.code.trim(), name: given.name.trim(), password: given.password });
      } catch (error) {
        if (error instanceof Refused && error.code === "conflict") return begin(error.message);
        throw error;
      }
      goOn();
    },
    ...beside,
  );
}

/** @param {string} [words] @param {() => void} back */
function showKey(words, back = showSignIn) {
  const form = new Form(
    [
      secretField(
        {
          name: "key",
          label: "Key",
          hint: "It is kept for this tab of the browser alone.",
          check: (value) => (SENDABLE.test(value.trim()) ? null : "Type a key; it has plain characters alone."),
        },
        "off",
      ),
    ],
    "Use this key",
    async (given) => {
      key.set(given.key.trim());
      try {
        await get("/me");
      } catch (error) {
        key.forget();
        throw error;
      }
      goOn();
    },
    otherWay("Use an account instead", () => back()),
  );
  show("Use a key", saidBefore(words), form.node);
  form.focus();
}

/** @param {Me} me */
function showLocal(me) {
  if (me.read_only) return showReadOnly();
  const form = setUpForm(el("a.more", { href: next }, "Go on without an account"));
  show(
    "Set this collector up",
    el(
      "p.card-words",
      null,
      "There is no account yet, so everybody on this machine may do everything here, and nobody from elsewhere can. " +
        "With the first account, which administers the collector, everybody has to sign in or show a key.",
    ),
    form.node,
  );
}

function showReadOnly() {
  show(
    "Nobody signs in here",
    el("p.card-words", null, "This collector only shows a file; it has no accounts of its own."),
    el("div.form-buttons", null, el("a.button.is-main", { href: next }, "Go on")),
  );
}

/** @param {Me} me */
function showKnown(me) {
  const isUser = me.kind === "user";
  const alert = el("p.form-alert", { role: "alert" });
  const leave = () =>
    isUser
      ? signOut(signInAddress(next)).catch((/** @type {Error} */ error) => (alert.textContent = error.message))
      : forgetKey();
  show(
    isUser ? "You are signed in" : "You use a key",
    el("p.card-words", null, el("strong", null, me.name), " ", el("span.badge", null, kindOf(me))),
    alert,
    el(
      "div.form-buttons",
      null,
      el("a.button.is-main", { href: next }, "Go on"),
      el("button.button", { type: "button", onclick: leave }, isUser ? "Sign out" : "Forget the key"),
    ),
  );
}

/** @param {Error} error */
function showTrouble(error) {
  show(
    "This did not work",
    el("p.form-alert", { role: "alert" }, error.message),
    el(
      "div.form-buttons",
      null,
      el("button.button.is-main", { type: "button", onclick: () => void begin() }, "Try again"),
    ),
  );
}

setUpFrame();
void begin();
