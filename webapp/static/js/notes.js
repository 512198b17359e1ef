// Offers names after an @ in a note. The names come from the server when the first @ is typed; without script they are
// typed in full.
"use strict";
const MOST = 8;
const AFTER_AT = /(?:^|[^\w.+-])[@＠]([^@＠\n]{0,40})$/;

for (const field of document.querySelectorAll("[data-mentions]")) {
  const list = document.getElementById("note-names");
  const said = document.getElementById("note-said");
  let keys = {};
  let names = null;
  let chosen = -1;
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-haspopup", "listbox");
  field.setAttribute("aria-controls", list.id);

  const typed = () => {
    const found = AFTER_AT.exec(field.value.slice(0, field.selectionStart));
    return found ? found[1].toLowerCase() : null;
  };

  const choose = (index) => {
    chosen = index;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    const option = list.children[index];
    if (option) {
      field.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      field.removeAttribute("aria-activedescendant");
    }
  };

  const offer = (found) => {
    const before = [...list.children].map((option) => option.textContent);
    if (!list.hidden && found.join("\n") === before.join("\n")) return;
    list.replaceChildren(
      ...found.map((name, at) => {
        const option = document.createElement("li");
        option.id = `note-name-${at}`;
        option.setAttribute("role", "option");
        option.textContent = name;
        return option;
      }),
    );
    list.hidden = found.length === 0;
    said.textContent = found.length ? said.dataset.offers.replace("{count}", found.length) : "";
    choose(found.length ? 0 : -1);
  };

  const matching = (part) => {
    const words = (name) => [name.toLowerCase(), ...keys[name]].some((word) => word.startsWith(part));
    const starting = names.filter(words);
    const others = part ? names.filter((name) => !words(name) && name.toLowerCase().includes(part)) : [];
    return [...starting, ...others].slice(0, MOST);
  };

  const look = async () => {
    if (typed() === null) return offer([]);
    if (names === null) {
      names = [];
      const answer = await fetch(field.dataset.mentions, { headers: { Accept: "application/json" } }).catch(() => null);
      if (answer && answer.ok && !answer.redirected) keys = await answer.json();
      names = Object.keys(keys);
    }
    const part = typed();
    offer(part === null ? [] : matching(part));
  };

  const put = (name) => {
    const at = field.selectionStart;
    field.setRangeText(`${name} `, at - typed().length, at, "end");
    offer([]);
    field.dispatchEvent(new Event("change", { bubbles: true }));
  };

  field.addEventListener("input", look);
  field.addEventListener("click", look);
  field.addEventListener("blur", () => offer([]));
  field.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const last = list.children.length - 1;
    if (event.key === "ArrowDown") choose(chosen === last ? 0 : chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen <= 0 ? last : chosen - 1);
    else if (event.key === "Enter" || event.key === "Tab") put(list.children[chosen].textContent);
    else if (event.key === "Escape") offer([]);
    else return;
    event.preventDefault();
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) put(option.textContent);
  });
}
