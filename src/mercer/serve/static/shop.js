// What makes the pages quicker with JavaScript: results while typing, filters that apply at once,
// a gallery, a theme without a reload. Everything here has a plain way without it.
"use strict";

document.documentElement.classList.add("js");

const byId = (id) => document.getElementById(id);
const form = byId("search");
const input = byId("q");
const TYPING_PAUSE_MS = 280; // a pause this long shows results
const MIN_TYPED = 2; // letters before results follow the typing
const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// -- Results while typing: the first letters make an entry in the history, the next ones replace it. --
let typingTimer = 0;
let isTypingSubmit = false;
let hasTypedEntry = false;

function searchNow({ isTyping = false } = {}) {
  clearTimeout(typingTimer);
  isTypingSubmit = isTyping;
  form.requestSubmit();
}

input.addEventListener("input", () => {
  clearTimeout(typingTimer);
  const page = byId("page");
  if (!("live" in page.dataset) || input.value.trim().length < MIN_TYPED) return;
  typingTimer = setTimeout(() => searchNow({ isTyping: true }), TYPING_PAUSE_MS);
});
input.addEventListener("blur", () => { hasTypedEntry = false; });

form.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt !== form) return;
  clearTimeout(typingTimer);
  if (isTypingSubmit && hasTypedEntry) event.detail.headers["Mercer-Typing"] = "true";
  hasTypedEntry = isTypingSubmit;
  isTypingSubmit = false;
  for (const name of ["min", "max", "sort"]) {
    if (!event.detail.formData.get(name)) event.detail.formData.delete(name);
  }
});

// -- A changed box, order or price searches at once; in the phone's sheet, when it is done. ----------
const isSheetOpen = () => byId("filters")?.classList.contains("open");

function toggleSheet(isOpen) {
  byId("filters")?.classList.toggle("open", isOpen);
  document.documentElement.classList.toggle("behind-sheet", isOpen);
  if (isOpen) byId("filters").querySelector(".button").focus();
  else document.querySelector(".to-filters")?.focus();
}

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches('[form="search"]') && !isSheetOpen()) searchNow();
  if (field.matches("[data-submit]")) field.form.requestSubmit();
});
document.addEventListener("click", (event) => {
  if (event.target.closest(".to-filters")) {
    event.preventDefault();
    toggleSheet(true);
  } else if (event.target.closest(".filters-head .button")) {
    event.preventDefault();
    toggleSheet(false);
    searchNow();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isSheetOpen()) toggleSheet(false);
  const isField = event.target.closest("input, textarea, select");
  if (event.key === "/" && !isField && !event.ctrlKey && !event.metaKey) {
    input.focus();
    input.select();
    event.preventDefault();
  }
});

// -- When the page changes under the visitor: say it, and keep what was open and scrolled. ------------
const opened = new Map(); // facet -> whether the visitor opened or closed it
let filtersTop = 0;

document.addEventListener("toggle", (event) => {
  if (event.target.dataset?.facet) opened.set(event.target.dataset.facet, event.target.open);
}, true);

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  filtersTop = byId("filters")?.scrollTop ?? 0;
  if (xhr.status >= 400 && target.id !== "page") {
    event.detail.shouldSwap = false; // an error page has no room in a button
    tell("That did not work just now. Please try again.");
  }
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "page" && event.detail.elt?.id !== "page") return;
  document.documentElement.classList.remove("behind-sheet");
  for (const facet of document.querySelectorAll("[data-facet]")) {
    if (opened.has(facet.dataset.facet)) facet.open = opened.get(facet.dataset.facet);
  }
  if (byId("filters")) byId("filters").scrollTop = filtersTop;
  const main = byId("main");
  byId("spoken").textContent = main?.dataset.spoken ?? "";
  const above = main ? main.getBoundingClientRect().top : 0;
  if (above < 0) scrollTo({ top: 0, behavior: "instant" });
  startGallery();
});

// -- No connection. --------------------------------------------------------------------------------
function tell(text) {
  byId("offline").firstChild.textContent = `${text} `;
  byId("offline").hidden = false;
}
const OFFLINE = "You are offline. What you see was loaded before; new searches wait until you are back.";
addEventListener("offline", () => tell(OFFLINE));
addEventListener("online", () => { byId("offline").hidden = true; });
document.addEventListener("htmx:sendError", () => {
  tell(navigator.onLine ? "The shop cannot be reached just now." : OFFLINE);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) byId("offline").hidden = true;
});
byId("again").addEventListener("click", () => location.reload());

// -- Light or dark. ----------------------------------------------------------------------------------
document.querySelector(".theme").addEventListener("submit", (event) => {
  event.preventDefault();
  const root = document.documentElement;
  const now = root.dataset.theme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const theme = now === "dark" ? "light" : "dark";
  root.dataset.theme = theme;
  document.querySelector('meta[name="color-scheme"]').content = theme;
  const body = new URLSearchParams({ theme });
  fetch("/theme", { method: "POST", body, headers: { "HX-Request": "true" }, keepalive: true })
    .catch(() => {}); // the page is as wished; only the memory of it is lost
});

// -- A picture that cannot be drawn leaves the tile behind it. ----------------------------------------
document.addEventListener("error", (event) => {
  if (event.target.matches?.(".picture img")) event.target.remove();
}, true);
for (const img of document.querySelectorAll(".picture img")) {
  if (img.complete && img.naturalWidth === 0 && img.loading !== "lazy") img.remove();
}

// -- The gallery of a listing: thumbnails scroll, the one in view is marked. -----------------------------
function startGallery() {
  const photos = byId("photos");
  const thumbs = [...document.querySelectorAll(".thumbs a")];
  if (!photos || !thumbs.length || photos.dataset.started) return;
  photos.dataset.started = "1";
  const mark = (at) => thumbs.forEach((thumb, i) => {
    if (i === at) thumb.setAttribute("aria-current", "true");
    else thumb.removeAttribute("aria-current");
  });
  thumbs.forEach((thumb, i) => thumb.addEventListener("click", (event) => {
    event.preventDefault();
    photos.scrollTo({ left: i * photos.clientWidth, behavior: isCalm() ? "instant" : "smooth" });
    mark(i);
  }));
  photos.addEventListener("scrollend", () => mark(Math.round(photos.scrollLeft / photos.clientWidth)));
}
startGallery();

// -- A page out of the browser's memory may be older than the cart. --------------------------------------
addEventListener("pageshow", async (event) => {
  if (!event.persisted) return;
  const answer = await fetch("/kept").catch(() => null);
  if (!answer?.ok) return;
  const kept = await answer.json();
  byId("n-cart").textContent = kept.n_cart || "";
  byId("n-favourites").textContent = kept.favourites.length || "";
  for (const card of document.querySelectorAll(".card[data-listing]")) {
    const isKept = kept.favourites.includes(card.dataset.listing);
    card.querySelector(".heart button")?.setAttribute("aria-pressed", String(isKept));
    const wish = card.querySelector('.heart [name="keep"]');
    if (wish) wish.value = isKept ? "0" : "1";
  }
});
