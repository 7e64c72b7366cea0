// What a click with the wand or on an object would select, shown when the pointer rests. The server works on one place
// at a time; a place that the pointer has left is given up.

import { image, selected } from "./api.js";
import { app, on } from "./bus.js";
import { colourOf, view } from "./photo.js";

const REST = 250; // ms
const OPACITY = 0.35;

let timer = 0;
let asking = null; // AbortController
let shown = null; // {image, box, photo}

// The pointer is at a place: what `event` gives may be shown when it stays there.
export function rest(event) {
  leave();
  if (event) timer = setTimeout(() => ask(event), REST);
}

export function leave() {
  clearTimeout(timer);
  asking?.abort();
  asking = null;
  if (!shown) return;
  shown.image.close();
  shown = null;
  view.marksChanged();
}

export const isShown = () => shown !== null;

async function ask(event) {
  const { photo } = app;
  const mine = (asking = new AbortController());
  try {
    const answer = await selected(photo.id, { ...event, level: view.level() }, mine.signal);
    const tinted = await tint(await image(answer.data), event);
    if (asking !== mine || app.photo !== photo) return;
    shown = { image: tinted, box: answer.box };
    view.marksChanged();
  } catch {
    // it is only a preview: a click says what is wrong
  }
}

async function tint(white, { layer, mode }) {
  const canvas = new OffscreenCanvas(white.width, white.height);
  const context = canvas.getContext("2d");
  context.drawImage(white, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = mode === "erase" ? "#fff" : colourOf(layer);
  context.fillRect(0, 0, white.width, white.height);
  white.close();
  return canvas.transferToImageBitmap();
}

view.marks.push((context) => {
  if (!shown) return;
  const [left, top, width, height] = shown.box;
  const [x0, y0] = view.toDevice([left - 0.5, top - 0.5]);
  const [x1, y1] = view.toDevice([left + width - 0.5, top + height - 0.5]);
  context.save();
  context.globalAlpha = OPACITY;
  context.imageSmoothingEnabled = false;
  context.drawImage(shown.image, x0, y0, x1 - x0, y1 - y0);
  context.restore();
});

for (const name of ["photo", "changed", "tool"]) on(name, leave);
