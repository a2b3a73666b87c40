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
    tryItOutEnabled: true,
    validatorUrl: null, // Swagger's default sends the document's address to a service of theirs
  });
})();
