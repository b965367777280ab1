// Keeps a dashboard page current: balance, spend, the latest requests. Everything it shows the server has put in words.
import { happened } from "./live_events.js";
import { partsRefresh, partsSoon } from "./live_parts.js";
import { follow } from "./live_socket.js";

const POLL_MS = 4000;
const EVENTS = ["key", "alert", "payment"];
const root = document.querySelector("[data-live-socket]");
const state = document.querySelector("[data-live-state]");
const pause = document.querySelector("[data-live-pause]");
const rows = document.querySelector("[data-live-rows]");
const first = document.querySelector("[data-live-first]");
let level = root?.dataset.liveLevel;
let updated = new Date();
let tag = "";
let paused = false;
let opened = 0;
let waiting = [];
let money = document.querySelector("[data-live=available]")?.title;
let seen;

function balance(data) {
  if (money !== data.available_exact) partsSoon("balance");
  money = data.available_exact;
  for (const element of document.querySelectorAll("[data-live]")) {
    const text = data[element.dataset.live];
    if (text === undefined || element.textContent.trim() === text) continue;
    element.textContent = text;
    if (element.dataset.live === "available") element.title = data.available_exact;
  }
  // Numbers that tick are not read out; that the money is gone, or is back, is.
  if (level !== data.level) document.querySelector("[data-live-said]").textContent = root.dataset[`said${data.level}`];
  level = data.level;
}

function put(row) {
  if (rows.querySelector(`[data-id="${row.id}"]`)) return;
  const template = document.createElement("template");
  template.innerHTML = row.html;
  rows.prepend(template.content);
  while (rows.children.length > Number(rows.dataset.liveRows)) rows.lastElementChild.remove();
}

// The first that are told were there already.
function isNews(list) {
  const news = seen !== undefined && list.some((row) => !seen.has(row.id));
  seen = new Set([...(seen ?? []), ...list.map((row) => row.id)].slice(-100));
  return news;
}

function requests(list) {
  if (isNews(list)) partsSoon("request");
  if (first && list.length) {
    first.querySelector("[data-live-first-waiting]").hidden = true;
    const link = first.querySelector("[data-live-first-received] a");
    link.textContent = list.at(-1).summary;
    link.href = list.at(-1).url;
    first.querySelector("[data-live-first-received]").hidden = false;
  }
  if (!rows) return;
  if (paused) {
    waiting = [...waiting, ...list].slice(-Number(rows.dataset.liveRows));
    return;
  }
  list.forEach(put);
  if (list.length) document.querySelectorAll("[data-live-empty]").forEach((element) => (element.hidden = true));
  if (list.length) rows.closest("[hidden]")?.removeAttribute("hidden");
}

function take(message) {
  updated = new Date();
  if (message.type === "balance") balance(message.data);
  if (message.type === "request") requests(message.data.rows);
  if (EVENTS.includes(message.type)) happened(message.type, message.data.events);
}

async function poll() {
  const answer = await fetch(root.dataset.livePoll, { headers: tag ? { "If-None-Match": tag } : {} });
  if (answer.redirected) return show("refused");
  if (!answer.ok && answer.status !== 304) throw new Error(answer.statusText);
  updated = new Date();
  show("reconnecting");
  if (answer.status === 304) return;
  tag = answer.headers.get("ETag") ?? "";
  const data = await answer.json();
  balance(data.balance);
  requests(data.requests);
  EVENTS.forEach((kind) => happened(kind, data[kind]));
}

function show(name) {
  // What changed while the socket was away for long was said to nobody.
  if (name === "connected" && opened++) partsRefresh();
  document.documentElement.dataset.live = name;
  if (!state) return;
  const time = updated.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  state.dataset.liveState = name;
  state.querySelector("[data-live-words]").textContent = state.dataset[name].replace("{time}", time);
}

function pauseToggle() {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (paused) return;
  const list = waiting;
  waiting = [];
  requests(list);
}

if (root) {
  pause?.addEventListener("click", pauseToggle);
  follow({ path: root.dataset.liveSocket, onMessage: take, onState: show, poll, pollMs: POLL_MS });
}
