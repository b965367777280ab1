// A form that changes something is sent once: a second press while the answer is on its way does nothing.
// The server stays right without this; it only spares the visitor a second answer.
const RELEASED_MS = 8000;
const sent = new Set();

function release(form) {
  sent.delete(form);
  form.removeAttribute("aria-busy");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (sent.has(form)) {
    event.preventDefault();
    return;
  }
  sent.add(form);
  form.setAttribute("aria-busy", "true");
  setTimeout(() => release(form), RELEASED_MS);
});

// The page as it was kept for “back” has forms that were sent.
window.addEventListener("pageshow", () => [...sent].forEach(release));
