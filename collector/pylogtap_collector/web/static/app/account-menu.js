import { byId, el } from "./dom.js";
import { toast } from "./notices.js";
import { Popup } from "./popup.js";
import { forgetKey, kindOf, nameOf, signInAddress, signOut, whoAsks } from "./session.js";

/** @typedef {import("./session.js").Me} Me */

/** Make the menu that says who is signed in, and lets him out. */
export function setUpAccountMenu() {
  const panel = byId("account-menu");
  const popup = new Popup(byId("account"), panel, () => {
    panel.replaceChildren(el("p.menu-head.soft", null, "Asking the collector …"));
    void fill();
  });
  const fill = async () => {
    try {
      const me = await whoAsks();
      panel.replaceChildren(headOf(me), ...itemsOf(me));
    } catch (error) {
      panel.replaceChildren(el("p.menu-head", { role: "alert" }, /** @type {Error} */ (error).message));
    }
    if (popup.open) /** @type {HTMLElement | null} */ (panel.querySelector("a, button"))?.focus();
  };
}

/** @param {Me} me */
const headOf = (me) =>
  el("p.menu-head", null, el("strong", null, nameOf(me)), el("span.soft", null, kindOf(me)));

/** @param {Me} me */
function itemsOf(me) {
  const isKey = me.kind === "key" || me.kind === "server_key";
  return [
    (me.kind === "user" || isKey) && el("a.menu-item", { href: "/account" }, "Account"),
    me.kind === "nobody" && el("a.menu-item", { href: signInAddress() }, "Sign in"),
    me.kind === "local" &&
      !me.read_only &&
      el("a.menu-item", { href: signInAddress() }, "Set up an account"),
    me.kind === "user" && el("button.menu-item", { type: "button", onclick: leave }, "Sign out"),
    isKey && el("button.menu-item", { type: "button", onclick: forgetKey }, "Forget the key"),
  ].filter((item) => item instanceof Node);
}

const leave = () =>
  signOut().catch((/** @type {Error} */ error) => toast(`Not signed out: ${error.message}`));
