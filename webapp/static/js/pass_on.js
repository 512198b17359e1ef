// Narrows a list of checkboxes to what is typed; what is ticked stays in sight. Without script the whole list is there.
"use strict";
for (const field of document.querySelectorAll("[data-narrows]")) {
  const labels = [...document.getElementById(field.dataset.narrows).querySelectorAll("label")];
  const narrow = () => {
    const typed = field.value.trim().toLowerCase();
    for (const label of labels) {
      label.hidden = !label.querySelector("input").checked && !label.textContent.toLowerCase().includes(typed);
    }
  };
  field.hidden = labels.length < 8;
  field.addEventListener("input", narrow);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would send the form
  });
}
