// The report by keyboard: whoever comes to write stands in the first field, ctrl or command with enter saves. Without
// script the address leads to the form, and its button saves.
"use strict";
const asked = new URLSearchParams(location.search);
const opened = asked.has("add") || asked.has("edit") ? document.getElementById(location.hash.slice(1)) : null;
const refused = document.querySelector(".report .rec__form .notice");
const form = refused ? refused.closest("form") : opened && opened.querySelector(".rec__form");
if (form) {
  const first = form.querySelector("[aria-invalid=true]") || form.querySelector(".field :is(input, select, textarea)");
  if (first) first.focus();
}

const report = document.querySelector(".report");
report.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const within = event.target.closest("form");
  if (within) within.requestSubmit();
});
report.addEventListener(
  "toggle",
  (event) => {
    if (!event.target.matches(".rec__add[open]") || !event.target.contains(document.activeElement)) return;
    const control = event.target.querySelector(".field :is(input, select, textarea)");
    if (control) control.focus();
  },
  true
);
