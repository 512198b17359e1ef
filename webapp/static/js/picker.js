// A list of what is offered under an input: arrows choose, Enter takes, Escape closes. htmx brings the list; what was
// typed stands as it is where nothing is taken.
"use strict";
(() => {
  const picker = (node) => node.closest?.("[data-picker]");
  const listOf = (field) => document.getElementById(field.getAttribute("aria-controls"));
  const chosenOf = (list) => list.querySelector('[aria-selected="true"]');

  const show = (field, open) => {
    listOf(field).hidden = !open;
    field.setAttribute("aria-expanded", String(open));
    if (!open) field.removeAttribute("aria-activedescendant");
  };

  const choose = (field, option) => {
    for (const each of listOf(field).children) each.setAttribute("aria-selected", String(each === option));
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };

  const take = (field, option) => {
    const put = (values, anyway) => {
      for (const [name, value] of Object.entries(JSON.parse(values))) {
        const other = field.form.elements.namedItem(name);
        if (other && (anyway || (!other.value && value))) other.value = value;
      }
    };
    put(option.dataset.puts, true);
    put(option.dataset.fills, false);
    show(field, false);
    listOf(field).replaceChildren();
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };

  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.status >= 400 && picker(event.target)) event.preventDefault(); // what is typed stays
  });

  document.addEventListener("keydown", (event) => {
    const field = picker(event.target);
    if (!field || event.isComposing) return;
    const list = listOf(field);
    const options = [...list.children];
    if (list.hidden || !options.length) return;
    const at = options.indexOf(chosenOf(list));
    if (event.key === "ArrowDown") choose(field, options[(at + 1) % options.length]);
    else if (event.key === "ArrowUp") choose(field, options[at <= 0 ? options.length - 1 : at - 1]);
    else if (event.key === "Enter" && at >= 0) take(field, options[at]);
    else if (event.key === "Escape") show(field, false);
    else return;
    event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const list = event.target;
    const field = list.id && document.querySelector(`[data-picker][aria-controls="${CSS.escape(list.id)}"]`);
    if (field) show(field, list.children.length > 0 && document.activeElement === field);
  });
  document.addEventListener("focusin", (event) => {
    const field = picker(event.target);
    if (field && field.name === "contact_person") htmx.trigger(field, "picker"); // a customer has few people: all are offered
  });
  document.addEventListener("focusout", (event) => {
    const field = picker(event.target);
    if (field) show(field, false);
  });
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest?.(".picker")) event.preventDefault(); // the input keeps the focus
  });
  document.addEventListener("click", (event) => {
    const option = event.target.closest?.(".picker__o");
    if (option) take(document.querySelector(`[aria-controls="${CSS.escape(option.parentElement.id)}"]`), option);
  });
})();
