// What pages do better where scripts run; each of them works without.
"use strict";

// Copies the line beside a button.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

// Shows what came of a message that a webhook was sent just now.
if (new URLSearchParams(location.search).get("done") === "webhook-sent") {
  setTimeout(() => { location.replace(location.pathname); }, 2000);
}
