// Single keys: “g” and a letter lead to a page, “/” to the search, “?” lists them. Switched off, this is never loaded.
const TOGETHER_MS = 1500;
const help = document.getElementById("shortcuts-help");
let began = -TOGETHER_MS;

function isForSomethingElse(event) {
  const typing = event.target.closest?.("input, select, textarea, [contenteditable]");
  const held = event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing;
  return typing || held || event.defaultPrevented || document.querySelector("dialog[open], :popover-open");
}

function search() {
  const field = document.querySelector('main input[name="q"]');
  field?.focus();
  field?.select();
  return field;
}

function show() {
  help.showModal(); // The browser gives the focus back when it is closed.
  return help;
}

// Whether the key did something here.
function act(key, { together }) {
  const link = together && document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  if (link) location.assign(link.href);
  return link || (key === "/" && search()) || (key === "?" && show());
}

document.addEventListener("keydown", (event) => {
  if (isForSomethingElse(event)) return;
  const together = event.timeStamp - began < TOGETHER_MS;
  began = event.key === "g" ? event.timeStamp : -TOGETHER_MS;
  if (act(event.key, { together })) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-shortcuts]");
  if (!button) return;
  button.closest("[popover]").hidePopover();
  show();
});
