// The quickstart without leaving its page: one press makes one key, and the request runs beside the command.
for (const form of document.querySelectorAll("[data-once]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    setTimeout(() => (button.disabled = true));
  });
}

const form = document.querySelector("[data-run]");
const place = document.getElementById("trial");

async function run(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  const label = button.textContent;
  button.disabled = true;
  button.textContent = form.dataset.running;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    place.replaceChildren(...page.getElementById("trial").childNodes);
  } catch {
    place.textContent = form.dataset.failed;
  }
  button.disabled = false;
  button.textContent = label;
}

form?.addEventListener("submit", run);
