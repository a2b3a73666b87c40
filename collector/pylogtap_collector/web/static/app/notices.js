import { Refused, key } from "./api.js";
import { byId, el } from "./dom.js";
import { forgetKey, signInAddress, signOut } from "./session.js";

const TOAST_MS = 3_500;
let toastTimer = 0;

/**
 * A word that goes away by itself.
 * @param {string} words
 */
export function toast(words) {
  const host = byId("toast");
  host.textContent = words;
  host.hidden = false;
  announce(words);
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (host.hidden = true), TOAST_MS);
}

/**
 * Words for screen readers alone.
 * @param {string} words
 */
export function announce(words) {
  byId("status").textContent = words;
}

/**
 * A line above everything that stays until it is taken away.
 * @param {string | null} words null: take it away
 */
export function banner(words) {
  const host = byId("banner");
  host.hidden = words === null;
  host.replaceChildren(...(words === null ? [] : [el("span.spinner", { "aria-hidden": "true" }), words]));
}

const FIRST_LOG = `import logging, pylogtap
pylogtap.init("shop/checkout"); logging.getLogger().warning("hello from %s", "Python")`;
const FIRST_TESTS = "pytest --pylogtap";

/**
 * What stands in place of the records.
 * @param {Node[] | null} content null: the records are to be seen
 */
export function notice(content) {
  const host = byId("notice");
  host.hidden = content === null;
  host.replaceChildren(...(content ?? []));
}

/**
 * Put text into the clipboard.
 * @param {string} text
 * @param {string} done what to say then
 */
export async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    toast(done);
  } catch {
    toast("The browser does not allow copying here");
  }
}

/** Text to take and run. @param {string} text */
const codeBlock = (text) =>
  el(
    "div.code-block",
    null,
    el("pre", null, el("code", null, text)),
    el("button.button", { type: "button", onclick: () => void copy(text, "Copied") }, "Copy"),
  );

/** For a collector that has never got a record. */
export function firstSteps() {
  return [
    el("h2", null, "Nothing logged yet"),
    el("p", null, "Send the first record with two lines of Python, then watch it come in here:"),
    codeBlock(FIRST_LOG),
    el(
      "p.soft",
      null,
      "Or tap a program as it is: ",
      el("code", null, "pylogtap run -- python app.py"),
      ". Nothing arrives? ",
      el("code", null, "pylogtap doctor"),
      " says why.",
    ),
  ];
}

/** For a collector that has never heard of a test. */
export function firstTests() {
  return [
    el("h2", null, "No tests have run yet"),
    el("p", null, "Run them with the plugin; they come in here while they run:"),
    codeBlock(FIRST_TESTS),
    el(
      "p.soft",
      null,
      "Any other runner: ",
      el("code", null, "pylogtap run -- go test -json ./..."),
      ", or import its report.",
    ),
  ];
}

/**
 * For a search without results.
 * @param {{text: string, act: () => void}[]} ways out
 */
export function nothingFound(ways) {
  return [
    el("h2", null, "No records match"),
    el("p", null, ways.length ? "There are others:" : "Change the query or the time range."),
    el(
      "div.ways",
      null,
      ways.map(({ text, act }) => el("button.button", { type: "button", onclick: act }, text)),
    ),
  ];
}

/**
 * For an answer that is a refusal.
 * @param {Error} error
 * @param {() => void} again
 */
export function failed(error, again) {
  if (error instanceof Refused && error.code === "missing_right") return notAllowed(error.message);
  return [
    el("h2", null, "This did not work"),
    el("p", { role: "alert" }, error.message),
    el("button.button", { type: "button", onclick: again }, "Try again"),
  ];
}

/** For who is known, but may not see the page: it says how to be somebody else. @param {string} words */
function notAllowed(words) {
  const leave = (/** @type {string} */ next) =>
    void signOut(next).catch((/** @type {Error} */ error) => toast(`Not signed out: ${error.message}`));
  const withKey = key.get() !== null;
  const change = () => {
    if (!withKey) return leave(signInAddress());
    key.forget(); // a session that is behind it stays
    location.assign(signInAddress());
  };
  return [
    el("h2", null, "You may not see this"),
    el("p", { role: "alert" }, words),
    el(
      "div.ways",
      null,
      el("button.button.is-main", { type: "button", onclick: change }, "Sign in as somebody else"),
      withKey
        ? el("button.button", { type: "button", onclick: forgetKey }, "Forget the key")
        : el("button.button", { type: "button", onclick: () => leave(signInAddress("/")) }, "Sign out"),
    ),
  ];
}
