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

const ACTS = { ">=": (a, b) => a >= b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, "<": (a, b) => a < b };
const comparable = (text) => (/^\d{4}-\d{2}-\d{2}/.test(text) ? text.slice(0, 10) : text.trim() === "" ? NaN : Number(text));
// Does a value stand in the relation `>= 1000` or `< goods.warranty_until`? As complaints/comparing.py has it; where the
// other field is not in this form, the server decides.
const compares = (form, value, relation) => {
  const [, sign, other] = /^(>=|<=|>|<)\s*(.+)$/.exec(relation) ?? [];
  if (!sign) return false;
  const field = /^(?:[a-z]\w*\.)?([a-z]\w*)$/.exec(other)?.[1];
  if (field && !form.elements.namedItem(field)) return true;
  const [left, right] = [comparable(value), comparable(field ? (new FormData(form).get(field) ?? "") : other)];
  return typeof left === typeof right && ACTS[sign](left, right);
};
const wanted = (form, field) => {
  const filled = [...field.querySelectorAll("textarea, input:not([type=hidden]), select")].some((control) =>
    control.type === "checkbox" ? control.checked : control.value !== ""
  );
  const values = new FormData(form);
  const said = (name) => values.getAll(name).filter((value) => typeof value === "string");
  const holds = JSON.parse(field.dataset.when).some((each) =>
    Object.entries(each).every(([name, known]) => {
      if (!form.elements.namedItem(name)) return true; // somebody else's field: the server decides
      const found = said(name).filter(Boolean);
      return (found.length ? found : [""]).some((value) => known.includes(value) || known.some((each) => compares(form, value, each)));
    })
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
