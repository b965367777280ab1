// What happened to the organisation: alerts are said at the top of the page, and parts that show keys or payments are
// asked for anew. The server repeats the last minutes to every page that connects, so each event is heard once.
import { partsRefresh } from "./live_parts.js";

const OPEN = "alerts-open";
const root = document.querySelector("[data-live-socket]");
const alerts = document.querySelector("[data-live-alerts]");
const heard = new Set();

// Banners that nobody dismissed go along to the next page of this tab.
function open() {
  try {
    return JSON.parse(sessionStorage.getItem(OPEN) ?? "[]");
  } catch {
    return [];
  }
}

function openSet(ids) {
  try {
    sessionStorage.setItem(OPEN, JSON.stringify(ids));
  } catch {
    // Without storage a banner stays behind.
  }
}

function dismiss(banner) {
  openSet(open().filter((id) => id !== banner.dataset.liveAlert));
  banner.remove();
  document.getElementById("content").focus();
}

// What happened before the page was made is in it.
function isNew(event) {
  return Number(event.at) >= Number(root.dataset.liveAt);
}

function say(event) {
  if (!isNew(event) && !open().includes(event.id)) return;
  openSet([...new Set([...open(), event.id])]);
  const template = document.createElement("template");
  template.innerHTML = event.html;
  alerts.prepend(template.content);
}

export function happened(kind, events) {
  const fresh = events.filter((event) => !heard.has(`${kind} ${event.id}`));
  fresh.forEach((event) => heard.add(`${kind} ${event.id}`));
  if (kind === "alert") return fresh.forEach(say);
  if (fresh.some(isNew)) partsRefresh(kind);
}

alerts?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-live-dismiss]");
  if (button) dismiss(button.closest("[data-live-alert]"));
});
