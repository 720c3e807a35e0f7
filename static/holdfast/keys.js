// The keyboard: never while somebody types, never with a modifier, and not at all when switched off.
"use strict";
(() => {
  const help = document.getElementById("help");
  const items = [...document.querySelectorAll("[data-item]")];
  let went = 0;

  const typing = (element) => element.closest("input, textarea, select, [contenteditable]");
  const target = (item) => (item.matches("[tabindex]") ? item : item.querySelector("[data-open]"));
  const follow = (selector) => document.querySelector(selector)?.click();

  function current(among) {
    const focused = document.activeElement.closest("[data-item]");
    if (!focused) return -1;
    return among.findLastIndex((item) => item === focused
      || item.compareDocumentPosition(focused) & Node.DOCUMENT_POSITION_FOLLOWING);
  }

  function move(among, step) {
    const at = current(among);
    const exactly = at >= 0 && among[at] === document.activeElement.closest("[data-item]");
    const next = among[step < 0 && at >= 0 && !exactly ? at : at + step];
    if (!next || (at < 0 && step < 0)) return false;
    target(next).focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function turn(step) {
    const turns = items.filter((item) => "turn" in item.dataset);
    if (!turns.length || !move(turns, step)) follow(step < 0 ? 'a[rel="prev"]' : 'a[rel="next"]');
  }

  function open(event) {
    const item = document.activeElement;
    if (!item.matches("[data-item]")) return;
    event.preventDefault();
    const folds = [...item.querySelectorAll("details")];
    if (!folds.length) item.querySelector("[data-open]").click();
    const shut = folds.some((fold) => !fold.open);
    folds.forEach((fold) => { fold.open = shut; });
  }

  const keys = {
    "j": () => move(items, 1),
    "k": () => move(items, -1),
    "[": () => turn(-1),
    "]": () => turn(1),
    "t": () => holdfast.nextTheme(),
    "?": () => help.showModal(),
    "/": () => document.querySelector("[data-search]")?.focus(),
    "g": () => { went = Date.now(); },
    "Enter": open,
  };

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (holdfast.read("keys") === "off") return;
    if (Date.now() - went < 1500 && event.key !== "g") {
      went = 0;
      return follow(`[data-go="${CSS.escape(event.key)}"]`);
    }
    const act = keys[event.key];
    if (!act) return;
    if (event.key !== "Enter") event.preventDefault();
    act(event);
  }

  document.addEventListener("keydown", pressed);
  document.querySelector("[data-help]")?.addEventListener("click", () => help.showModal());
  document.querySelector(".message.anchor")?.scrollIntoView({ block: "center" });
})();
