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

// Uploads files one by one, dropped or chosen, and tells of each how far it is.
for (const form of document.querySelectorAll("[data-upload]")) {
  const input = form.querySelector("input[type=file]");
  const list = document.querySelector("[data-uploads]");
  const token = form.querySelector("[name=csrf_token]").value;
  let last = Promise.resolve();

  const send = (file) => new Promise((resolve) => {
    const line = document.createElement("li");
    const name = line.appendChild(document.createElement("span"));
    const outcome = line.appendChild(document.createElement("span"));
    const progress = outcome.appendChild(document.createElement("progress"));
    name.className = "name";
    outcome.className = "outcome";
    name.textContent = file.name;
    progress.max = 1;
    progress.value = 0;
    progress.setAttribute("aria-label", `Upload of ${file.name}`);
    list.append(line);
    const end = (good, message, path) => {
      line.className = good ? "done" : "refused";
      outcome.textContent = message;
      if (path) {
        const link = document.createElement("a");
        link.href = form.getAttribute("action").replace(/(\/[^/]+){3}$/, "") + path;
        link.textContent = file.name;
        name.replaceChildren(link);
      }
      resolve();
    };
    const body = new FormData();
    body.append("content", file);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", token);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress.value = event.loaded / event.total;
    });
    request.addEventListener("load", () => {
      try {
        const answer = JSON.parse(request.responseText);
        const told = answer.result ? answer.result[0] : answer;
        end(request.status === 200, told.message, told.path);
      } catch {
        end(false, `the server answered ${request.status}`);
      }
    });
    request.addEventListener("error", () => end(false, "the server could not be reached"));
    request.send(body);
  });
  const sendAll = (files) => {
    for (const file of files) last = last.then(() => send(file));
  };

  form.querySelector("[data-drop-hint]").hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sendAll([...input.files]);
    form.reset();
  });
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    sendAll([...event.dataTransfer.files]);
  });
}
