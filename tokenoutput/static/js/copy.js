// Copy buttons: `data-copy` names the element whose text is copied; the result is said in words, politely.
const SHOWN_MS = 2000;
const status = document.querySelector("[data-copy-status]");

async function copy(button) {
  const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
  const label = button.querySelector("[data-copy-label]");
  let said = button.dataset.copied;
  try {
    await navigator.clipboard.writeText(text.trim());
  } catch {
    said = button.dataset.failed;
  }
  status.textContent = said;
  if (!label) return;
  label.dataset.before ??= label.textContent;
  label.textContent = said;
  setTimeout(() => (label.textContent = label.dataset.before), SHOWN_MS);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
