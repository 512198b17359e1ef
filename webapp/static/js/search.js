// Search by keyboard: `/` leads to it from every page (the board keeps its own), Esc leaves the box, arrows go through
// what was found.
"use strict";
(() => {
  const box = () => document.querySelector("#search-q");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = event.target.closest?.("input, select, textarea, [contenteditable], [popover]");
    if (event.key === "/" && !typing && !document.querySelector('[aria-keyshortcuts="/"]')) {
      event.preventDefault();
      if (box()) box().select();
      else document.querySelector(".search-link")?.click();
    }
    if (event.key === "Escape" && event.target === box()) box().blur();
    if (!box() || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    const stops = [box(), ...document.querySelectorAll("#search-found .hit__a")];
    const at = stops.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    stops[Math.min(stops.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)))].focus();
  });
})();
