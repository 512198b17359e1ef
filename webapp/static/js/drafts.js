// Keeps what is typed in a form: at once in this browser, and a second after the last key on the server. What did not
// reach the server (signed out, no network, the tab closed) is back in the form the next time. Two windows do not
// overwrite each other: both texts are shown. Whoever else signs in on this machine finds nothing.
const PREFIX = "draft:";
const ITSELF = new Set(["csrf_token", "key", "digest", "draft", "draft_version", "filled_by"]);
const SECRET = /password|secret|token/i; // is kept nowhere
const LATER = 1000;
const LARGEST = 30 * 1024 * 1024;
const clock = (at) =>
  new Date(at).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hour12: false });

const store = {
  get(key) {
    try {
      return JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      /* no room: the server keeps it */
    }
  },
  drop(key) {
    try {
      localStorage.removeItem(key);
    } catch {
      /* storage is switched off */
    }
  },
  keys() {
    try {
      return Object.keys(localStorage);
    } catch {
      return [];
    }
  },
};

const keep = (box) => {
  const form = box.closest("form");
  const version = form.elements.namedItem("draft_version");
  const by = form.elements.namedItem("filled_by").value;
  const key = `${PREFIX}${by}:${box.dataset.draft}`;
  const part = (name) => box.querySelector(`[data-${name}]`);
  let timer = 0;
  let away = false; // the form is on its way
  let saving = false;
  let apart = false; // another window has other words, and nobody has chosen yet

  const fields = () =>
    [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !ITSELF.has(name) && !SECRET.test(name));
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  const say = (text) => (part("said").textContent = text);
  let known = fields(); // what the server has

  const put = (list) => {
    const values = new Map();
    for (const [name, value] of list) values.set(name, [...(values.get(name) ?? []), value]);
    for (const control of form.elements) {
      if (!control.name || ITSELF.has(control.name) || ["file", "password", "submit", "button"].includes(control.type)) continue;
      const said = values.get(control.name);
      if (control.type === "checkbox" || control.type === "radio") {
        control.checked = said?.includes(control.value) ?? false;
      } else if (said?.length) {
        control.value = said.shift();
      }
    }
    for (let shut = form.closest("details:not([open])"); shut; shut = form.closest("details:not([open])")) shut.open = true;
    form.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const remember = (sent = false) => store.set(key, { at: Date.now(), version: Number(version.value), fields: fields(), sent });

  const both = (other, theirs = version.value) => {
    apart = true;
    const here = fields();
    const texts = other.filter(([name, value]) => value && !here.some((own) => own[0] === name && own[1] === value));
    part("words").textContent = texts.map(([, value]) => value).join("\n\n");
    part("other").hidden = false;
    part("choice").hidden = false;
    const settle = () => {
      apart = false;
      version.value = theirs;
      part("other").hidden = true;
      save();
    };
    part("take").onclick = () => {
      put(other);
      settle();
    };
    part("keep").onclick = settle;
  };

  const save = async (leaving = false) => {
    clearTimeout(timer);
    timer = 0;
    if (away || apart || !form.isConnected || (saving && !leaving)) return;
    const typed = fields();
    const body = new URLSearchParams(typed);
    for (const name of ["csrf_token", "draft_version"]) body.set(name, form.elements.namedItem(name).value);
    saving = true;
    const answer = await fetch(box.dataset.draft, {
      method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual", keepalive: leaving,
    }).catch(() => null);
    saving = false;
    if (away) return;
    const told = answer && [200, 409, 422].includes(answer.status) ? await answer.json().catch(() => null) : null;
    if (told?.version === undefined) {
      remember();
      return say(told?.problem ?? (answer?.status === 401 ? box.dataset.out : box.dataset.kept));
    }
    const other = Object.entries(told.fields).flatMap(([name, said]) => said.map((value) => [name, value]));
    if (answer.status === 200) {
      version.value = told.version;
      known = typed;
      if (same(typed, store.get(key)?.fields)) store.drop(key); // not what another window wrote there
      if (!same(typed, fields())) timer = setTimeout(save, LATER);
      say(box.dataset.saved.replace("{time}", told.at));
    } else if (other.length) {
      remember();
      both(other, told.version);
    } else {
      version.value = told.version;
      save(); // it was sent or discarded elsewhere: what is typed here goes on
    }
  };

  const restore = (local) => {
    put(local.fields);
    say(box.dataset.yours.replace("{time}", clock(local.at)));
    part("discard").hidden = false;
    save();
  };

  if (part("by-hand")) part("by-hand").hidden = true;
  const local = store.get(key);
  const seen = Number(version.value);
  if (box.dataset.unsaved !== undefined) {
    if (part("other").hidden) save();
    else apart = true; // the page shows both, and sending it settles that
  } else if (local && !same(local.fields, known)) {
    if (local.version === seen || (!local.sent && part("discard").hidden)) restore(local);
    else if (local.sent) store.drop(key);
    else both(local.fields);
  } else {
    store.drop(key);
  }

  const changed = () => {
    if (away || same(fields(), known)) return;
    remember();
    clearTimeout(timer);
    timer = setTimeout(save, LATER);
  };
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", (event) => {
    const files = [...form.querySelectorAll("input[type=file]")].flatMap((input) => [...input.files]);
    if (files.reduce((sum, file) => sum + file.size, 0) > LARGEST) {
      event.preventDefault();
      form.querySelector("input[type=file]").focus();
      return say(box.dataset.large);
    }
    away = true;
    clearTimeout(timer);
    if (event.submitter?.dataset.discard === undefined) remember(true);
    else store.drop(key);
  });
  form.addEventListener("htmx:afterRequest", (event) => event.detail.xhr.status < 300 && store.drop(key));
  addEventListener("pagehide", () => timer && save(true));
  addEventListener("pageshow", (event) => event.persisted && (away = false));
  addEventListener("online", changed);
  addEventListener("storage", (event) => {
    if (event.key === "signed-out") away = true; // in another window: nothing more is kept here
  });
};

const known = new WeakSet();
const begin = (root) => {
  for (const box of root.querySelectorAll("[data-draft]")) {
    if (!known.has(box)) keep(box);
    known.add(box);
  }
};
const me = document.querySelector("[name=filled_by]")?.value;
for (const key of store.keys()) {
  if (me && key.startsWith(PREFIX) && !key.startsWith(`${PREFIX}${me}:`)) store.drop(key);
}
begin(document);
document.addEventListener("htmx:load", (event) => begin(event.detail.elt));
