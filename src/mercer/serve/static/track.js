// Tells the market what was really seen and what was clicked: POST /v1/events.
// An event keeps its id until it is acknowledged, so sending it again is harmless.
"use strict";

(() => {
  const STORE = "mercer.unsent";
  const SEEN_SHARE = 0.5; // of a card on the screen ...
  const SEEN_MS = 1000; // ... for so long is an impression
  const BATCH = 50; // events of one request
  const MAX_KEPT = 500; // unsent events; the oldest give way
  const FLUSH_MS = 2000;
  const MAX_WAIT_MS = 60_000;

  let queue = load();
  let timer = 0;
  let waitMs = FLUSH_MS;
  let isSending = false;

  function load() {
    try { return JSON.parse(localStorage.getItem(STORE)) ?? []; } catch { return []; }
  }

  function save() {
    try { localStorage.setItem(STORE, JSON.stringify(queue)); } catch { /* private mode: memory only */ }
  }

  // crypto.randomUUID is missing where the page came over plain HTTP from another machine.
  const newId = () => crypto.randomUUID?.()
    ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  function push(kind, card) {
    const { listing, page, position, token } = card.dataset;
    const event = {
      event_id: newId(), kind, time_ms: Date.now(), listing_id: listing,
      page_id: page, position: Number(position),
    };
    if (token) event.token = token;
    queue = [...queue, event].slice(-MAX_KEPT);
    save();
    schedule(queue.length >= BATCH ? 0 : FLUSH_MS);
  }

  function schedule(ms) {
    if (timer && ms >= FLUSH_MS) return; // one is coming already
    clearTimeout(timer);
    timer = setTimeout(flush, ms);
  }

  async function flush() {
    clearTimeout(timer);
    timer = 0;
    if (isSending || !queue.length) return;
    isSending = true;
    const batch = queue.slice(0, BATCH);
    let isDone = false;
    try {
      const answer = await fetch("/v1/events", {
        method: "POST",
        keepalive: true, // outlives the page that a click leaves
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ sent_ms: Date.now(), events: batch }),
      });
      await answer.text(); // an answer that is not read keeps its connection
      // What the server will never take is not sent for ever; what it may take later is.
      isDone = answer.ok || (answer.status < 500 && ![401, 403, 408, 429].includes(answer.status));
    } catch { /* no connection: later */ }
    isSending = false;
    if (isDone) {
      const sent = new Set(batch.map((event) => event.event_id));
      queue = queue.filter((event) => !sent.has(event.event_id));
      save();
      waitMs = FLUSH_MS;
    } else {
      waitMs = Math.min(waitMs * 2, MAX_WAIT_MS);
    }
    if (queue.length) timer = setTimeout(flush, isDone ? 0 : waitMs);
  }

  // -- Impressions: once for each page and listing, when half of the card was seen for a second. ----
  const counted = new Set();
  const waiting = new Map(); // card -> timer
  const inView = new Set();
  const keyOf = (card) => `${card.dataset.page} ${card.dataset.listing}`;

  function start(card) {
    if (document.hidden || waiting.has(card) || counted.has(keyOf(card))) return;
    waiting.set(card, setTimeout(() => {
      waiting.delete(card);
      if (!card.isConnected || counted.has(keyOf(card))) return;
      counted.add(keyOf(card));
      observer.unobserve(card);
      inView.delete(card);
      push("impression", card);
    }, SEEN_MS));
  }

  function stop(card) {
    clearTimeout(waiting.get(card));
    waiting.delete(card);
  }

  const observer = new IntersectionObserver((entries) => {
    for (const { target, intersectionRatio } of entries) {
      if (intersectionRatio >= SEEN_SHARE) {
        inView.add(target);
        start(target);
      } else {
        inView.delete(target);
        stop(target);
      }
    }
  }, { threshold: [0, SEEN_SHARE] });

  function watch() {
    for (const card of [...inView]) if (!card.isConnected) { inView.delete(card); stop(card); }
    for (const card of document.querySelectorAll(".card[data-page]")) {
      if (!counted.has(keyOf(card))) observer.observe(card);
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      for (const card of [...waiting.keys()]) stop(card);
      flush();
    } else {
      for (const card of inView) start(card);
    }
  });
  addEventListener("pagehide", flush);

  // -- Clicks: the link then says that the click was told, so that the server does not tell it again. --
  function clicked(event) {
    const link = event.target.closest("a.card-link");
    const card = link?.closest(".card[data-page]");
    if (!card || event.button > 1) return;
    push("click", card); // first: if it fails, the server tells the click
    const url = new URL(link.href);
    url.searchParams.set("by", "script");
    link.href = url.pathname + url.search;
    flush();
  }
  document.addEventListener("click", clicked);
  document.addEventListener("auxclick", clicked);

  // -- The address of a listing is worth sharing without the page that led there. -----------------------
  if (location.pathname.startsWith("/listing/") && new URLSearchParams(location.search).has("page")) {
    history.replaceState(history.state, "", location.pathname + location.hash);
  }

  document.addEventListener("htmx:afterSettle", watch);
  watch();
  if (queue.length) schedule(FLUSH_MS);
})();
