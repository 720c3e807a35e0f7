// The theme and the time zone, kept in the browser.
"use strict";
(() => {
  const THEMES = ["system", "light", "dark"];
  const NAMES = { system: "System", light: "Light", dark: "Dark", utc: "UTC", browser: "Local" };
  const root = document.documentElement;

  function label(button, name) {
    button.textContent = NAMES[name];
  }

  function themeButton() {
    return document.querySelector('[data-switch="theme"]');
  }

  holdfast.nextTheme = () => {
    const now = root.dataset.theme || "system";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    holdfast.write("theme", next);
    label(themeButton(), next);
  };

  const theme = themeButton();
  if (theme) {
    label(theme, root.dataset.theme || "system");
    theme.addEventListener("click", holdfast.nextTheme);
  }

  const zone = document.querySelector('[data-switch="zone"]');
  if (zone) {
    label(zone, holdfast.read("zone") === "browser" ? "browser" : "utc");
    zone.addEventListener("click", () => {
      const next = holdfast.read("zone") === "browser" ? "utc" : "browser";
      holdfast.write("zone", next);
      label(zone, next);
      document.dispatchEvent(new Event("holdfast:zone"));
    });
  }

  const keys = document.querySelector('[data-switch="keys"]');
  if (keys) {
    keys.checked = holdfast.read("keys") !== "off";
    keys.addEventListener("change", () => holdfast.write("keys", keys.checked ? "on" : "off"));
  }
})();
