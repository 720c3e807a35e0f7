// The keyboard: never while somebody types, never with a modifier, and not at all when switched off.
// A page may add keys (holdfast.keys), more items behind an edge (holdfast.beyond), and where one
// stands while nothing has the focus (holdfast.standing).
"use strict";
(() => {
  const help = document.getElementById("help");
  let went = 0;
  let moving = false;

  const typing = (element) => element.closest("input:not([data-pick], [data-pick-all]), textarea, select, [contenteditable]");
  const target = (item) => (item.matches("[tabindex]") ? item : item.querySelector("[data-open]"));
  const follow = (selector) => document.querySelector(selector)?.click();
  const items = () => [...document.querySelectorAll("[data-item]")];
  const turns = () => items().filter((item) => "turn" in item.dataset);

  holdfast.keys = {};
  holdfast.item = () => document.activeElement.closest("[data-item]");

  // Where among items one is, and whether on one of them or somewhere behind it.
  function current(among) {
    const here = holdfast.item() ?? holdfast.standing?.();
    if (!here) return { at: -1, on: false };
    const at = among.findLastIndex((item) => item === here
      || item.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING);
    return { at, on: among[at] === here && here === holdfast.item() };
  }

  function move(among, step) {
    const { at, on } = current(among);
    const begun = among[at] && among[at] === holdfast.standing?.();
    const stay = at >= 0 && !on && (step < 0 || begun);
    const next = among[stay ? at : at + step];
    if (!next || (at < 0 && step < 0)) return false;
    target(next).focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  async function go(found, step) {
    if (moving || move(found(), step)) return true;
    if (!holdfast.beyond) return false;
    moving = true;
    try {
      return await holdfast.beyond(step) && move(found(), step);
    } finally {
      moving = false;
    }
  }

  async function turn(step) {
    if (await go(turns, step)) return;
    if (!holdfast.beyond) follow(step < 0 ? 'a[rel="prev"]' : 'a[rel="next"]');
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
    "j": () => go(items, 1),
    "k": () => go(items, -1),
    "[": () => turn(-1),
    "]": () => turn(1),
    "t": () => holdfast.nextTheme(),
    "?": () => help.showModal(),
    "/": () => (document.querySelector("[data-find]") ?? document.querySelector("[data-search]"))?.focus(),
    "g": () => { went = Date.now(); },
    "Enter": open,
  };

  function pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog:modal")) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (holdfast.read("keys") === "off") return;
    if (Date.now() - went < 1500 && event.key !== "g") {
      went = 0;
      return follow(`[data-go="${CSS.escape(event.key)}"]`);
    }
    const act = holdfast.keys[event.key] ?? keys[event.key];
    if (!act) return;
    if (event.key !== "Enter") event.preventDefault();
    act(event);
  }

  document.addEventListener("keydown", pressed);
  document.querySelector("[data-help]")?.addEventListener("click", () => help.showModal());
  // A page's own word for a key stands in the place of the usual one.
  const keysOf = (entry) => entry.querySelector("dt").textContent;
  document.querySelectorAll("template[data-more-keys]").forEach((more) => {
    const list = help.querySelector(".keys");
    for (const entry of [...more.content.cloneNode(true).children]) {
      const usual = [...list.children].find((one) => keysOf(one) === keysOf(entry));
      if (usual) usual.replaceWith(entry);
      else list.append(entry);
    }
  });
  document.querySelector(".message.anchor")?.scrollIntoView({ block: "center" });
})();
