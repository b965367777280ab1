// Parts of a dashboard page that show keys, spending or payments: asked for anew when something happens to those.
import { inUse, isSame, partShow, partsAsk, partsRead } from "./parts.js";

const PAUSE_MS = 2000;
const LEFT_MS = 500;
// Shown as they were, because somebody was in them.
const stale = new Set();
const due = new Set();
let asked = -PAUSE_MS;
let timer;
let leaving;

function partsOf(kinds) {
  const all = [...document.querySelectorAll("[data-live-part]")];
  return all.filter((part) => kinds.some((kind) => part.matches(`[data-live-part~="${kind}"]`)));
}

function refreshed(part, fresh) {
  stale.delete(part.id);
  if (!fresh || isSame(part, fresh)) return;
  if (inUse(part)) return stale.add(part.id);
  partShow(part, fresh);
}

async function refresh(parts) {
  if (!parts.length) return;
  asked = performance.now();
  // A page that answers a form is at the form's address: it names its own.
  const source = document.querySelector("[data-live-src]")?.dataset.liveSrc ?? location.href;
  const answer = await partsAsk(source, new Set(parts.map((part) => part.id)));
  if (!answer.ok || answer.redirected) return;
  const page = partsRead(await answer.text());
  for (const part of parts) refreshed(part, page.getElementById(part.id));
}

export function partsRefresh(...kinds) {
  const parts = kinds.length ? partsOf(kinds) : [...document.querySelectorAll("[data-live-part]")];
  return refresh(parts).catch(() => {});
}

function ask() {
  timer = undefined;
  if (document.hidden) return; // Once somebody looks again.
  partsRefresh(...due);
  due.clear();
}

// What happens with every request is shown at once, then now and then.
export function partsSoon(kind) {
  if (!partsOf([kind]).length) return;
  due.add(kind);
  timer ??= setTimeout(ask, Math.max(0, asked + PAUSE_MS - performance.now()));
}

function catchUp() {
  leaving = undefined;
  const free = [...stale].map((id) => document.getElementById(id)).filter((part) => part && !inUse(part));
  refresh(free).catch(() => {});
}

document.addEventListener("visibilitychange", () => due.size && (timer ??= setTimeout(ask)));

// Left alone again, a part catches up; not so soon that it would go away under a click.
for (const type of ["focusout", "selectionchange"]) {
  document.addEventListener(type, () => {
    if (stale.size) leaving ??= setTimeout(catchUp, LEFT_MS);
  });
}
