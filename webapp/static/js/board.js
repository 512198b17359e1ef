// The board: dragging, keys, the move menu, selections, and what others change meanwhile. Everything here also works
// without script, through the link on each card and the boxes of `?select=1`. While a card is held, asked about or on its
// way, answers that would change the board wait.
"use strict";
(() => {
  const AFRESH = 300_000, TOLD = 6_000, UNDO = 10_000, AT_ONCE = 50;
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const board = () => $("#board");
  const menu = $("#move-menu"), live = $("#board-live"), bar = $("#several");

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

  // What the board is filtered by, its procedure, and whether it has boxes to tick.
  const withFilters = (path) => path + board().dataset.query.replace("&", path.includes("?") ? "&" : "?");

  function parsed(html) {
    const box = document.createElement("template");
    box.innerHTML = html;
    return box.content;
  }

  // -- telling the person -----------------------------------------------------------------------------------------
  function toast(text, wayBack) {
    const note = document.createElement("div");
    note.className = "toast";
    note.append(Object.assign(document.createElement("span"), { className: "toast__b", textContent: text }));
    if (wayBack) note.append(wayBack);
    $("#toasts").replaceChildren(note);
    setTimeout(() => note.remove(), wayBack ? UNDO : TOLD);
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
    mark(card);
    if (!held) return;
    const kind = [".card__mv", ".card__tick"].find((each) => held.matches(each)) ?? "h3 a";
    const target = shown ? $(kind, card) : $("h3 a", neighbour ?? board());
    target?.focus({ preventScroll: !always });
  }

  // Takes in an answer: cards by their id and column, everything else by its id. Gives the way back, if there is one.
  function absorb(html, options) {
    let wayBack = null;
    for (const part of [...parsed(html).children]) {
      if (part.matches(".card")) settle(part, options);
      else if (part.matches(".undo")) wayBack = part;
      else if ("gone" in part.dataset) document.getElementById(part.id)?.remove();
      else replace(part);
    }
    inStep();
    stillSelected();
    return wayBack;
  }

  function replace(part) {
    const old = document.getElementById(part.id);
    const inside = part.getAttribute("hx-swap-oob") === "innerHTML";
    part.removeAttribute("hx-swap-oob");
    if (!old || old.outerHTML === part.outerHTML || old.contains(document.activeElement) || old.matches(":popover-open")) return;
    if (inside) return void old.replaceChildren(...part.childNodes);
    old.replaceWith(part);
    htmx.process(part);
  }

  // -- nothing moves under the hand -------------------------------------------------------------------------------
  let holding = 0;
  const waiting = [];
  const hold = () => { holding += 1; };
  function later(change) {
    if (!holding) return void change();
    waiting.push(change);
    board().dataset.waiting = waiting.length;
  }
  function release() {
    holding -= 1;
    while (!holding && waiting.length) waiting.shift()();
    if (!waiting.length) delete board().dataset.waiting;
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (!holding || !board().contains(target)) return;
    event.detail.shouldSwap = false;
    later(() => (target.matches(".col__foot") ? $("a", target).click() : htmx.trigger($(".filters__form"), "submit")));
  });

  // -- moving -----------------------------------------------------------------------------------------------------
  const number = (card) => $("h3 a", card).pathname.split("/").pop();
  const seen = (card) => `${number(card)}:${card.dataset.v}`;

  // Sends what moves cards and takes in the answer. False when there was none: then nothing has changed.
  async function send(path, body, cards) {
    for (const card of cards) card.setAttribute("aria-busy", "true");
    hold();
    let answer = null;
    try {
      answer = await ask(withFilters(path), body);
      const html = await answer.text();
      if (![200, 409, 422].includes(answer.status) || !html.trimStart().startsWith("<li")) {
        say($(".notice", parsed(html))?.textContent.trim() || board().dataset.failed);
        return false;
      }
      const wayBack = absorb(html, { always: true });
      if (answer.ok || cards.length > 1) toast(live.textContent, wayBack);
      return true;
    } catch (trouble) {
      say(answer ? board().dataset.failed : board().dataset.offline);
      if (!(trouble instanceof TypeError)) throw trouble;
      return false;
    } finally {
      for (const card of cards) document.getElementById(card.id)?.removeAttribute("aria-busy");
      release();
    }
  }

  async function move(card, stage, version, home = card.parentElement) {
    const body = new FormData();
    body.set("stage", stage);
    body.set("version", version);
    if (!(await send(`/complaints/${number(card)}/move`, body, [card]))) return springBack(card, home);
    const fresh = document.getElementById(card.id), form = fresh && $(".ask", fresh);
    if (form) openAsk(fresh, form);
  }

  async function moveSeveral(cards, stage) {
    const body = new FormData();
    body.set("stage", stage);
    for (const card of cards) body.append("complaint", seen(card));
    if (!(await send("/board/moves", body, cards))) return;
    clearSelection();
    const fresh = cards.map((card) => document.getElementById(card.id)).filter(Boolean);
    focus(fresh.find((card) => card.matches(".card--refused")) ?? fresh[0]);
  }

  function springBack(card, home) {
    const key = place(card);
    const next = all(":scope > .card", home).find((other) => other !== card && before(place(other), key) > 0);
    home.insertBefore(card, next || $(":scope > .col__foot", home));
  }

  // Taking back: the button in the toast.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".toast .undo")) return;
    event.preventDefault();
    form.closest(".toast").remove();
    send(new URL(form.action).pathname, new FormData(form), []);
  });

  // -- what a move asks for, on its card --------------------------------------------------------------------------
  let asking = null;

  function openAsk(card, form, home = card.parentElement) {
    closeAsk();
    asking = { card, home };
    hold();
    $(".card__why", card)?.remove();
    card.classList.remove("card--refused");
    card.classList.add("card--asking");
    if (form.parentElement !== card) card.append(form);
    ($("[aria-invalid]", form) ?? $("textarea, select", form)).focus();
    form.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function closeAsk() {
    if (!asking) return;
    const { card, home } = asking;
    $(".ask", card).remove();
    card.classList.remove("card--asking");
    springBack(card, home);
    asking = null;
    release();
    focus(document.getElementById(card.id));
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches(".board .ask")) return;
    event.preventDefault();
    if (!form.reportValidity()) return;
    const { card } = asking;
    if (!(await send(new URL(form.action).pathname, new FormData(form), [card]))) return;
    asking = null;
    release();
    const fresh = document.getElementById(card.id), again = fresh && $(".ask", fresh);
    if (again) openAsk(fresh, again);
    else if (fresh) $(".card__mv", fresh).focus();
  });
  document.addEventListener("click", (event) => { if (event.target.closest?.(".board .ask__x")) closeAsk(); });

  // -- what the columns say to cards in the hand ------------------------------------------------------------------
  let told = { key: "", answer: null }, hints = null;

  // The move menu of some cards, asked for once for each press.
  function movesOf(cards, { anew = false } = {}) {
    const key = cards.map(seen).join();
    if (anew || told.key !== key) told = { key, answer: menuOf(cards) };
    return told.answer;
  }

  async function menuOf(cards) {
    const several = `/board/moves?${cards.map((card) => `complaint=${number(card)}`).join("&")}`;
    const answer = await ask(cards.length > 1 ? several : $(".card__mv", cards[0]).pathname).catch(() => null);
    return answer?.ok ? parsed(await answer.text()) : null;
  }

  async function showHints(cards) {
    const found = await movesOf(cards);
    if (!found || carried !== cards) return;
    hints = found;
    for (const choice of all("[data-hint]:not([data-hint=''])", found)) {
      const column = $(`#col-${CSS.escape(choice.value)}`);
      if (!column) continue;
      column.classList.add(`col--${choice.dataset.state}`);
      const hint = Object.assign(document.createElement("p"), { className: "col__hint", textContent: choice.dataset.hint });
      $(".col__h", column).append(hint);
    }
  }

  function clearHints() {
    hints = null;
    for (const hint of all(".col__hint")) hint.remove();
    for (const column of all(".board .col")) column.classList.remove("col--accepts", "col--asks", "col--refuses");
  }

  document.addEventListener("pointerdown", (event) => {
    const card = event.target.closest?.(".board .card");
    if (!card || event.pointerType === "touch" || event.button || event.target.closest("button, input, textarea, select, .card__mv, .card__why, .ask")) return;
    movesOf(together(card), { anew: true });
  });

  // -- dragging ---------------------------------------------------------------------------------------------------
  const slot = Object.assign(document.createElement("li"), { className: "slot" });
  let dragged = null, carried = [], over = null;

  const element = (event) => (event.target.closest ? event.target : event.target.parentElement);
  const together = (card) => (selected.has(card.id) ? chosen() : [card]);

  // The link that covers a card is what the browser drags; the picture under the hand is the whole card, with how many
  // there are.
  document.addEventListener("dragstart", (event) => {
    const card = element(event)?.closest(".board .card");
    if (!card) return;
    if (card.matches("[aria-busy], .card--asking")) return event.preventDefault();
    closeAsk();
    dragged = card;
    carried = together(card);
    hold();
    const box = card.getBoundingClientRect();
    event.dataTransfer.clearData();
    event.dataTransfer.setData("text/plain", carried.map(number).join("\n"));
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(picture(card), event.clientX - box.left, event.clientY - box.top);
    setTimeout(() => { if (dragged) for (const each of carried) each.classList.add("card--ghost"); });
    showHints(carried);
  });

  function picture(card) {
    if (carried.length === 1) return card;
    const image = card.cloneNode(true);
    image.removeAttribute("id");
    image.classList.add("card--carried");
    image.style.inlineSize = `${card.offsetWidth}px`;
    image.append(Object.assign(document.createElement("b"), { className: "card__many", textContent: carried.length }));
    document.body.append(image);
    setTimeout(() => image.remove());
    return image;
  }

  document.addEventListener("dragover", (event) => {
    if (!dragged) return;
    const column = element(event)?.closest(".col");
    light(column && (carried.length > 1 || column !== dragged.closest(".col")) ? column : null);
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
    const card = dragged, cards = carried, home = card.parentElement, stage = over.dataset.stage;
    const form = hints && $(`.ask[data-stage="${CSS.escape(stage)}"]`, hints);
    if (slot.isConnected && cards.length === 1) slot.replaceWith(card);
    letGo();
    if (cards.length > 1) moveSeveral(cards, stage);
    else if (form) openAsk(card, form, home);
    else move(card, stage, card.dataset.v, home);
  });

  document.addEventListener("dragend", letGo);

  function letGo() {
    if (!dragged) return;
    for (const card of carried) card.classList.remove("card--ghost");
    dragged = null;
    carried = [];
    clearHints();
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

  // -- several cards ----------------------------------------------------------------------------------------------
  const selected = new Set(); // of ids: a card is drawn anew when it changes
  let anchor = null;
  const chosen = () => [...selected].map((id) => document.getElementById(id)).filter(Boolean);
  const ticking = () => Boolean($(".board .card__tick"));

  function select(card, on = !selected.has(card.id)) {
    if (on && selected.size >= AT_ONCE) say(board().dataset.most);
    else if (on) selected.add(card.id);
    else selected.delete(card.id);
    anchor = card.id;
    mark(card);
    tellSelection();
  }

  // Shows on a card whether it is selected, in more than colour.
  function mark(card) {
    const on = selected.has(card.id), tick = $(".card__tick", card), sign = $(".card__sel", card);
    card.classList.toggle("card--selected", on);
    if (tick) tick.checked = on;
    else if (!on) sign?.remove();
    else if (!sign) {
      const text = Object.assign(document.createElement("span"), { className: "vh", textContent: board().dataset.selectedMark });
      const shown = Object.assign(document.createElement("span"), { className: "card__sel" });
      shown.append(text);
      $("header", card).prepend(shown);
    }
  }

  function tellSelection() {
    const text = board().dataset.selected.replace("{n}", selected.size);
    bar.hidden = !selected.size && !ticking();
    $("#several-move").hidden = !selected.size;
    $("#several-count").textContent = selected.size || !ticking() ? text : $("#several-count").dataset.none;
    live.textContent = text;
  }

  function stillSelected() {
    const gone = [...selected].filter((id) => !document.getElementById(id));
    for (const id of gone) selected.delete(id);
    if (gone.length) tellSelection();
  }

  function clearSelection() {
    const cards = chosen();
    selected.clear();
    cards.forEach(mark);
    tellSelection();
  }

  function selectUpTo(card) {
    const cards = all(":scope > .card", card.parentElement), from = cards.findIndex((other) => other.id === anchor);
    const to = cards.indexOf(card), first = from < 0 ? to : Math.min(from, to), last = Math.max(from, to);
    for (const each of cards.slice(first, last + 1)) select(each, true);
  }

  document.addEventListener("click", (event) => {
    const card = event.target.closest?.(".board .card");
    if (!card || !(event.ctrlKey || event.metaKey || event.shiftKey) || event.target.closest(".card__mv, .card__why, .ask, .card__tick")) return;
    event.preventDefault();
    if (event.shiftKey) selectUpTo(card);
    else select(card);
  });
  document.addEventListener("mousedown", (event) => { // shift selects cards here, no text
    if (event.shiftKey && event.target.closest?.(".board .card") && !event.target.closest(".ask")) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".board .card__tick")) select(event.target.closest(".card"), event.target.checked);
  });
  $("#several-clear").addEventListener("click", (event) => {
    if (!selected.size) return;
    event.preventDefault();
    const [card] = chosen();
    clearSelection();
    focus(card);
  });
  $("#several-move").addEventListener("click", (event) => openMenu(event.currentTarget, chosen()));
  bar.addEventListener("submit", (event) => {
    event.preventDefault();
    menu.hidePopover();
    moveSeveral(chosen(), event.submitter.value);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || $(":popover-open")) return;
    if (asking) closeAsk();
    else if (selected.size && !dragged) clearSelection();
  });

  // -- the move menu ----------------------------------------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const arrow = event.target.closest?.(".board .card__mv");
    if (arrow && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      openMenu(arrow, [arrow.closest(".card")]);
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
  let opening = false, picked = 0;
  const choose = (n) => all(".menu__i", menu)[n - 1]?.click();

  async function openMenu(source, cards) {
    closeAsk();
    opening = true;
    picked = 0;
    hold();
    await fillMenu(source, cards);
    release();
    opening = false;
    if (picked) choose(picked);
  }

  async function fillMenu(source, cards) {
    const found = await movesOf(cards, { anew: true });
    if (!found) return say(board().dataset.offline);
    menu.replaceChildren(found);
    menu.showPopover({ source });
    $(".menu__i:not([aria-disabled], [aria-current])", menu)?.focus();
  }
  menu.addEventListener("toggle", (event) => (event.newState === "open" ? hold() : release()));

  menu.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target, card = document.getElementById(form.dataset.card);
    menu.hidePopover();
    if (!card) return;
    if (form.matches(".ask")) return openAsk(card, form);
    $(".card__mv", card).focus();
    move(card, event.submitter.value, form.elements.version.value);
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
    m: () => {
      const card = current();
      if (selected.size) openMenu($("#several-move"), chosen());
      else if (card) openMenu($(".card__mv", card), [card]);
    },
    x: () => { const card = current(); if (card) select(card); },
    f: () => $('[form="folds"]', document.activeElement.closest(".col") ?? current()?.closest(".col") ?? undefined)?.click(),
    z: () => { const way = $(".toast .undo button") ?? $(".told .undo button"); if (way) way.click(); else say(board().dataset.undone); },
    n: () => $('[aria-keyshortcuts="n"]')?.click(),
    "/": () => $('[aria-keyshortcuts="/"]').select(),
    "?": () => $("#keys").showPopover(),
  };
  document.addEventListener("keydown", (event) => {
    if (!keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest?.("input, select, textarea, [contenteditable], [popover]")) return;
    if (opening && /^[1-9]$/.test(event.key)) { picked = event.key; return; }
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // -- what others change -----------------------------------------------------------------------------------------
  const every = board().dataset.every * 1000;
  let cursor = board().dataset.cursor, timer = 0, whole = Date.now();

  async function pulse() {
    clearTimeout(timer);
    if (document.hidden) return; // the next look comes when the page is seen again
    try {
      const answer = await ask(withFilters(`/board/pulse?since=${encodeURIComponent(cursor)}`));
      cursor = answer.headers.get("Board-Cursor") ?? cursor;
      if (answer.headers.has("Board-Look-Again") || Date.now() - whole > AFRESH) await afresh();
      else if (answer.status === 200) {
        const html = await answer.text();
        later(() => absorb(html));
      } else if (answer.status === 401) return;
    } catch { /* the server is away; the next look tries again */ }
    timer = setTimeout(pulse, every);
  }

  // The whole board again, card by card: times go on, and a look after a long sleep misses nothing.
  async function afresh() {
    const answer = await ask(withFilters("/board"));
    if (answer.status !== 200) return;
    whole = Date.now();
    const page = parsed(await answer.text());
    later(() => {
      for (const column of all(".col", page)) {
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
      for (const part of [...page.children]) if (part.id !== "board") replace(part);
      inStep();
      stillSelected();
    });
  }

  // "Show more" may bring a card that is there already, placed by a move.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.detail.target.matches?.(".col__foot")) return;
    for (const card of all(".card", parsed(event.detail.serverResponse))) document.getElementById(card.id)?.remove();
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
    whole = Date.now();
    all(".board .card").forEach(mark);
    stillSelected();
    watchScroll();
  });

  document.addEventListener("visibilitychange", () => { if (!document.hidden) pulse(); });
  timer = setTimeout(pulse, every);

  // -- folded columns ---------------------------------------------------------------------------------------------
  $("#folds").addEventListener("submit", async (event) => {
    event.preventDefault();
    const { name, value } = event.submitter, body = new FormData();
    body.set(name, value);
    const answer = await ask(withFilters("/me/folds"), body).catch(() => null);
    if (!answer?.ok) return say(answer ? board().dataset.failed : board().dataset.offline);
    const [column] = parsed(await answer.text()).children;
    later(() => {
      document.getElementById(column.id).replaceWith(column);
      htmx.process(column);
      all(".card", column).forEach(mark);
      stillSelected();
      inStep();
      $('[form="folds"]', column).focus();
    });
  });

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
