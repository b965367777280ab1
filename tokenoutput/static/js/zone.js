// “My time” is what this device says it is; where that says nothing, the button leads to the page where it is chosen.
const button = document.querySelector("[data-zone-mine]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";

if (button && zone.includes("/") && !zone.startsWith("Etc/")) button.value = zone;
