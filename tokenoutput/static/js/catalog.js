// The catalog filters itself while somebody types: the same URL answers the table alone, and the address bar follows.
import { partsAsk, partsRead } from "./parts.js";

const PAUSE_MS = 180;
const form = document.getElementById("catalog-filters");
const count = document.querySelector("[data-catalog-count]");
const clear = document.querySelector("[data-catalog-clear]");
let timer;
let request = new AbortController();
let latest = Promise.resolve();

function asked() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim()) query.append(name, value.trim());
  return query;
}

async function show(query) {
  request.abort();
  request = new AbortController();
  const address = query.size ? `${form.action}?${query}` : form.action;
  history.replaceState(history.state, "", address);
  clear.hidden = !query.size;
  try {
    const answer = await partsAsk(address, ["catalog"], { signal: request.signal });
    if (!answer.ok) throw new Error(answer.statusText);
    const table = partsRead(await answer.text()).getElementById("catalog");
    const sorted = document.activeElement?.dataset?.sort;
    document.getElementById("catalog").replaceWith(table);
    if (sorted) table.querySelector(`[data-sort="${sorted}"]`)?.focus();
    count.textContent = table.dataset.count;
  } catch (error) {
    if (error.name !== "AbortError") count.textContent = form.dataset.failed;
  }
}

function filter() {
  clearTimeout(timer);
  latest = show(asked());
  return latest;
}

async function submit(event) {
  event.preventDefault();
  await filter();
  const ids = document.querySelectorAll("#catalog tbody th a");
  if (ids.length === 1 && document.activeElement === form.elements.q) location.assign(ids[0].href);
}

function sort(event) {
  const link = event.target.closest?.("#catalog a[data-sort]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  form.elements.sort.value = new URL(link.href).searchParams.get("sort");
  filter();
}

if (form) {
  form.classList.add("filters-live");
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(filter, PAUSE_MS);
  });
  form.addEventListener("submit", submit);
  document.addEventListener("click", sort);
}
