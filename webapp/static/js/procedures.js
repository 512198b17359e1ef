// A fault leads to its line in the text; without script to the line in the excerpt.
"use strict";
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  const text = document.getElementById("f-text");
  if (!link || !text) return;
  const lines = text.value.split("\n");
  const number = Number(link.dataset.line);
  if (number > lines.length) return;
  event.preventDefault();
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + lines[number - 1].length);
  text.scrollTop = (text.scrollHeight / lines.length) * Math.max(number - 4, 0);
  text.scrollLeft = 0;
});
