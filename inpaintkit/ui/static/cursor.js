// Painting from the keyboard: a cursor that the arrow keys move over the photo, and Enter to press and to release there.

import { app, el, on } from "./bus.js";
import { say } from "./messages.js";
import { view } from "./photo.js";
import { hideRing } from "./pointers.js";
import { brush, outline, state, tool } from "./tools.js";
import { t } from "./texts.js";

const STEP = 16; // CSS px
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let at = null; // [x, y] in the picture
let down = false;

export function arrow(event) {
  const direction = ARROWS[event.key];
  if (!direction || !app.photo || view.panels) return false;
  if (event.ctrlKey) {
    view.pan(-direction[0] * 4 * STEP, -direction[1] * 4 * STEP);
    return true;
  }
  if (at === null) at = view.centre.map((side) => Math.round(side));
  else {
    const step = event.shiftKey ? 1 : Math.max(Math.round((STEP * view.ratio) / view.scale), 1);
    const limits = [app.photo.width - 1, app.photo.height - 1];
    at = at.map((side, axis) => Math.min(Math.max(Math.round(side) + direction[axis] * step, 0), limits[axis]));
  }
  hideRing();
  view.reveal(at);
  if (down || !tool().drags) tool().move([at], flagsOf(event));
  view.marksChanged();
  sayPlace();
  return true;
}

const flagsOf = (event) => ({ erase: event.altKey, straight: event.shiftKey && !event.key.startsWith("Arrow"), also: event.shiftKey });

export function press(event) {
  if (!app.photo || at === null || view.panels) return false;
  if (down) {
    tool().release();
    down = false;
    say(t("cursor_up"));
  } else {
    tool().press(at, flagsOf(event));
    if (tool().drags) {
      down = true;
      say(t("cursor_down", { x: at[0], y: at[1] }));
    } else {
      tool().release();
      say(t("cursor_point", { x: at[0], y: at[1] }));
    }
  }
  view.marksChanged();
  return true;
}

// Give up what is being drawn, and then the cursor itself.
export function leave() {
  const busy = down || tool().busy;
  down = false;
  tool().cancel();
  if (!busy) at = null;
  view.marksChanged();
}

let timer = 0;
function sayPlace() {
  clearTimeout(timer);
  timer = setTimeout(() => at && say(t("cursor_at", { x: at[0], y: at[1] })), 400);
}

view.marks.push((context) => {
  if (!at || !app.photo) return;
  const [x, y] = view.toDevice(at);
  const arm = 12 * view.ratio;
  outline(context, [[x - arm, y], [x + arm, y]], false);
  outline(context, [[x, y - arm], [x, y + arm]], false);
  if (!["brush", "eraser"].includes(state.name)) return;
  const side = (brush.size * view.scale) / 2;
  const round = Array.from({ length: 48 }, (_, index) => [x + side * Math.cos((index * Math.PI) / 24), y + side * Math.sin((index * Math.PI) / 24)]);
  outline(context, round, true);
});

// The pointer takes over.
el("stage").addEventListener("pointerdown", () => {
  if (down) tool().cancel();
  down = false;
  at = null;
  view.marksChanged();
});
on("photo", () => {
  at = null;
  down = false;
});
on("tool", () => {
  down = false;
  view.marksChanged();
});
