// Looks at a file in a dialog over the page it is listed on: arrows go to the files beside it, Escape closes, and the
// focus returns. Without script, or when the dialog cannot be filled, the same link leads to a page of its own.
"use strict";
(() => {
  let dialog = null;
  let shown, said; // the file, and what a screen reader hears when it changes
  let asked = 0;

  const opened = () => {
    if (dialog === null) {
      dialog = document.createElement("dialog");
      dialog.className = "looking";
      dialog.setAttribute("aria-labelledby", "look-title");
      shown = dialog.appendChild(document.createElement("div"));
      said = dialog.appendChild(document.createElement("p"));
      said.className = "vh";
      said.setAttribute("role", "status");
      dialog.addEventListener("keydown", turn);
      dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }); // beside it
      dialog.addEventListener("close", () => { asked += 1; shown.replaceChildren(); said.textContent = ""; });
      document.body.append(dialog);
    }
    return dialog;
  };

  const look = async (address) => {
    const mine = (asked += 1);
    const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
    const text = answer?.ok && !answer.redirected ? await answer.text() : null;
    if (mine !== asked) return; // something else was asked for meanwhile
    if (text === null) return location.assign(address);
    const at = dialog?.contains(document.activeElement) ? document.activeElement.dataset.look : "close";
    const turned = opened().open;
    shown.innerHTML = text;
    if (turned) said.textContent = ["#look-title", ".look__pages span"].map((each) => shown.querySelector(each)?.textContent).filter(Boolean).join(", ");
    else dialog.showModal();
    (shown.querySelector(`[data-look="${at}"]`) ?? shown.querySelector("[data-look=close]")).focus();
  };

  const turn = (event) => {
    const to = { ArrowLeft: "before", ArrowRight: "after" }[event.key];
    const link = to && !event.altKey && !event.ctrlKey && !event.metaKey && shown.querySelector(`[data-look="${to}"]`);
    if (!link) return;
    event.preventDefault();
    link.click();
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-look]");
    if (!link || event.button || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!link.closest("dialog, .atts")) return; // on the page of a file they are links
    event.preventDefault();
    link.setAttribute("aria-busy", "true");
    look(link.href).finally(() => link.removeAttribute("aria-busy"));
  });
})();
