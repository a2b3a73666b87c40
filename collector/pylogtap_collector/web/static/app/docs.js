// The API's description, shown by Swagger UI from our own files; nothing is loaded from or sent elsewhere.
(() => {
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () =>
    root.classList.toggle(
      "dark-mode",
      (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark",
    );
  paint();
  prefersDark.addEventListener("change", paint);
  // @ts-ignore the bundle's global
  SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    filter: true,
    tryItOutEnabled: false, // what deletes is not to be armed from the start
    validatorUrl: null, // Swagger's default sends the document's address to a service of theirs
  });
  // It sends a session's cookie, and the key that is given to it, but not the key of the page's tab.
  fetch("/api/v1/me")
    .then((answer) => answer.json())
    .then((me) => {
      const note = document.getElementById("signed-out");
      if (note) note.hidden = me.kind !== "nobody";
    })
    .catch(() => {}); // the description is readable all the same
})();
