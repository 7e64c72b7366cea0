// Before and after: a divider to draw over the photo, and the photo as it was opened while a key is held.

import { app, el, emit, on } from "./bus.js";
import { view } from "./photo.js";

const divider = el("divider");
const STEP = 0.02; // of the width for an arrow key

export function setSplit(value) {
  view.split = value === null ? null : Math.min(Math.max(value, 0), 1);
  divider.hidden = view.split === null || !app.photo;
  el("split").setAttribute("aria-pressed", view.split !== null);
  if (view.split !== null) {
    divider.style.left = `${view.split * 100}%`;
    divider.setAttribute("aria-valuenow", Math.round(view.split * 100));
    divider.setAttribute("aria-valuetext", `${Math.round(view.split * 100)} %`);
  }
  view.changed();
}

export function toggleSplit() {
  setSplit(view.split === null ? 0.5 : null);
  if (view.split !== null) divider.focus({ preventScroll: true });
}

export function setBefore(shown) {
  if (view.before === shown) return;
  view.before = shown;
  el("before").setAttribute("aria-pressed", shown);
  view.changed();
}

export function toggleMask() {
  view.showMask = !view.showMask;
  el("show-mask").setAttribute("aria-pressed", view.showMask);
  view.changed();
}

divider.addEventListener("pointerdown", (event) => {
  divider.setPointerCapture(event.pointerId);
  event.stopPropagation();
});
divider.addEventListener("pointermove", (event) => {
  if (!divider.hasPointerCapture(event.pointerId)) return;
  const box = el("stage").getBoundingClientRect();
  setSplit((event.clientX - box.left) / box.width);
});
divider.addEventListener("keydown", (event) => {
  const to = { ArrowLeft: view.split - STEP, ArrowDown: view.split - STEP, ArrowRight: view.split + STEP, ArrowUp: view.split + STEP, Home: 0, End: 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  setSplit(to);
});

// The button works as the key does: pressed, the photo is as it was; a click from the keyboard turns it over.
const before = el("before");
before.addEventListener("pointerdown", () => setBefore(true));
for (const kind of ["pointerup", "pointercancel", "pointerleave"]) before.addEventListener(kind, () => setBefore(false));
before.addEventListener("click", (event) => {
  if (event.detail === 0) setBefore(!view.before);
});
el("split").addEventListener("click", toggleSplit);
el("show-mask").addEventListener("click", toggleMask);

el("zoom-in").addEventListener("click", () => view.zoomTo(view.scale * 1.5));
el("zoom-out").addEventListener("click", () => view.zoomTo(view.scale / 1.5));
el("zoom").addEventListener("click", () => view.zoomTo(1));
el("zoom-fit").addEventListener("click", () => view.fit());
on("view", () => {
  const percent = 100 * view.scale;
  el("zoom").textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
  emit("cursor");
});
on("photo", () => setSplit(null));
