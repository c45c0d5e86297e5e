// Suggestions under the search field: the combobox pattern of the ARIA practices.
"use strict";

(() => {
  const form = document.getElementById("search");
  const input = document.getElementById("q");
  const list = document.getElementById("suggestions");
  const PAUSE_MS = 80;
  let active = -1;
  let timer = 0;
  let pending = null;

  for (const [name, value] of [
    ["role", "combobox"], ["aria-autocomplete", "list"],
    ["aria-controls", list.id], ["aria-expanded", "false"],
  ]) input.setAttribute(name, value);

  function close() {
    clearTimeout(timer);
    if (pending) pending.abort();
    list.hidden = true;
    list.replaceChildren();
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function choose(item) {
    input.value = item.dataset.text;
    close();
    form.requestSubmit();
  }

  function show(html) {
    list.innerHTML = html; // made and escaped by our own server
    if (!list.children.length || document.activeElement !== input) return close();
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
      const answer = await fetch(`/suggest?q=${encodeURIComponent(q)}`, { signal: pending.signal });
      if (answer.ok) show(await answer.text());
    } catch (error) {
      if (error.name !== "AbortError") close(); // a search works without suggestions
    }
  }

  function move(step) {
    const items = [...list.children];
    if (!items.length) return;
    items[active]?.setAttribute("aria-selected", "false");
    // A ring of all items and, as place -1, the typed text itself.
    const ring = items.length + 1;
    active = ((active + 1 + step + ring) % ring) - 1;
    if (active === -1) return input.removeAttribute("aria-activedescendant");
    items[active].setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", items[active].id);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, PAUSE_MS);
  });
  input.addEventListener("blur", close);
  // A search that typing started has no submitter: whoever walks the list by then stays in it.
  form.addEventListener("submit", (event) => { if (event.submitter) close(); });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) choose(item);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      const item = active >= 0 ? list.children[active] : null;
      if (item) { choose(item); event.preventDefault(); } else close();
      return;
    }
    if (list.hidden) {
      if (event.key === "ArrowDown" && input.value.trim()) { suggest(); event.preventDefault(); }
      return;
    }
    if (event.key === "Escape") { close(); event.preventDefault(); }
    if (event.key === "ArrowDown") { move(1); event.preventDefault(); }
    if (event.key === "ArrowUp") { move(-1); event.preventDefault(); }
  });
})();
