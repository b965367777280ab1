// Parts of a page that are asked for anew: the server answers the named elements alone. Nothing moves under hands.

export async function partsAsk(address, ids, given = {}) {
  const asked = new URL(address, location.href);
  asked.hash = "";
  for (const id of ids) asked.searchParams.append("part", id);
  return fetch(asked, given);
}

export function partsRead(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

function isEdited(field) {
  if (field.options) {
    const options = [...field.options];
    const begun = Math.max(0, options.findLastIndex((option) => option.defaultSelected));
    return field.multiple ? options.some((one) => one.selected !== one.defaultSelected) : field.selectedIndex !== begun;
  }
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

// Somebody is in it with the keyboard, has marked some of it, has opened or filled in something, or reads what is wrong.
export function inUse(part) {
  const selection = getSelection();
  return (
    part.contains(document.activeElement) ||
    (!selection.isCollapsed && selection.containsNode(part, true)) ||
    part.querySelector("dialog[open], :popover-open, [aria-invalid=true]") !== null ||
    [...part.querySelectorAll("input, select, textarea")].some(isEdited)
  );
}

// Two forms differ in their secrets each time: they are the same part.
function said(part) {
  const copy = part.cloneNode(true);
  copy.querySelectorAll("[name=csrfmiddlewaretoken], [name=form_token], [name=once]").forEach((field) => field.remove());
  return copy.innerHTML;
}

export function isSame(part, fresh) {
  return said(part) === said(fresh);
}

export function partShow(part, fresh) {
  const scrolled = [...part.querySelectorAll("[role=region]")].map((region) => region.scrollLeft);
  for (const { name, value } of fresh.attributes) part.setAttribute(name, value);
  part.replaceChildren(...fresh.childNodes);
  part.querySelectorAll("[role=region]").forEach((region, at) => (region.scrollLeft = scrolled[at] ?? 0));
}
