// Times in the chosen zone; "ago" goes on counting while the page is open.
"use strict";
(() => {
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const two = (number) => String(number).padStart(2, "0");

  function ago(date) {
    const seconds = Math.floor((Date.now() - date) / 1000);
    const unit = UNITS.find(([length]) => seconds >= length);
    return unit ? `${Math.floor(seconds / unit[0])} ${unit[1]} ago` : "now";
  }

  function pieces(date, local) {
    const get = (name) => (local ? date["get" + name]() : date["getUTC" + name]());
    const day = `${get("FullYear")}-${two(get("Month") + 1)}-${two(get("Date"))}`;
    const minute = `${two(get("Hours"))}:${two(get("Minutes"))}`;
    return { day, minute, second: `${minute}:${two(get("Seconds"))}` };
  }

  function write(element) {
    const local = holdfast.read("zone") === "browser";
    const date = new Date(element.dateTime);
    const at = pieces(date, local);
    const shown = element.dataset.as;
    if (shown === "ago") element.textContent = ago(date);
    else element.textContent = shown === "clock" ? at.second : `${at.day} ${at.minute}`;
    const zone = local ? Intl.DateTimeFormat().resolvedOptions().timeZone : "UTC";
    element.title = `${at.day} ${at.second} ${zone}` + (shown === "ago" ? "" : ` · ${ago(date)}`);
  }

  const all = () => document.querySelectorAll("time[data-as]").forEach(write);
  document.addEventListener("holdfast:zone", all);
  all();
  setInterval(() => document.querySelectorAll('time[data-as="ago"]').forEach(write), 30000);
})();
