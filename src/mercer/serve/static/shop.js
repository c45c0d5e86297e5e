// What makes the page quicker with JavaScript: suggestions while typing, filters that apply at once.
// Everything here has a plain way without it.
"use strict";

document.documentElement.classList.add("js");

const form = document.getElementById("search");
const input = document.getElementById("q");
const list = document.getElementById("suggestions");

// -- Addresses stay short: what is empty or at its default is not sent. --------------------------
form.addEventListener("submit", () => {
  for (const field of form.elements) {
    const isDefault = field.name === "sort" && field.value === "relevance";
    if (field.name && (field.value.trim() === "" || isDefault)) field.disabled = true;
  }
  // The browser keeps a left page in memory: going back must find the fields usable.
  setTimeout(() => { for (const field of form.elements) field.disabled = false; }, 0);
});

// -- A changed box, order or price searches at once; in the phone's sheet, when it is done. ----------
const sheet = document.getElementById("filters");
const isSheetOpen = () => sheet && getComputedStyle(sheet).position === "fixed";
for (const field of document.querySelectorAll('[form="search"]')) {
  if (field.type === "submit") continue;
  field.addEventListener("change", () => { if (!isSheetOpen()) form.requestSubmit(); });
}
if (sheet) {
  sheet.querySelector(".filters-head .button").addEventListener("click", (event) => {
    event.preventDefault();
    form.requestSubmit();
  });
}

// -- A picture that cannot be drawn leaves the tile behind it. --------------------------------------
const dropBroken = (img) => img.remove();
for (const img of document.querySelectorAll(".picture img")) {
  if (img.complete && img.naturalWidth === 0) dropBroken(img);
  else img.addEventListener("error", () => dropBroken(img));
}

// -- Suggestions: the combobox pattern of the ARIA practices. ----------------------------------------
let active = -1;
let timer = 0;
let pending = null;

for (const [name, value] of [
  ["role", "combobox"], ["aria-autocomplete", "list"],
  ["aria-controls", list.id], ["aria-expanded", "false"],
]) input.setAttribute(name, value);

function close() {
  list.hidden = true;
  list.replaceChildren();
  active = -1;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function choose(text) {
  input.value = text;
  close();
  form.requestSubmit();
}

function option(suggestion, index) {
  const item = document.createElement("li");
  item.id = `suggestion-${index}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  const text = document.createElement("span");
  text.className = "text";
  text.textContent = suggestion.text;
  const kind = document.createElement("span");
  kind.className = "kind";
  const count = suggestion.n_listings.toLocaleString("en");
  kind.textContent = suggestion.kind === "category" ? `category · ${count}` : count;
  item.append(text, kind);
  item.addEventListener("mousedown", (event) => event.preventDefault());
  item.addEventListener("click", () => choose(suggestion.text));
  return item;
}

function show(suggestions) {
  if (!suggestions.length || document.activeElement !== input) return close();
  list.replaceChildren(...suggestions.map(option));
  list.hidden = false;
  active = -1;
  input.setAttribute("aria-expanded", "true");
  input.removeAttribute("aria-activedescendant");
}

async function suggest() {
  if (pending) pending.abort();
  const q = input.value.trim();
  if (!q) return close();
  pending = new AbortController();
  try {
    const answer = await fetch(`/v1/suggest?limit=8&q=${encodeURIComponent(q)}`, { signal: pending.signal });
    if (answer.ok) show((await answer.json()).suggestions);
  } catch (error) {
    if (error.name !== "AbortError") close(); // a search works without suggestions
  }
}

function move(step) {
  const items = [...list.children];
  if (!items.length) return;
  if (items[active]) items[active].setAttribute("aria-selected", "false");
  // A ring of all items and, as place -1, the typed text itself.
  const ring = items.length + 1;
  active = ((active + 1 + step + ring) % ring) - 1;
  if (active === -1) return input.removeAttribute("aria-activedescendant");
  items[active].setAttribute("aria-selected", "true");
  input.setAttribute("aria-activedescendant", items[active].id);
}

input.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(suggest, 70);
});
input.addEventListener("blur", () => { clearTimeout(timer); close(); });
input.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !list.hidden) { close(); event.preventDefault(); }
  if (list.hidden) return;
  if (event.key === "ArrowDown") { move(1); event.preventDefault(); }
  if (event.key === "ArrowUp") { move(-1); event.preventDefault(); }
  if (event.key === "Enter" && active >= 0) {
    choose(list.children[active].querySelector(".text").textContent);
    event.preventDefault();
  }
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
    input.focus();
    input.select();
    event.preventDefault();
  }
});
