// A socket that comes back: messages go to `onMessage`; while it is away, `poll` is asked now and then.
const WAIT_MS_MIN = 1000;
const WAIT_MS_MAX = 30000;
const REFUSED = new Set([4401, 4403]);

export function follow({ path, onMessage, onState, poll, pollMs }) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  let wait = WAIT_MS_MIN;
  let polling;

  async function ask() {
    if (document.hidden) return;
    try {
      await poll();
    } catch {
      onState("offline");
    }
  }

  function open() {
    const socket = new WebSocket(`${scheme}://${location.host}${path}`);
    socket.addEventListener("message", (event) => {
      wait = WAIT_MS_MIN;
      onMessage(JSON.parse(event.data));
    });
    socket.addEventListener("open", () => {
      clearInterval(polling);
      polling = undefined;
      onState("connected");
    });
    socket.addEventListener("close", (event) => {
      if (REFUSED.has(event.code)) {
        clearInterval(polling);
        return onState("refused");
      }
      onState("reconnecting");
      polling ??= setInterval(ask, pollMs);
      // Apart from each other: all pages of a server that stops lose their socket in the same moment.
      setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, WAIT_MS_MAX);
    });
  }

  open();
}
