import { byId } from "./dom.js";
import { showTheme, switchTheme } from "./preferences.js";
import { listen } from "./shortcuts.js";

/** Make what pages of forms have in common: the theme and its key. */
export function setUpFrame() {
  showTheme();
  byId("theme").addEventListener("click", switchTheme);
  listen({ t: switchTheme });
}
