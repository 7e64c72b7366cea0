// Mouse, pen and fingers on the stage: one finger or the pen paints, two fingers move and zoom, the wheel zooms.

import { app, el, emit } from "./bus.js";
import { view } from "./photo.js";
import { leave } from "./preview.js";
import { brush, resize, state, tool } from "./tools.js";

const stage = el("stage");
const ring = el("ring");
const WHEEL = 1 / 400; // of a doubling for a pixel of the wheel
const NOTCH = 60; // px of the wheel for a step of the brush
const ERASER_BUTTON = 32; // a pen turned round

const fingers = new Map();
let drag = null; // {id, kind: "tool" | "pan", at, pen}
let pinch = null; // {distance, middle}
let turned = 0;
export const held = { space: false };

const flagsOf = (event) => ({
  erase: event.altKey || (event.buttons & ERASER_BUTTON) !== 0,
  straight: event.shiftKey,
  also: event.shiftKey,
});

const place = (event) => view.toPicture(event.clientX, event.clientY);
const isStage = (event) => event.target === stage || event.target.tagName === "CANVAS" || event.target.id === "ring";

export function cursor() {
  const kind = drag?.kind === "pan" ? "panning" : held.space || tool().pans ? "pan" : view.panels ? "point" : tool().cursor;
  for (const name of ["none", "cross", "pan", "panning", "point"]) stage.classList.toggle(name, name === kind && app.photo !== null);
  ring.hidden = kind !== "none" || !app.photo || !ring.dataset.at;
  ring.classList.toggle("erase", state.name === "eraser");
  if (ring.hidden) return;
  const [x, y] = ring.dataset.at.split(",").map(Number);
  const side = Math.max((brush.size * view.scale) / view.ratio, 3);
  ring.style.width = ring.style.height = `${side}px`;
  ring.style.transform = `translate(${x - side / 2}px, ${y - side / 2}px)`;
}

export function ringAt(clientX, clientY) {
  const box = stage.getBoundingClientRect();
  ring.dataset.at = `${clientX - box.left},${clientY - box.top}`;
  cursor();
}

stage.addEventListener("pointerdown", (event) => {
  if (!app.photo || !isStage(event)) return;
  stage.focus({ preventScroll: true });
  if (event.pointerType === "touch") {
    if (drag?.pen) return; // a hand that rests on the screen
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      if (drag?.kind === "tool") tool().cancel();
      drag = null;
      pinch = measure();
      return;
    }
    if (fingers.size > 2) return;
  }
  stage.setPointerCapture(event.pointerId);
  if (event.button === 1 || held.space || tool().pans) drag = { id: event.pointerId, kind: "pan", at: [event.clientX, event.clientY] };
  else if (event.button === 0 || event.button === 5) {
    if (view.panels) emit("panel", view.panelAt(event.clientX, event.clientY));
    else {
      drag = { id: event.pointerId, kind: "tool", pen: event.pointerType === "pen" };
      tool().press(place(event), flagsOf(event));
    }
  }
  event.preventDefault();
  cursor();
});

stage.addEventListener("pointermove", (event) => {
  if (!app.photo) return;
  if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event);
  if (pinch && fingers.size === 2) {
    const now = measure();
    view.zoomTo((view.scale * now.distance) / pinch.distance, ...now.middle);
    view.pan(now.middle[0] - pinch.middle[0], now.middle[1] - pinch.middle[1]);
    pinch = now;
    return;
  }
  if (event.pointerType !== "touch") ringAt(event.clientX, event.clientY);
  if (drag?.id === event.pointerId && drag.kind === "pan") {
    view.pan(event.clientX - drag.at[0], event.clientY - drag.at[1]);
    drag.at = [event.clientX, event.clientY];
  } else if (!view.panels && (drag?.id === event.pointerId || !tool().drags)) {
    const passed = drag ? (event.getCoalescedEvents?.() ?? []) : [];
    tool().move((passed.length ? passed : [event]).map(place), flagsOf(event));
  }
});

function measure() {
  const [one, other] = [...fingers.values()];
  return {
    distance: Math.max(Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY), 1),
    middle: [(one.clientX + other.clientX) / 2, (one.clientY + other.clientY) / 2],
  };
}

function release(event, how) {
  fingers.delete(event.pointerId);
  if (fingers.size < 2) pinch = null;
  if (drag?.id !== event.pointerId) return;
  if (drag.kind === "tool") tool()[how]();
  drag = null;
  cursor();
}

stage.addEventListener("pointerup", (event) => release(event, "release"));
stage.addEventListener("pointercancel", (event) => release(event, "cancel"));
stage.addEventListener("dblclick", (event) => {
  if (app.photo && isStage(event)) tool().finish?.();
});
stage.addEventListener("pointerleave", () => {
  hideRing();
  leave();
});

export function hideRing() {
  delete ring.dataset.at;
  cursor();
}

// The wheel zooms to the pointer, also with Ctrl, as a touch pad's pinch comes; with Shift it is the brush's size.
stage.addEventListener(
  "wheel",
  (event) => {
    if (!app.photo) return;
    event.preventDefault();
    const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 32 : 1;
    const by = (event.deltaY || event.deltaX) * unit;
    if (event.shiftKey) {
      turned += by;
      for (; Math.abs(turned) >= NOTCH; turned -= Math.sign(turned) * NOTCH) resize(turned < 0 ? 1.12 : 1 / 1.12);
    } else view.zoomTo(view.scale * 2 ** (-by * WHEEL * (event.ctrlKey ? 3 : 1)), event.clientX, event.clientY);
    cursor();
  },
  { passive: false },
);
