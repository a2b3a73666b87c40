// A classic script in the head, before all else: the theme stands before anything is painted, so nothing
// flashes, and what cannot be loaded is loaded again.
(() => {
  try {
    const theme = localStorage.getItem("pylogtap.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    document.documentElement.dataset.density =
      localStorage.getItem("pylogtap.density") === "roomy" ? "roomy" : "compact";
  } catch {
    // Storage may be forbidden; the browser's preference then decides.
  }
})();

// A browser gives up what it loads when the machine's network changes meanwhile, as it does whenever a container
// starts; and a collector may be restarted. A page without one of its modules would stay empty.
(() => {
  const RELOADS = "pylogtap.reloads";
  const MOST = 3;
  const FIRST_WAIT_MS = 250;
  let broken = false;

  /** @param {Event} event */
  const loadAgain = (event) => {
    const part = event.target;
    const matters =
      part instanceof HTMLScriptElement || (part instanceof HTMLLinkElement && part.rel === "stylesheet");
    if (!matters || broken) return;
    broken = true;
    try {
      const reloads = Number(sessionStorage.getItem(RELOADS) ?? 0);
      if (reloads >= MOST) return;
      sessionStorage.setItem(RELOADS, String(reloads + 1));
      setTimeout(() => location.reload(), FIRST_WAIT_MS * 2 ** reloads);
    } catch {
      // Where nothing can be counted, a page that can never be loaded would be loaded for ever.
    }
  };

  addEventListener("error", loadAgain, true);
  addEventListener("load", () => {
    try {
      if (!broken) sessionStorage.removeItem(RELOADS);
    } catch {
      // Nothing was counted.
    }
  });
})();
