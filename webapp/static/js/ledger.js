// The fields of the filters stay as they are while the table under them changes, so that nothing typed meanwhile is lost.
// What belongs to the address goes along: whether a field was understood, the files, and what a view would keep.
"use strict";
document.addEventListener("htmx:afterSettle", (event) => {
  const form = document.getElementById("ledger-form");
  if (!form || event.target.id !== "ledger-part") return;
  for (const field of form.querySelectorAll("[id^='f-'][name]")) {
    const problem = document.getElementById(`${field.id}-problem`);
    field.toggleAttribute("aria-invalid", Boolean(problem));
    if (problem) field.setAttribute("aria-invalid", "true");
    problem ? field.setAttribute("aria-describedby", problem.id) : field.removeAttribute("aria-describedby");
  }
  const query = document.getElementById("ledger-part").dataset.query;
  for (const link of document.querySelectorAll("[data-ledger-file]")) link.search = query;
  for (const kept of document.querySelectorAll("[data-ledger-query]")) kept.value = query;
});
