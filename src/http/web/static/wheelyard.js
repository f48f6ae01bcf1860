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
  const current = picture.querySelector(".box.current");
  if (current) {
    const [box, place] = [current.getBoundingClientRect(), view.getBoundingClientRect()];
    view.scrollLeft += box.left + box.width / 2 - place.left - view.clientWidth / 2;
    view.scrollTop += box.top + box.height / 2 - place.top - view.clientHeight / 2;
  }
}
