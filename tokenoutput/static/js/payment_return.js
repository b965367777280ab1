// Back from the payment page: asks whether the payment is confirmed until it is, or until the page says that it takes long.
const PAUSE_MS = 3000;
const part = document.getElementById("payment-state");
const waits = () => part?.querySelector("[data-confirming]");

async function ask() {
  const answer = await fetch(`${waits().dataset.confirming}&part=payment-state`);
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("payment-state");
  if (fresh && fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
}

async function again() {
  if (!waits()) return;
  // Away for a moment: the next try may be heard.
  await ask().catch(() => {});
  setTimeout(again, PAUSE_MS);
}

if (waits()) {
  history.replaceState(history.state, "", waits().dataset.confirming);
  setTimeout(again, PAUSE_MS);
}
