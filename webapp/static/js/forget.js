// Somebody signed out: what was typed here and not sent is for nobody else to read on this machine.
"use strict";
try {
  for (const key of Object.keys(localStorage)) if (key.startsWith("draft:")) localStorage.removeItem(key);
  localStorage.setItem("signed-out", String(Date.now())); // tells other windows
  localStorage.removeItem("signed-out");
} catch {
  /* storage is switched off: nothing is kept there */
}
