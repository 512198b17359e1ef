// What is saved in place makes a new version of the complaint, and this page has seen it: its other forms need not be
// refused for that. Records have versions of their own. A fact that was changed and not saved is open again when the
// page is.
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
addEventListener("load", () => {
  const me = document.querySelector("[name=filled_by]")?.value;
  const here = (link) => {
    try {
      return localStorage.getItem(`draft:${me}:${link.dataset.keeps}`) !== null;
    } catch {
      return false; // storage is switched off
    }
  };
  for (const link of document.querySelectorAll("[data-keeps]")) {
    if (link.dataset.begun === undefined && !here(link)) continue;
    for (let shut = link.closest("details:not([open])"); shut; shut = link.closest("details:not([open])")) shut.open = true;
    link.click();
  }
});
