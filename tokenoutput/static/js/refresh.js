// A form that answers as it is filled in: the page is fetched with its query string, and the named part put in place.
import { partsAsk, partsRead } from "./parts.js";

const PAUSE_MS = 250;

function refreshed(form) {
  let timer;
  let request = new AbortController();

  async function refresh() {
    request.abort();
    request = new AbortController();
    const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    try {
      const part = form.dataset.refresh;
      const answer = await partsAsk(address, [part], { signal: request.signal });
      if (!answer.ok) return;
      document.getElementById(part).replaceWith(partsRead(await answer.text()).getElementById(part));
      history.replaceState(history.state, "", address);
    } catch {
      // The button still does the same.
    }
  }

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE_MS);
  });
}

document.querySelectorAll("form[data-refresh]").forEach(refreshed);
