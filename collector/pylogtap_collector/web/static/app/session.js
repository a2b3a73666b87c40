import { get, key, remove, whenUnknown } from "./api.js";

// Who is signed in here, and the way to the page where that happens.

/**
 * @typedef {object} Me  who asks, as `GET /api/v1/me` answers it
 * @property {"nobody" | "local" | "user" | "key" | "server_key" | "collector"} kind
 * @property {number | null} id
 * @property {string} name
 * @property {boolean} admin
 * @property {string[]} everywhere  rights in all projects
 * @property {Record<string, string[]>} projects  rights in single ones
 * @property {boolean} accounts  whether the collector has any
 * @property {boolean} read_only
 */

const SIGN_IN = "/sign-in";

/** @returns {Promise<Me>} */
export const whoAsks = () => get("/me");

/**
 * A path of ours that an address names, or the front page: nothing that an address says leads elsewhere.
 * @param {string | null} text
 * @param {string} origin
 */
export function ownPath(text, origin) {
  // A browser reads a backslash as a slash, and leaves out tabs and line ends: `/\t/` is `//`.
  if (!text || !/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(text)) return "/";
  if (!URL.canParse(text, origin)) return "/";
  const url = new URL(text, origin);
  const leadsBack = url.origin === origin && !url.pathname.startsWith("//"); // `/.//host` has become `//host`
  return leadsBack && url.pathname !== SIGN_IN ? url.pathname + url.search + url.hash : "/";
}

/**
 * Where to sign in, and to come back from there.
 * @param {string} [to] path
 */
export const signInAddress = (to = location.pathname + location.search) =>
  to === "/" ? SIGN_IN : `${SIGN_IN}?to=${encodeURIComponent(to)}`;

/** Leave for the page where one signs in; it comes back here. */
export function leaveToSignIn() {
  whenUnknown(() => {}); // further requests are refused as well
  location.replace(signInAddress());
}

/**
 * Leave this page as soon as nobody is signed in any more, also when it is shown again from memory.
 * @param {(me: Me) => void} [onKnown] called once
 */
export function askWhoIsThere(onKnown) {
  whenUnknown(leaveToSignIn);
  if (onKnown) whoAsks().then(onKnown, () => {}); // what one may not do is refused all the same
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    whoAsks().then(
      (me) => me.kind === "nobody" && leaveToSignIn(),
      () => {}, // the page itself says what does not answer
    );
  });
}

/** Sign out here; a key of this tab is forgotten, too. @param {string} [next] path to go to */
export async function signOut(next = SIGN_IN) {
  key.forget(); // first: beside a key the session would not count
  whenUnknown(() => {});
  await remove("/sessions/current").catch((error) => {
    if (error.status !== 401 && error.status !== 404) throw error; // it has ended already
  });
  location.replace(next);
}

/** Forget this tab's key; the page begins anew as whoever is signed in without it. */
export function forgetKey() {
  key.forget();
  location.reload();
}

/**
 * Whether somebody has a right in a project.
 * @param {Me} me
 * @param {string} right
 * @param {string} project
 */
export const may = (me, right, project) =>
  me.everywhere.includes(right) ||
  (Object.hasOwn(me.projects, project) && me.projects[project].includes(right)); // one may be called `constructor`

/** Who that is, in a few words. @param {Me} me */
export function nameOf(me) {
  if (me.kind === "local") return "Everybody on this machine";
  if (me.kind === "nobody") return "Nobody is signed in";
  return me.name;
}

/** What that one is. @param {Me} me */
export function kindOf(me) {
  if (me.kind === "user") return me.admin ? "administrator" : "user";
  if (me.kind === "server_key") return "key of the environment";
  return me.kind === "key" ? "key" : "";
}
