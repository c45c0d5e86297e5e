/* The events debugger asks again every two seconds, as long as it is looked at and the box is checked. */
(() => {
  const box = document.getElementById("live"), part = document.getElementById("refresh");
  if (!box || !part) return;
  let asking = false;
  const ask = async () => {
    if (asking || !box.checked || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById("refresh");
        if (fresh && fresh.innerHTML !== part.innerHTML) part.innerHTML = fresh.innerHTML;
      }
    } catch { /* the server is away; the next time may do */ }
    asking = false;
  };
  box.closest("label").hidden = false;
  setInterval(ask, 2000);
})();
