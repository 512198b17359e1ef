// Inserts a reply template at the cursor, names what is still to be filled in, and shows the form that an address leads
// to. Without script a template fills the form by a link, and the two forms change places by their buttons.
const composer = document.getElementById("composer");
const words = document.getElementById("f-composer-text");
const gaps = composer.querySelector("[data-places]");
const places = JSON.parse(gaps.dataset.places);
const PLACE = new RegExp(`\\{(${Object.keys(places).join("|")})\\}`, "g");

const select = (place) => {
  const at = words.value.indexOf(place);
  words.focus();
  if (at >= 0) words.setSelectionRange(at, at + place.length);
};

const missing = () => {
  const found = [...new Set(words.value.match(PLACE) ?? [])];
  gaps.hidden = found.length === 0;
  gaps.querySelector("[data-gaps]").replaceChildren(
    ...found.flatMap((place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "linkbtn";
      button.textContent = place;
      button.addEventListener("click", () => select(place));
      return [button, ` ${places[place.slice(1, -1)]} `];
    }),
  );
};

const insert = (told) => {
  const [start, end] = [words.selectionStart, words.selectionEnd];
  const before = words.value.slice(0, start);
  const gap = before.trim() === "" ? "" : before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
  if (before.trim() === "") words.setRangeText(told.text, 0, end, "end");
  else words.setRangeText(gap + told.text, start, end, "end");
  const form = words.form;
  const contact = form.elements.namedItem("contact");
  if (contact && [...contact.options].some((option) => option.value === told.contact)) contact.value = told.contact;
  if (told.subject && !form.elements.namedItem("answers")) form.elements.namedItem("subject").value = told.subject;
  words.dispatchEvent(new Event("input", { bubbles: true }));
  const [first] = words.value.match(PLACE) ?? [];
  if (first) select(first);
  else words.focus();
};

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-template]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const answer = await fetch(link.dataset.template, { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok) return location.assign(link.href);
  document.getElementById("templates-menu").hidePopover();
  insert(await answer.json());
});

const lead = () => {
  const kind = { "#note-form": "note", "#composer": "reply" }[location.hash];
  if (kind) composer.querySelector(`[name=kind][value=${kind}]`).checked = true;
};

words.addEventListener("input", missing);
words.form.addEventListener("change", missing);
addEventListener("hashchange", lead);
lead();
missing();
const here = new URL(location);
if (here.searchParams.has("template")) {
  here.searchParams.delete("template"); // it is in the form now: loading the page again would not add it anew
  history.replaceState(history.state, "", here);
}
