// The selection: by the boxes, or with x on the row that has the focus, which stays where it is. The
// questions come into a dialog; without this file they are pages of their own.
"use strict";
(() => {
  const bar = document.getElementById("bulk");
  if (!bar) return;
  const boxes = [...document.querySelectorAll("[data-pick]")];
  const all = document.querySelector("[data-pick-all]");
  const actions = bar.querySelectorAll("button");
  let shown = 0;
  let left = null;

  function tell() {
    const picked = boxes.filter((box) => box.checked).length;
    if (!picked && bar.contains(document.activeElement)) back();
    bar.classList.toggle("on", picked > 0);
    bar.querySelector("[data-picked]").textContent = picked;
    all.checked = picked === boxes.length;
    all.indeterminate = picked > 0 && !all.checked;
    if (picked !== shown) holdfast.say(`${picked} selected`);
    shown = picked;
  }

  function set(among, checked) {
    among.forEach((box) => { box.checked = checked; });
    tell();
  }

  // A hit of a search stands in a row of its own below that of its session.
  function boxHere() {
    const row = document.activeElement.closest("tr");
    const own = row?.matches(".hits") ? row.previousElementSibling : row;
    return own?.querySelector("[data-pick]");
  }

  function back() {
    const here = left?.isConnected ? left : document.querySelector("[data-item] [data-open]");
    here?.focus({ preventScroll: true });
  }

  function toActions() {
    if (!shown) return;
    left = document.activeElement;
    actions[0].focus();
  }

  holdfast.keys["x"] = () => {
    const box = boxHere();
    if (box) set([box], !box.checked);
  };
  holdfast.keys["a"] = toActions;
  holdfast.keys["Escape"] = () => set(boxes, false);

  document.addEventListener("change", (event) => {
    if (event.target === all) set(boxes, all.checked);
    else if (boxes.includes(event.target)) tell();
  });
  bar.querySelector("[data-unpick]").addEventListener("click", () => set(boxes, false));
  window.addEventListener("pageshow", tell);

  // Settled, not only swapped: until then htmx may still move the focus to where a page begins.
  document.addEventListener("htmx:afterSettle", (event) => {
    const dialog = event.target.id === "question" && event.target.querySelector("dialog");
    if (!dialog) return;
    dialog.addEventListener("close", () => dialog.remove());
    dialog.querySelector("[data-cancel]").addEventListener("click", (click) => {
      click.preventDefault();
      dialog.close();
    });
    dialog.showModal();
  });
  // Whatever went wrong is told by the page that the form leads to without us.
  ["htmx:responseError", "htmx:sendError"].forEach((name) => {
    bar.addEventListener(name, (event) => bar.requestSubmit(event.target));
  });
})();
