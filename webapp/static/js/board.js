// The board: dragging, keys, the move menu, and what others change meanwhile. Everything here also works without script,
// through the link on each card. While a card is held or on its way, answers that would change the board wait.
"use strict";
(() => {
  const EVERY = 8_000, AFRESH = 300_000;
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const board = () => $("#board");
  const menu = $("#move-menu"), live = $("#board-live");

  // -- asking the server ------------------------------------------------------------------------------------------
  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

  async function ask(path, body) {
    const headers = { "HX-Request": "true" };
    if (body) headers["X-CSRFToken"] = token();
    const answer = await fetch(path, { method: body ? "POST" : "GET", body, headers, credentials: "same-origin" });
    const away = answer.headers.get("HX-Redirect");
    if (away) { say(board().dataset.signedOut); location.assign(away); }
    return answer;
  }

  const withFilters = (path) => path + (location.search ? (path.includes("?") ? "&" : "?") + location.search.slice(1) : "");

  // -- telling the person -----------------------------------------------------------------------------------------
  function toast(text) {
    const note = document.createElement("div");
    note.className = "toast";
    note.append(Object.assign(document.createElement("span"), { className: "toast__b", textContent: text }));
    $("#toasts").replaceChildren(note);
    setTimeout(() => note.remove(), 6_000);
  }

  function say(text) {
    live.textContent = text;
    toast(text);
  }

  // -- cards and their places -------------------------------------------------------------------------------------
  const place = (card) => [Number(card.dataset.k), Number(card.id.slice(1))];
  const before = (a, b) => a[0] - b[0] || a[1] - b[1];
  const listOf = (stage) => $(`#col-${CSS.escape(stage)} .cards`);
  const same = (a, b) => a.dataset.v === b.dataset.v && a.dataset.k === b.dataset.k && a.innerHTML === b.innerHTML;

  // Puts a card of an answer where it belongs. A card beyond what a column shows is left to "show more", unless it is
  // the one that the person just moved.
  function settle(card, { always = false } = {}) {
    const old = document.getElementById(card.id);
    const list = listOf(card.dataset.stage);
    delete card.dataset.stage;
    if (old && list === old.parentElement && same(old, card)) return;
    const held = old?.contains(document.activeElement) ? document.activeElement : null;
    const neighbour = old?.nextElementSibling ?? old?.previousElementSibling;
    const key = place(card);
    const next = list && all(":scope > .card", list).find((other) => other !== old && before(place(other), key) > 0);
    const foot = list && $(":scope > .col__foot", list);
    old?.remove();
    const shown = list && (next || !foot || always);
    if (shown) list.insertBefore(card, next || foot);
    if (!held) return;
    const target = shown ? $(held.classList.contains("card__mv") ? ".card__mv" : "h3 a", card) : $("h3 a", neighbour ?? board());
    target?.focus({ preventScroll: !always });
  }

  // Takes in an answer: cards by their id and column, everything else by its id.
  function absorb(html, options) {
    const box = document.createElement("template");
    box.innerHTML = html;
    for (const part of [...box.content.children]) {
      if (part.matches(".card")) settle(part, options);
      else if ("gone" in part.dataset) document.getElementById(part.id)?.remove();
      else replace(part);
    }
    inStep();
  }

  function replace(part) {
    const old = document.getElementById(part.id);
    const inside = part.getAttribute("hx-swap-oob") === "innerHTML";
    part.removeAttribute("hx-swap-oob");
    if (!old || old.outerHTML === part.outerHTML || old.contains(document.activeElement)) return;
    if (inside) return void old.replaceChildren(...part.childNodes);
    old.replaceWith(part);
    htmx.process(part);
  }

  // -- nothing moves under the hand -------------------------------------------------------------------------------
  let holding = 0;
  const waiting = [];
  const later = (change) => (holding ? waiting.push(change) : change());
  function release() {
    holding -= 1;
    while (!holding && waiting.length) waiting.shift()();
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (!holding || !board().contains(target)) return;
    event.detail.shouldSwap = false;
    waiting.push(() => (target.matches(".col__foot") ? $("a", target).click() : afresh()));
  });

  // -- moving -----------------------------------------------------------------------------------------------------
  const number = (card) => $("h3 a", card).pathname.split("/").pop();

  async function move(card, stage, version, home = card.parentElement) {
    const body = new FormData();
    body.set("stage", stage);
    body.set("version", version);
    card.setAttribute("aria-busy", "true");
    holding += 1;
    let answer = null;
    try {
      answer = await ask(withFilters(`/complaints/${number(card)}/move`), body);
      if (![200, 409, 422].includes(answer.status)) throw answer;
      const html = await answer.text();
      if (!html.trimStart().startsWith("<li")) throw answer;
      absorb(html, { always: true });
      if (answer.ok) toast(live.textContent);
      document.getElementById(card.id)?.removeAttribute("aria-busy");
    } catch (trouble) {
      card.removeAttribute("aria-busy");
      springBack(card, home);
      say(answer ? board().dataset.failed : board().dataset.offline);
      if (!(trouble instanceof Response || trouble instanceof TypeError)) throw trouble;
    } finally {
      release();
    }
  }

  function springBack(card, home) {
    const key = place(card);
    const next = all(":scope > .card", home).find((other) => other !== card && before(place(other), key) > 0);
    home.insertBefore(card, next || $(":scope > .col__foot", home));
  }

  // -- dragging ---------------------------------------------------------------------------------------------------
  const slot = Object.assign(document.createElement("li"), { className: "slot" });
  let dragged = null, over = null;

  const element = (event) => (event.target.closest ? event.target : event.target.parentElement);

  // The link that covers a card is what the browser drags; the picture under the hand is the whole card.
  document.addEventListener("dragstart", (event) => {
    const card = element(event)?.closest(".board .card");
    if (!card) return;
    if (card.hasAttribute("aria-busy")) return event.preventDefault();
    dragged = card;
    holding += 1;
    const box = card.getBoundingClientRect();
    event.dataTransfer.clearData();
    event.dataTransfer.setData("text/plain", number(card));
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(card, event.clientX - box.left, event.clientY - box.top);
    setTimeout(() => dragged?.classList.add("card--ghost"));
  });

  document.addEventListener("dragover", (event) => {
    if (!dragged) return;
    const column = element(event)?.closest(".col");
    light(column && column !== dragged.closest(".col") ? column : null);
    if (!over) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    const list = $(".cards", over);
    if (!list) return;
    const next = all(":scope > .card", list).find((card) => event.clientY < card.getBoundingClientRect().top + card.offsetHeight / 2);
    const position = next || $(":scope > .col__foot", list);
    if (slot.parentElement !== list || slot.nextElementSibling !== (position ?? null)) list.insertBefore(slot, position);
  });

  document.addEventListener("drop", (event) => {
    if (!dragged || !over) return;
    event.preventDefault();
    const card = dragged, home = card.parentElement, stage = over.dataset.stage;
    if (slot.isConnected) slot.replaceWith(card);
    letGo();
    move(card, stage, card.dataset.v, home);
  });

  document.addEventListener("dragend", letGo);

  function letGo() {
    if (!dragged) return;
    dragged.classList.remove("card--ghost");
    dragged = null;
    light(null);
    slot.remove();
    queueMicrotask(release); // after `drop` has taken hold of the card itself
  }

  function light(column) {
    if (column === over) return;
    over?.classList.remove("col--drop");
    over = column;
    over?.classList.add("col--drop");
    if (!over) slot.remove();
  }

  // -- the move menu ----------------------------------------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const arrow = event.target.closest?.(".board .card__mv");
    if (arrow && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      openMenu(arrow);
    }
    const close = event.target.closest?.(".card__why .x");
    if (close) {
      const card = close.closest(".card");
      close.closest(".card__why").remove();
      card.classList.remove("card--refused");
      $("h3 a", card).focus();
    }
  });

  // A number pressed before the menu is there counts as soon as it is.
  let opening = false, chosen = 0;
  const choose = (n) => all(".menu__i", menu)[n - 1]?.click();

  async function openMenu(arrow) {
    opening = true;
    chosen = 0;
    await fillMenu(arrow);
    opening = false;
    if (chosen) choose(chosen);
  }

  async function fillMenu(arrow) {
    try {
      const answer = await ask(arrow.pathname);
      if (!answer.ok) throw answer;
      menu.innerHTML = await answer.text();
    } catch {
      return say(board().dataset.offline);
    }
    const card = document.getElementById(arrow.closest(".card")?.id);
    if (!card) return;
    menu.showPopover({ source: $(".card__mv", card) });
    $(".menu__i:not([aria-disabled], [aria-current])", menu)?.focus();
  }

  menu.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target, card = document.getElementById(form.dataset.card);
    const stage = event.submitter.value, version = form.elements.version.value;
    menu.hidePopover();
    if (!card) return;
    $(".card__mv", card).focus();
    move(card, stage, version);
  });

  menu.addEventListener("keydown", (event) => {
    const choices = all(".menu__i", menu), at = choices.indexOf(document.activeElement);
    if (/^[1-9]$/.test(event.key)) choose(event.key);
    else if (event.key === "ArrowDown") choices[(at + 1) % choices.length].focus();
    else if (event.key === "ArrowUp") choices[(at + choices.length - 1) % choices.length].focus();
    else return;
    event.preventDefault();
  });

  // -- keys -------------------------------------------------------------------------------------------------------
  const keysOn = $("#keys-on"), OFF = "redress-keys-off";
  keysOn.checked = localStorage.getItem(OFF) === null;
  keysOn.addEventListener("change", () => (keysOn.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  let last = null;
  document.addEventListener("focusin", (event) => { last = event.target.closest?.(".board .card")?.id ?? last; });

  const current = () => document.activeElement.closest?.(".card") ?? document.getElementById(last);
  const focus = (card) => {
    $("h3 a", card)?.focus();
    card?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };

  function along(step) {
    const card = current();
    if (!card) return focus($(".board .card"));
    const cards = all(".card", card.parentElement);
    focus(cards[Math.min(Math.max(cards.indexOf(card) + step, 0), cards.length - 1)]);
  }

  function across(step) {
    const card = current();
    if (!card) return focus($(".board .card"));
    const columns = all(".board .col").filter((column) => $(".card", column));
    const column = columns[columns.indexOf(card.closest(".col")) + step];
    if (!column) return;
    const top = card.getBoundingClientRect().top;
    const distance = (other) => Math.abs(other.getBoundingClientRect().top - top);
    focus(all(".card", column).reduce((a, b) => (distance(b) < distance(a) ? b : a)));
  }

  const KEYS = {
    j: () => along(1),
    k: () => along(-1),
    l: () => across(1),
    h: () => across(-1),
    m: () => { const card = current(); if (card) openMenu($(".card__mv", card)); },
    n: () => $('[aria-keyshortcuts="n"]')?.click(),
    "/": () => $('[aria-keyshortcuts="/"]').select(),
    "?": () => $("#keys").showPopover(),
  };
  document.addEventListener("keydown", (event) => {
    if (!keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input, select, textarea, [contenteditable], [popover]")) return;
    if (opening && /^[1-9]$/.test(event.key)) { chosen = event.key; return; }
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // -- what others change -----------------------------------------------------------------------------------------
  let cursor = board().dataset.cursor, timer = 0, told = Date.now();

  async function pulse() {
    clearTimeout(timer);
    if (document.hidden) return; // the next look comes when the page is seen again
    try {
      const answer = await ask(withFilters(`/board/pulse?since=${encodeURIComponent(cursor)}`));
      cursor = answer.headers.get("Board-Cursor") ?? cursor;
      if (answer.headers.has("Board-Look-Again") || Date.now() - told > AFRESH) await afresh();
      else if (answer.status === 200) {
        const html = await answer.text();
        later(() => absorb(html));
      } else if (answer.status === 401) return;
    } catch { /* the server is away; the next look tries again */ }
    timer = setTimeout(pulse, EVERY);
  }

  // The whole board again, card by card: times go on, and a look after a long sleep misses nothing.
  async function afresh() {
    const answer = await ask(withFilters("/board"));
    if (answer.status !== 200) return;
    told = Date.now();
    const box = document.createElement("template");
    box.innerHTML = await answer.text();
    later(() => {
      for (const column of all(".col", box.content)) {
        const list = listOf(column.dataset.stage);
        const cards = all(".card", column), foot = $(".col__foot", column);
        if (list) {
          const end = foot && cards.length ? place(cards.at(-1)) : null;
          const ids = new Set(cards.map((card) => card.id));
          for (const old of all(":scope > .card", list)) {
            if (!ids.has(old.id) && !(end && before(place(old), end) > 0)) old.remove();
          }
          for (const card of cards) {
            const old = document.getElementById(card.id), why = old && $(".card__why", old);
            if (why && old.dataset.v === card.dataset.v) continue;
            card.dataset.stage = column.dataset.stage;
            settle(card, { always: true });
          }
        }
        replace($(".col__h", column));
      }
      for (const part of [...box.content.children]) if (part.id !== "board") replace(part);
      inStep();
    });
  }

  // "Show more" may bring a card that is there already, placed by a move.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.target.matches?.(".col__foot")) return;
    const box = document.createElement("template");
    box.innerHTML = event.detail.serverResponse;
    for (const card of all(".card", box.content)) document.getElementById(card.id)?.remove();
  });
  document.addEventListener("htmx:responseError", () => say(board().dataset.failed));
  document.addEventListener("htmx:sendError", () => say(board().dataset.offline));
  // Empty filters do not belong into the address; other filters start afresh.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.target.matches?.(".filters__form")) return;
    for (const [name, value] of [...event.detail.formData.entries()]) if (!value) event.detail.formData.delete(name);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "board") return;
    cursor = board().dataset.cursor;
    told = Date.now();
    watchScroll();
  });

  document.addEventListener("visibilitychange", () => { if (!document.hidden) pulse(); });
  timer = setTimeout(pulse, EVERY);

  // -- density, and the row of stages on a phone ------------------------------------------------------------------
  $("#density").addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = event.submitter.value;
    document.documentElement.dataset.density = chosen;
    for (const button of event.target.elements) if (button.name === "density") button.setAttribute("aria-pressed", button.value === chosen);
    const body = new FormData();
    body.set("density", chosen);
    ask("/me/density", body).catch(() => {});
  });

  function inStep() {
    const columns = all(".board .col"), left = board().getBoundingClientRect().left;
    const near = (column) => Math.abs(column.getBoundingClientRect().left - left);
    if (!columns.length) return;
    const seen = columns.reduce((a, b) => (near(b) < near(a) ? b : a)).dataset.stage;
    for (const link of all(".stagejump a")) {
      const here = link.id === `jump-${seen}`;
      if (here === link.hasAttribute("aria-current")) continue;
      if (!here) link.removeAttribute("aria-current");
      else link.setAttribute("aria-current", "true");
      if (here) link.parentElement.scrollTo({ left: link.offsetLeft - 16 });
    }
  }
  function watchScroll() {
    let asked = 0;
    board().addEventListener("scroll", () => { cancelAnimationFrame(asked); asked = requestAnimationFrame(inStep); }, { passive: true });
    inStep();
  }
  document.addEventListener("click", (event) => {
    const jump = event.target.closest?.(".stagejump a");
    const column = jump && $(jump.hash);
    if (!column) return;
    event.preventDefault();
    column.scrollIntoView({ inline: "start", block: "nearest" });
  });
  watchScroll();
})();
