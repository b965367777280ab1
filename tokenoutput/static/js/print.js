// Print buttons: what the browser's own menu does, where a person looks for it.

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) {
    window.print();
  }
});
