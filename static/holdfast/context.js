// The slider over the versions of a session: it says where it stands while it is moved, and the
// context of that version takes the place of the one that is shown.
"use strict";
(() => {
  const slider = (event) => event.target.closest?.("#versions");

  document.addEventListener("input", (event) => {
    const range = slider(event);
    if (!range) return;
    const [at, all] = [range.value, range.max].map((version) => Number(version).toLocaleString("en"));
    range.nextElementSibling.textContent = `${at} of ${all}`;
  });

  document.addEventListener("htmx:configRequest", (event) => {
    const range = slider(event);
    if (range) event.detail.path = `${range.dataset.base}${range.value}/${range.dataset.query}`;
  });

  // What was fetched has times of its own, to be written in the zone that was chosen.
  document.addEventListener("htmx:afterSettle", () => document.dispatchEvent(new Event("holdfast:zone")));
})();
