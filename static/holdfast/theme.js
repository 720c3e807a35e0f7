// Runs before anything is painted, so that a chosen theme never flashes.
"use strict";
window.holdfast = {
  read(name) {
    try { return localStorage.getItem("holdfast." + name); } catch { return null; }
  },
  write(name, value) {
    try { localStorage.setItem("holdfast." + name, value); } catch { /* private windows may refuse */ }
  },
};
document.documentElement.dataset.js = "";
if (["light", "dark"].includes(holdfast.read("theme"))) {
  document.documentElement.dataset.theme = holdfast.read("theme");
}
