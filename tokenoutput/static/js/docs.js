// Language tabs: one choice opens the same language in every group, and the server opens it first next time.
const KEPT_SECONDS = 365 * 24 * 3600;

// The contents scroll by themselves where they are longer than the window: what is open is in sight.
document.querySelector(".docs-nav [aria-current]")?.scrollIntoView({ block: "nearest" });

document.addEventListener("change", ({ target }) => {
  if (!target.matches("[data-tabs] input")) return;
  const top = target.getBoundingClientRect().top;
  for (const other of document.querySelectorAll(`[data-tabs] input[value="${target.value}"]`)) other.checked = true;
  // Blocks above may have changed their height: what is read stays where it is.
  scrollBy({ top: target.getBoundingClientRect().top - top, behavior: "instant" });
  if (!document.querySelector(`#picker-language option[value="${target.value}"]`)) return;
  document.querySelector("#picker-language").value = target.value;
  // To the quickstart, for strangers inside the sign-up's own query string.
  const start = document.querySelector("[data-start]");
  if (start) start.href = start.href.replace(/(language(?:=|%3D))[\w-]+/, `$1${target.value}`);
  document.cookie = `docs_language=${target.value}; path=/docs/; max-age=${KEPT_SECONDS}; samesite=lax`;
});
