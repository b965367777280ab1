// Keeps the catalog on a page current: prices that change are shown without a reload, and never under somebody's hands.
import { follow } from "./live_socket.js";

const POLL_MS = 60000;
const notice = document.querySelector("[data-live-notice]");
let tag = "";
let opened = 0;

function table() {
  return document.getElementById("catalog");
}

function inUse() {
  const selection = getSelection();
  const selected = !selection.isCollapsed && table().contains(selection.anchorNode);
  return selected || table().contains(document.activeElement);
}

function swap(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("catalog");
  if (fresh) table().replaceWith(fresh);
  if (notice) notice.hidden = true;
}

async function refresh({ asked = false } = {}) {
  const answer = await fetch(table().dataset.liveSrc, { headers: tag ? { "If-None-Match": tag } : {} });
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error(answer.statusText);
  tag = answer.headers.get("ETag") ?? "";
  const html = await answer.text();
  if (asked || !inUse()) return swap(html);
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("catalog");
  if (notice && fresh && fresh.innerHTML !== table().innerHTML) notice.hidden = false;
}

if (table()?.dataset.liveSrc) {
  notice?.querySelector("button").addEventListener("click", () => {
    tag = "";
    refresh({ asked: true });
  });
  follow({
    path: "/ws/catalog",
    onMessage: (message) => message.type === "catalog" && refresh().catch(() => {}),
    // What changed while the socket was away was said to nobody.
    onState: (name) => name === "connected" && opened++ && refresh().catch(() => {}),
    poll: refresh,
    pollMs: POLL_MS,
  });
}
