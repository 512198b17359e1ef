// Along the lines of a list by keyboard: j and k, as on the board and with the same switch; Enter is the link itself.
(() => {
  const STEPS = { j: 1, k: -1 };
  let last = null;
  const lines = () => [...document.querySelectorAll(".workrow")];
  document.addEventListener("focusin", (event) => { last = event.target.closest(".workrow")?.id || last; });
  document.addEventListener("keydown", (event) => {
    if (localStorage.getItem("redress-keys-off") !== null) return;
    if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, [contenteditable], [popover]")) return;
    const all = lines(), here = all.indexOf(document.activeElement.closest(".workrow") ?? document.getElementById(last));
    const line = all[Math.min(Math.max(here + STEPS[event.key], 0), all.length - 1)];
    if (!line) return;
    event.preventDefault();
    line.focus();
  });
})();
