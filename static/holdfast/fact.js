// The page of a fact: `e` opens the editor, Escape leaves it while nothing in it was changed.
"use strict";
(() => {
  const leave = document.querySelector("[data-close]");
  const editor = document.querySelector("[data-editor]");
  const typed = () => [...editor.elements].some((field) => "defaultValue" in field && field.value !== field.defaultValue);

  Object.assign(holdfast.keys, {
    "e": () => document.querySelector("[data-edit]")?.click(),
    "Escape": () => leave?.click(),
  });

  // In a field Escape only leaves the field once something was typed: it must not be lost.
  editor?.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || typed()) return;
    event.preventDefault();
    leave.click();
  });
})();
