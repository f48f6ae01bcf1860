// What pages do better where scripts run; each of them works without.
"use strict";

// Copies the line beside a button.
// A browser lets scripts at the clipboard on secure pages only.
for (const button of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

// The changelog goes on by itself: events say that there is something, and the same page says what.
for (const live of document.querySelectorAll("[data-live]")) {
  const list = live.querySelector("ol");
  const said = live.querySelector("[role=status]");
  const button = live.querySelector("button");
  let serial = live.dataset.serial;
  let events, timer, again, count = 0, isLoading = false, isDue = false, isPaused = false;
  const load = async () => {
    const answer = await fetch(live.dataset.more + serial, { headers: { accept: "text/html" } });
    if (!answer.ok) { return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector("[data-serial]");
    const changes = [...found.querySelectorAll("ol > li")];
    changes.forEach((change) => change.classList.add("fresh"));
    list.prepend(...changes);
    [...list.children].slice(500).forEach((change) => change.remove());
    if (changes.length > 0) {
      live.querySelector("[data-nothing]")?.remove();
      count += changes.length;
      said.textContent = count === 1 ? "1 new change" : `${count} new changes`;
    }
    const isMore = found.dataset.serial !== serial && !found.hasAttribute("data-live");
    serial = found.dataset.serial;
    if (isMore) { await load(); }
  };
  // Many events at once are one look; what happens while one looks is looked for afterwards.
  const look = () => {
    isDue = true;
    if (isLoading || timer) { return; }
    timer = setTimeout(async () => {
      timer = undefined;
      isDue = false;
      isLoading = true;
      await load().catch(() => {});
      isLoading = false;
      if (isDue) { look(); }
    }, 300);
  };
  const stop = () => {
    clearTimeout(again);
    events?.close();
    events = undefined;
  };
  const start = () => {
    stop();
    if (isPaused || document.hidden) { return; }
    events = new EventSource(live.dataset.live + serial);
    events.onmessage = (event) => {
      if (!live.dataset.only || JSON.parse(event.data).index === live.dataset.only) { look(); }
    };
    // What is cut off comes back by itself, what is refused is tried again later.
    events.onerror = () => {
      if (events?.readyState === EventSource.CLOSED) {
        stop();
        again = setTimeout(start, 15000);
      }
    };
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? "Go on" : "Pause";
    said.textContent = isPaused ? "Paused" : "Live";
    start();
  });
  document.addEventListener("visibilitychange", start);
  said.textContent = "Live";
  start();
}

// Zooms diagrams: the picture keeps its view box and changes its size.
for (const diagram of document.querySelectorAll("[data-zoom]")) {
  const picture = diagram.querySelector("svg");
  const view = picture.parentElement;
  const { width, height } = picture.viewBox.baseVal;
  let scale = 1;
  const zoom = (to) => {
    scale = Math.min(4, Math.max(0.1, to));
    picture.setAttribute("width", width * scale);
    picture.setAttribute("height", height * scale);
  };
  for (const button of diagram.querySelectorAll("[data-zoom-by]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const by = button.dataset.zoomBy;
      zoom(by === "fit" ? Math.min(1, view.clientWidth / width) : scale * by);
    });
  }
  // A picture that is a little too wide is made to fit; of a large one the current index is shown.
  if (view.clientWidth / width > 0.7) zoom(Math.min(1, view.clientWidth / width));
  const current = picture.querySelector(".box.current") ?? picture.querySelector(".box");
  if (current) {
    const [box, place] = [current.getBoundingClientRect(), view.getBoundingClientRect()];
    view.scrollLeft += box.left + box.width / 2 - place.left - view.clientWidth / 2;
    view.scrollTop += box.top + box.height / 2 - place.top - view.clientHeight / 2;
  }
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
