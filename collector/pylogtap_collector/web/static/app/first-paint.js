// A classic script in the head: the theme stands before anything is painted, so nothing flashes.
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
