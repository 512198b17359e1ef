// Opens the panel that an address leads to, and hides the fields that are not wanted as a form stands. Without script
// panels are opened by hand and every field is there, with a word on when it is needed.
"use strict";
const reveal = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  let closed = target.closest("details:not([open])");
  if (!closed || !target.closest("#records")) return;
  for (; closed; closed = target.closest("details:not([open])")) closed.open = true;
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();

const wanted = (form, field) => {
  const filled = [...field.querySelectorAll("textarea, input:not([type=hidden]), select")].some((control) =>
    control.type === "checkbox" ? control.checked : control.value !== ""
  );
  const values = new FormData(form);
  const holds = JSON.parse(field.dataset.when).some((each) =>
    Object.entries(each).every(([name, known]) => known.includes(values.get(name) ?? ""))
  );
  return filled || holds;
};
const fit = (form) => {
  for (const field of form.querySelectorAll("[data-when]")) field.hidden = !wanted(form, field);
};
for (const form of document.querySelectorAll(".rec__form")) fit(form);
document.addEventListener("htmx:load", (event) => event.detail.elt.querySelectorAll(".rec__form").forEach(fit));
document.addEventListener("change", (event) => {
  const form = event.target.closest(".rec__form");
  if (form) fit(form);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.closest(".rec__form")?.requestSubmit();
});
