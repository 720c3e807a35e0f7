// A session that grows: what is new comes to the open page, while somebody may see it.
"use strict";
(() => {
  const { page, log, el, chunks, rows, standing, isAtEnd, still, trim, edge, end, moved } = holdfast.session;
  const PACE = 2_000;
  const SLOW = 10_000;
  const SLOWEST = 60_000;
  const PATIENCE = 20_000;
  const CHUNK = 100;
  const MOST_NEW = 300;
  const state = page.dataset;
  const button = el("new");
  let seen = Number(state.messages);
  let failures = 0;
  let timer = 0;
  let asking = false;
  let over = false;

  // -- asking ------------------------------------------------------------------------------

  // The newest end, where it is on the page: what is there, and up to which version.
  function tail() {
    const all = chunks();
    const chunk = all.at(-1);
    if (!chunk || !el("later").hidden) return null;
    return { chunk, first: all[0].dataset.first, last: chunk.dataset.last, until: chunk.dataset.version };
  }

  function address(known) {
    const query = new URLSearchParams(state.kept);
    const sight = standing()?.dataset.seq;
    query.set("version", state.version);
    query.set("status", state.status);
    query.set("holder", state.holder);
    query.set("messages", page.querySelector(".strip").dataset.strip);
    if (sight && !isFollowing()) query.set("around", sight);
    if (known) ["first", "last", "until"].forEach((name) => query.set(name, known[name]));
    return `${state.at}news/?${query}`;
  }

  function pace() {
    if (failures) return Math.min(PACE * 2 ** failures, SLOWEST);
    return state.status === "active" && tail() ? PACE : SLOW;
  }

  function plan(wait = pace()) {
    clearTimeout(timer);
    if (!over && !document.hidden) timer = setTimeout(ask, wait);
  }

  async function answered(known) {
    const signal = AbortSignal.timeout(PATIENCE);
    try {
      const answer = await fetch(address(known), { redirect: "manual", signal });
      return { answer, text: answer.ok ? await answer.text() : "" };
    } catch {
      return { answer: null, text: "" };
    }
  }

  async function ask() {
    if (asking || over || document.hidden) return;
    asking = true;
    const known = tail();
    const { answer, text } = await answered(known);
    asking = false;
    if (!answer || answer.status >= 500 || answer.status === 429) return late();
    if (!answer.ok) return lost(answer);
    failures = 0;
    tell("");
    const more = text && await arrive(parsed(text), known);
    over = state.status === "ended" && !more;
    plan(more ? 0 : pace());
  }

  // -- when it does not work ---------------------------------------------------------------

  function tell(text) {
    if (el("stale").textContent !== text) el("stale").textContent = text;
  }

  function late() {
    failures += 1;
    tell("Not up to date, trying again");
    plan();
  }

  function lost(answer) {
    over = true;
    if ([404, 410].includes(answer.status)) tell("Not up to date: the session is no longer here");
    else tell("Not up to date: load the page again to go on");
  }

  // -- what came ---------------------------------------------------------------------------

  const parsed = (text) => new DOMParser().parseFromString(text, "text/html").querySelector(".news");

  // Whoever is at the end stays there, unless they write or select something in the log.
  function isFollowing() {
    if (!isAtEnd()) return false;
    const picked = getSelection();
    if (!picked.isCollapsed && log.contains(picked.anchorNode)) return false;
    return !(log.contains(document.activeElement) && document.activeElement.closest("form"));
  }

  // True when there is more to ask for at once.
  async function arrive(news, known) {
    const following = isFollowing();
    Object.assign(state, { version: news.dataset.version, status: news.dataset.status, holder: news.dataset.holder, messages: news.dataset.messages, of: news.dataset.of });
    figures(news);
    const fresh = news.querySelector(".chunk");
    const isStill = fresh && known && tail()?.chunk === known.chunk && tail().until === known.until;
    if (isStill) await place(news, fresh, following);
    document.dispatchEvent(new Event("holdfast:zone"));
    count();
    moved();
    return isStill && "more" in news.dataset;
  }

  async function place(news, fresh, following) {
    // After a long time away the newest are shown, and not all that came before them.
    if (state.messages - tail().last > MOST_NEW) {
      edge("later", tail().last);
      if (following) await end("later");
      return;
    }
    still(() => {
      news.querySelectorAll(".changed > article").forEach(renew);
      add(fresh);
    });
    if (following) log.scrollTop = log.scrollHeight;
    trim();
  }

  const size = (chunk) => chunk.dataset.last - chunk.dataset.first + 1;

  function add(fresh) {
    const added = [...fresh.childNodes];
    const last = chunks().at(-1);
    if (size(last) + size(fresh) > CHUNK) {
      // Only what is added is read out, so the chunk must be there before its rows.
      fresh.replaceChildren();
      last.after(fresh);
      speak();
      return fresh.append(...added);
    }
    last.append(...added);
    last.dataset.last = fresh.dataset.last;
    last.dataset.version = fresh.dataset.version;
  }

  // A row that is there keeps what is open, written or chosen in it.
  function renew(fresh) {
    const row = el(fresh.id)?.closest("article");
    if (!row) return;
    const anchor = row.classList.contains("anchor");
    row.className = fresh.className;
    row.classList.toggle("anchor", anchor);
    row.querySelectorAll(".meta > .fate").forEach((old) => old.remove());
    row.querySelector(".meta > .acts").before(...fresh.querySelectorAll(".meta > .fate"));
    const pins = ["value", "textContent"];
    const [old, now] = [row, fresh].map((one) => one.querySelector(".acts [data-pin]"));
    if (old && now) pins.forEach((name) => { old[name] = now[name]; });
    const calls = row.querySelectorAll(".k-call");
    [...fresh.querySelectorAll(".k-call")].forEach((call, place) => calls[place] && fold(calls[place], call));
  }

  // The result that came stands in its call; the fate of one that was there is told.
  function fold(old, fresh) {
    const result = fresh.querySelector("h3[id]");
    const before = result && old.querySelector(`#${result.id}`);
    if (before) {
      before.querySelector(".quiet").replaceWith(result.querySelector(".quiet"));
      before.nextElementSibling.className = result.nextElementSibling.className;
    } else if (result) {
      const focused = old.contains(document.activeElement);
      fresh.open = old.open;
      fresh.ariaLive = "off";
      old.replaceWith(fresh);
      if (focused) fresh.querySelector("summary").focus({ preventScroll: true });
    }
  }

  // -- what moves around the log -----------------------------------------------------------

  function figures(news) {
    news.querySelectorAll("[data-live]").forEach((fresh) => {
      const old = page.querySelector(`[data-live="${fresh.dataset.live}"]`);
      if (old && !old.isEqualNode(fresh)) old.replaceWith(fresh);
    });
    document.title = `${page.querySelector("h1").textContent} · Holdfast`;
    page.querySelectorAll(".edge .of").forEach((told) => { told.textContent = state.of; });
    const [bar, list] = [".fates", "#contents"].map((name) => news.querySelector(name));
    if (bar) strip(bar);
    if (list) outline(list);
  }

  function strip(fresh) {
    const [old, added] = [page.querySelector(".fates"), fresh.querySelector(".strip")];
    if (!added.dataset.after) return old.replaceWith(fresh);
    const bar = old.querySelector(".strip");
    bar.querySelector(".here").before(...added.querySelectorAll("a"));
    ["viewBox", "class", "data-strip"].forEach((name) => bar.setAttribute(name, added.getAttribute(name)));
    old.querySelector(".legend").replaceWith(fresh.querySelector(".legend"));
  }

  // The list stays where it is, and as it is while somebody walks or looks elsewhere in it.
  function outline(fresh) {
    const old = el("contents");
    const sight = Number(standing()?.dataset.seq ?? 0);
    const elsewhere = old.dataset.from && (sight < old.dataset.from || sight > old.dataset.to);
    if (elsewhere || old.contains(document.activeElement)) return;
    const current = old.querySelector("[aria-current]")?.dataset.seq;
    const top = el("outline").scrollTop;
    old.replaceWith(fresh);
    fresh.querySelector(`[data-seq="${current}"]`)?.setAttribute("aria-current", "true");
    el("outline").scrollTop = top;
  }

  function count() {
    if (tail() && isAtEnd()) seen = Number(state.messages);
    const fresh = state.messages - seen;
    button.hidden = fresh <= 0;
    button.querySelector("span").textContent = fresh.toLocaleString("en");
  }

  // -- when to ask -------------------------------------------------------------------------

  button.addEventListener("click", async () => {
    await end("later");
    log.scrollTop = log.scrollHeight;
    count();
  });
  log.addEventListener("scroll", () => { if (!button.hidden) count(); }, { passive: true });
  document.addEventListener("visibilitychange", () => plan(0));
  addEventListener("online", () => plan(0));
  document.addEventListener("htmx:afterSwap", () => { speak(); plan(); });

  // The newest rows are read out as they come; what is loaded or taken away is not.
  function speak() {
    chunks().forEach((chunk) => { chunk.ariaLive = null; });
    if (tail()) tail().chunk.ariaLive = "polite";
  }

  over = state.status === "ended";
  speak();
  plan();
})();
