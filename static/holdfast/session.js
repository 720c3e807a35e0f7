// The session page: a long log in chunks, where one stands in it, jumps, copies, reviews.
"use strict";
(() => {
  const page = document.querySelector("[data-session]");
  const log = document.getElementById("log");
  const MOST_CHUNKS = 4;
  const SIDES = ["earlier", "later"];
  const base = page.dataset.at;
  const kept = page.dataset.kept;
  const busy = new Set();
  const shown = new Map();
  const unsaved = new Map();
  let swap = null;
  let idle = 0;
  let drawing = false;

  const el = (id) => document.getElementById(id);
  const chunks = () => [...log.querySelectorAll(".chunk")];
  const top = (element) => element.getBoundingClientRect().top;
  const rows = () => [...log.querySelectorAll("article.message")];
  const place = (seq) => `${base}m/${seq}/`;
  const at = (name, seq) => `${base}${kept ? `${kept}&` : "?"}${name}=${seq}`;

  // -- where one stands ---------------------------------------------------------------------

  // The first message in sight; messages stand in their order, so it is found by halving.
  function standing() {
    const all = rows();
    const edge = top(log) + 1;
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle].getBoundingClientRect().bottom > edge) high = middle;
      else low = middle + 1;
    }
    return all[Math.min(low, all.length - 1)];
  }

  function isInSight(element) {
    const box = element.getBoundingClientRect();
    const frame = log.getBoundingClientRect();
    return box.bottom > frame.top && box.top < frame.bottom;
  }

  function isAtEnd() {
    const last = rows().at(-1);
    return el("later").hidden && (!last || last.getBoundingClientRect().bottom <= log.getBoundingClientRect().bottom + 40);
  }

  // What changes above the message in sight must not move it.
  function still(change) {
    const mark = standing();
    const before = mark && top(mark);
    change();
    if (mark?.isConnected) log.scrollTop += top(mark) - before;
  }

  // -- chunks ------------------------------------------------------------------------------

  function edge(side, seq) {
    const fresh = el("edges").content.querySelector(`#${side}`).cloneNode(true);
    const address = at(side === "earlier" ? "before" : "after", seq);
    fresh.querySelector("a.button").href = address;
    fresh.querySelector(".at").textContent = `#${seq}`;
    fresh.querySelector(".of").textContent = page.dataset.of;
    fresh.querySelector(".reach").setAttribute("hx-get", address);
    el(side).replaceWith(fresh);
    htmx.process(fresh);
  }

  // At most four chunks stay; the one farthest away goes, and its edge can bring it back.
  function trim() {
    const all = chunks();
    while (all.length > MOST_CHUNKS) {
      const seen = all.findIndex((chunk) => chunk.contains(standing()));
      const behind = seen < all.length / 2;
      const far = behind ? all.pop() : all.shift();
      // What was typed into a review and not saved is there again when its form is.
      far.querySelectorAll("form.review").forEach((form) => unsaved.set(form.id, form.elements.comment.value));
      if (far.contains(document.activeElement)) (standing() ?? log).focus({ preventScroll: true });
      still(() => {
        far.remove();
        if (behind) edge("later", all.at(-1).dataset.last);
        else edge("earlier", all[0].dataset.first);
      });
    }
  }

  function sideOf(event) {
    const id = event.detail.target?.id;
    return SIDES.includes(id) ? id : null;
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const side = sideOf(event);
    if (side && busy.has(side)) event.preventDefault();
    else if (side) busy.add(side);
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    const side = sideOf(event);
    if (side) busy.delete(side);
    if (event.detail.successful) return;
    holdfast.say("This could not be loaded. The links still work.");
    if (side) el(side).classList.add("failed");
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (!SIDES.includes(target.id)) return;
    const mark = standing();
    swap = { mark, before: mark && top(mark), focused: target.contains(document.activeElement) };
  });

  document.addEventListener("htmx:afterSwap", () => {
    if (swap) {
      const { mark, before, focused } = swap;
      swap = null;
      if (mark?.isConnected) log.scrollTop += top(mark) - before;
      if (focused) mark?.focus({ preventScroll: true });
      trim();
    }
    document.dispatchEvent(new Event("holdfast:zone"));
    moved();
  });

  const arrived = (side) => new Promise((done) => {
    document.addEventListener("htmx:afterRequest", function seen(event) {
      if (sideOf(event) !== side) return;
      document.removeEventListener("htmx:afterRequest", seen);
      done();
    });
  });

  // The chunk behind an edge; false where there is none.
  holdfast.beyond = async (step) => {
    const side = step < 0 ? "earlier" : "later";
    if (el(side).hidden) return false;
    if (busy.has(side)) await arrived(side);
    else await htmx.ajax("GET", el(side).querySelector("a.button").href, { source: el(side), target: `#${side}`, swap: "outerHTML" });
    return true;
  };
  holdfast.standing = standing;

  // -- jumps -------------------------------------------------------------------------------

  function show(item) {
    const row = item.closest("article");
    for (let fold = item.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    log.querySelectorAll(".anchor").forEach((old) => old.classList.remove("anchor"));
    row.classList.add("anchor");
    row.focus({ preventScroll: true });
    item.scrollIntoView({ block: "center" });
  }

  // The message that an address is of, where it is on this page and looked at in the same way.
  function itemAt(address) {
    const [, seq] = address.pathname.match(/\/m\/(\d+)\/$/) ?? [];
    return seq && address.pathname === place(seq) && address.search === kept ? el(`m${seq}`) : null;
  }

  // A message that is on the page is shown; any other is a page of its own.
  function jump(address) {
    const item = itemAt(address);
    if (!item) return false;
    if (el("outline").matches(":popover-open")) el("outline").hidePopover();
    history.pushState({}, "", address);
    show(item);
    return true;
  }

  addEventListener("popstate", () => {
    const item = itemAt(location);
    if (item) show(item);
    else location.reload();
  });

  // The first or the newest message, whatever lies between.
  async function end(side) {
    const hole = el(side);
    if (!hole.hidden) await htmx.ajax("GET", hole.querySelector(".end").href, { source: hole, target: "#rows", swap: "innerHTML" });
    const row = side === "earlier" ? rows()[0] : rows().at(-1);
    row?.focus({ preventScroll: true });
    const chunk = side === "earlier" ? chunks()[0] : chunks().at(-1);
    chunk?.scrollIntoView({ block: side === "earlier" ? "start" : "end" });
  }

  // -- what follows the eye -----------------------------------------------------------------

  // From the first message in sight to the last, with the results that are folded into it.
  function span() {
    const first = standing();
    if (!first) return null;
    const all = rows();
    const bottom = log.getBoundingClientRect().bottom;
    const next = all.slice(all.indexOf(first) + 1).find((row) => top(row) >= bottom);
    const last = next ? Number(next.dataset.seq) - 1 : Number(chunks().at(-1).dataset.last);
    return [Number(first.dataset.seq), last];
  }

  function marked(first, last) {
    const frame = page.querySelector(".strip .here");
    frame?.setAttribute("x", first - 1);
    frame?.setAttribute("width", last - first + 1);
    const links = [...page.querySelectorAll("#contents [data-seq]")];
    const focused = Number(holdfast.item()?.dataset.seq ?? 0);
    const here = focused >= first && focused <= last ? focused : first;
    const now = links.filter((link) => Number(link.dataset.seq) <= here).at(-1) ?? links[0];
    const old = page.querySelector("#contents [aria-current]");
    if (!now || now === old) return;
    old?.removeAttribute("aria-current");
    now.setAttribute("aria-current", "true");
    // A list of hits stays where it is.
    if (page.querySelector(".hits")) return;
    const list = el("outline");
    const box = now.getBoundingClientRect();
    const room = list.getBoundingClientRect();
    if (box.top < room.top || box.bottom > room.bottom) list.scrollTop += box.top - room.top - room.height / 3;
  }

  function remember(first) {
    const anchor = log.querySelector(".anchor");
    if (anchor && isInSight(anchor)) return;
    const end = isAtEnd();
    // With words to find, the bare address would be another place: the first hit.
    if (end && kept.includes("q=")) return;
    history.replaceState(history.state, "", end ? `${base}${kept}` : at("around", first));
  }

  function follow(first) {
    const contents = el("contents");
    if (!contents.dataset.from || contents.contains(document.activeElement)) return;
    if (first >= Number(contents.dataset.from) && first <= Number(contents.dataset.to)) return;
    list(at("around", first));
  }

  const list = (address) => htmx.ajax("GET", address, { source: el("contents"), target: "#contents", swap: "outerHTML" });

  function settled() {
    const seen = span();
    if (!seen) return;
    remember(seen[0]);
    follow(seen[0]);
  }

  function moved() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      const seen = span();
      if (seen) marked(...seen);
    });
  }

  log.addEventListener("scroll", () => {
    moved();
    clearTimeout(idle);
    idle = setTimeout(settled, 250);
  }, { passive: true });
  log.addEventListener("focusin", moved);

  // -- one message -------------------------------------------------------------------------

  const seqOf = (element) => element.closest("article").dataset.seq;

  async function words(seq) {
    const answer = await fetch(`${base}m/${seq}.txt`);
    if (!answer.ok) throw new Error(answer.status);
    return answer.text();
  }

  const taken = {
    text: words,
    link: async (seq) => new URL(place(seq), location).href,
    id: async (seq) => `msg_${page.dataset.session}_${seq}`,
  };

  async function take(button) {
    try {
      await navigator.clipboard.writeText(await taken[button.dataset.take](seqOf(button)));
      holdfast.answer(button, "Copied");
    } catch {
      holdfast.answer(button, "Failed");
    }
  }

  async function view(link) {
    const row = link.closest("article");
    await htmx.ajax("GET", link.href, { source: row, target: row, swap: "outerHTML" });
    el(row.id)?.querySelector("[data-view]")?.focus({ preventScroll: true });
  }

  // The row as it is then; the bar and the line that tells of it come with the news.
  async function pin(button) {
    const row = button.closest("article");
    const { pin: seq } = button.dataset;
    const pinned = button.value;
    const inside = button.closest("details") !== null;
    const anchored = row.classList.contains("anchor");
    const values = { pinned, csrfmiddlewaretoken: el("pins").elements.csrfmiddlewaretoken.value };
    await htmx.ajax("POST", button.getAttribute("formaction"), { source: row, target: row, swap: "outerHTML", values });
    const fresh = el(row.id);
    fresh?.classList.toggle("anchor", anchored);
    if (inside) fresh?.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    const again = fresh?.querySelector(`[data-pin="${seq}"]`);
    if (!again || again.value === pinned) return holdfast.say("This could not be done. Load the page again.");
    again.focus({ preventScroll: true });
    holdfast.say(pinned === "true" ? `Pinned message ${seq}` : `Message ${seq} is no longer pinned`);
  }

  function reviewBox(link) {
    const seq = link.dataset.review;
    const found = el(`review-${seq}`);
    if (found) return found;
    const box = document.createElement("div");
    box.id = `review-${seq}`;
    box.hidden = true;
    link.closest("[data-host]").append(box);
    return box;
  }

  async function review(link) {
    const box = reviewBox(link);
    if (!box.matches("form")) {
      shown.set(box.id, box.cloneNode(true));
      await htmx.ajax("GET", link.href, { source: link, target: box, swap: "outerHTML" });
    }
    const form = el(box.id);
    if (unsaved.has(form.id)) form.elements.comment.value = unsaved.get(form.id);
    form.querySelector("input:checked, textarea")?.focus({ preventScroll: true });
    form.scrollIntoView({ block: "nearest" });
  }

  function leave(form) {
    const seq = form.id.slice("review-".length);
    const before = shown.get(form.id);
    if (!before) return false;
    unsaved.delete(form.id);
    form.replaceWith(before);
    log.querySelector(`[data-review="${seq}"]`)?.focus({ preventScroll: true });
    return true;
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    const [, seq] = event.detail.target?.id?.match(/^review-(\d+)$/) ?? [];
    if (!seq || el(`review-${seq}`)?.matches("form")) return;
    unsaved.delete(`review-${seq}`);
    log.querySelector(`[data-review="${seq}"]`)?.focus({ preventScroll: true });
    holdfast.say("Review saved");
  });

  const doing = {
    "[data-take]": take,
    "[data-view]": view,
    "[data-review]": review,
    "[data-pin]": pin,
    "[data-cancel]": (link) => leave(link.closest("form")),
    "[data-contents]": (link) => list(link.href),
  };

  page.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    for (const [selector, act] of Object.entries(doing)) {
      const element = event.target.closest(selector);
      if (!element) continue;
      if (act(element) !== false) event.preventDefault();
      return;
    }
    // A hit is a place among hits, which only the server counts.
    const link = event.target.closest("a[href]:not([data-hit])");
    const address = link && new URL(link.getAttribute("href") ?? "", location);
    if (address && jump(address)) event.preventDefault();
  });

  function shut(except) {
    const open = [...page.querySelectorAll("details.drop[open]")].filter((drop) => drop !== except);
    open.forEach((drop) => {
      if (drop.contains(document.activeElement)) drop.querySelector("summary").focus();
      drop.open = false;
    });
    return open.length > 0;
  }

  document.addEventListener("click", (event) => shut(event.target.closest("details.drop")));

  // In a form Escape takes the form away; keys.js would only leave the field.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const form = event.target.closest("form.review");
    if (form ? leave(form) : shut()) event.preventDefault();
  }, { capture: true });

  const chosen = () => holdfast.item() ?? standing();
  const press = (selector) => () => document.querySelector(selector)?.click();
  Object.assign(holdfast.keys, {
    "Home": () => end("earlier"),
    "End": () => end("later"),
    "n": press('[data-hit="next"]'),
    "N": press('[data-hit="previous"]'),
    "c": () => chosen()?.querySelector('[data-take="text"]')?.click(),
    "p": () => chosen()?.querySelector(".acts [data-pin]")?.click(),
    "r": () => chosen()?.querySelector("[data-review]")?.click(),
  });

  // -- the beginning -----------------------------------------------------------------------

  // For news.js, which brings what is new.
  holdfast.session = { page, log, el, chunks, rows, standing, isAtEnd, still, trim, edge, end, moved };
  history.scrollRestoration = "manual";
  const around = page.dataset.around && (el(`m${page.dataset.around}`)?.closest("article"));
  if (around) log.scrollTop += top(around) - top(log);
  const editing = log.querySelector("form.review");
  if (editing) editing.scrollIntoView({ block: "center" });
  log.querySelector(".anchor mark")?.scrollIntoView({ block: "center" });
  const hit = page.querySelector(".hits [aria-current]");
  if (hit) el("outline").scrollTop += top(hit) - top(el("outline")) - el("outline").clientHeight / 3;
  moved();
})();
