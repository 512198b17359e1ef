// The report by keyboard: whoever comes to write stands in the first field, ctrl or command with enter saves. Without
// script the address leads to the form, and its button saves.
"use strict";
const first = (form) => form && form.querySelector(".field :is(input, select, textarea):not([type=hidden])");
const refused = document.querySelector(".report .rec__form .notice");
const edited = first(document.querySelector(".report :is(.rec__row, .why, .causes__i, tr) .rec__form"));
if (refused) {
  const form = refused.closest("form");
  (form.querySelector("[aria-invalid=true]") || first(form))?.focus();
} else if (edited) {
  location.replace(`#${edited.id}`); // as the browser itself goes to a place, which would take a focus away again
}

const report = document.querySelector(".report");
report.addEventListener("click", (event) => {
  const summary = event.target.closest(".rec__add:not([open]) > summary");
  if (!summary) return;
  event.preventDefault(); // at once, so that no key is lost that follows
  summary.parentElement.open = true;
  first(summary.parentElement)?.focus();
});
