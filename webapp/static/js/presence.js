// Who else is here, what came in, and how far a mail got: asked for only while the page is seen, and at once when it is
// seen again. Whoever was signed out meanwhile learns that when they send something; a page with words in its fields is not taken away.
"use strict";
(() => {
  const ours = (event) => event.target.closest?.("#presence, .tl__awaits, .ent--out");
  document.addEventListener("htmx:beforeRequest", (event) => { if (document.hidden && ours(event)) event.preventDefault(); });
  document.addEventListener("htmx:beforeOnLoad", (event) => { if (event.detail.xhr.status >= 400 && ours(event)) event.preventDefault(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) htmx.trigger(document.body, "back"); });
})();
