import { byId } from "./dom.js";

const root = document.documentElement;

/** @param {string} name @param {string} value */
function keep(name, value) {
  try {
    localStorage.setItem(`pylogtap.${name}`, value);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

/** @param {string} name */
function kept(name) {
  try {
    return localStorage.getItem(`pylogtap.${name}`);
  } catch {
    return null;
  }
}

/** Whether the page is dark now. */
function isDark() {
  return root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
}

export function switchTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  keep("theme", root.dataset.theme);
  showTheme();
}

/** Let styles know what is seen, whether chosen or preferred. */
export function showTheme() {
  root.classList.toggle("is-dark", isDark());
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);

export function switchDensity() {
  root.dataset.density = root.dataset.density === "roomy" ? "compact" : "roomy";
  keep("density", root.dataset.density);
}

/** @returns {import("./times.js").Zone} */
export const zone = () => (kept("zone") === "utc" ? "utc" : "local");

export function switchZone() {
  keep("zone", zone() === "utc" ? "local" : "utc");
  showZone();
}

/** Write the zone on its button. */
export function showZone() {
  const label = byId("zone").querySelector("span");
  if (label) label.textContent = zone() === "utc" ? "UTC" : "Local";
}
