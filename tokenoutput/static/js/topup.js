// The billing page while amounts are typed: what is paid and what the worst month is, in figures. Without this the page
// says the same in words, and an amount is chosen by a link.
const DOLLARS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

function cents(field) {
  const typed = (field?.value ?? "").trim().replace(/^\$/, "").replaceAll(",", "");
  return /^\d{1,7}(\.\d{1,2})?$/.test(typed) ? Math.round(Number(typed) * 100) : 0;
}

const dollars = (amount) => DOLLARS.format(amount / 100);

function amounts(form) {
  for (const place of form.querySelectorAll("[data-amount-of]")) {
    place.dataset.words ??= place.textContent;
    const amount = cents(form.elements[place.dataset.amountOf]);
    place.textContent = amount ? dollars(amount) : place.dataset.words;
  }
}

function worst(form) {
  const place = form.querySelector("[data-worst]");
  if (!place) return;
  const amount = cents(form.elements.topup_usd);
  const times = amount ? Math.floor(cents(form.elements.monthly_cap_usd) / amount) : 0;
  const figures = { amount: dollars(amount), times, total: dollars(times * amount) };
  const { worst: often, worstOnce: once, worstBad: never } = place.dataset;
  const words = times > 1 ? often : times ? once : never;
  place.textContent = words.replace(/\{(\w+)\}/g, (_, name) => figures[name]);
}

function follow(form) {
  amounts(form);
  worst(form);
}

document.addEventListener("input", (event) => event.target.form && follow(event.target.form));
document.addEventListener("click", (event) => {
  const preset = event.target.closest("a[data-amount]");
  if (!preset) return;
  event.preventDefault();
  const form = preset.closest("form");
  form.elements.amount_usd.value = preset.dataset.amount;
  amounts(form);
});
document.querySelectorAll("form").forEach(follow);
