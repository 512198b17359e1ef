// What is saved in place makes a new version of the complaint, and this page has seen it: its other forms need not be
// refused for that. Records have versions of their own.
"use strict";
document.addEventListener("htmx:afterSettle", (event) => {
  const facts = document.getElementById("facts");
  const saved = event.target.closest?.(".fact[data-version]") ?? facts?.querySelector(".fact[data-version]");
  if (!facts || !saved) return;
  const before = facts.dataset.version;
  for (const field of document.querySelectorAll('form:not(.rec__form) > input[name="version"]')) {
    if (field.value === before) field.value = saved.dataset.version;
  }
  facts.dataset.version = saved.dataset.version;
  saved.removeAttribute("data-version");
});
