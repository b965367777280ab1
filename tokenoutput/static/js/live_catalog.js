// Keeps what a page shows of the catalog current: prices change without a reload, and never under somebody's hands.
import { follow } from "./live_socket.js";
import { inUse, isSame, partShow, partsAsk, partsRead } from "./parts.js";

const POLL_MS = 60000;
const notice = document.querySelector("[data-live-notice]");
let tag = "";
let opened = 0;

function shown() {
  return [...document.querySelectorAll("[data-live-catalog]")];
}

async function refresh({ asked = false } = {}) {
  const ids = shown().map((part) => part.id);
  const answer = await partsAsk(location.href, ids, { headers: tag ? { "If-None-Match": tag } : {} });
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error(answer.statusText);
  tag = answer.headers.get("ETag") ?? "";
  const page = partsRead(await answer.text());
  const changed = shown().map((part) => [part, page.getElementById(part.id)]);
  const waiting = changed.filter(([part, fresh]) => {
    if (!fresh || isSame(part, fresh)) return false;
    if (!asked && inUse(part)) return true;
    partShow(part, fresh);
    return false;
  });
  if (notice) notice.hidden = !waiting.length;
}

if (shown().length) {
  notice?.querySelector("button").addEventListener("click", () => {
    tag = "";
    refresh({ asked: true }).catch(() => {});
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
