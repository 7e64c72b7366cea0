// The tools. Each takes presses, moves and releases at places of the picture, from the pointer or from the keyboard,
// and makes an event of them. `flags` are {erase, straight, also}: Alt, and Shift for strokes and for objects.

import { app, emit, keep, on, setting } from "./bus.js";
import { commit, draw, redraw, undraw, view } from "./photo.js";
import { leave, rest } from "./preview.js";
import { t } from "./texts.js";

export const MAX_SIZE = 2000; // px
const EXACT = 16; // parts of a pixel: the server moves such places without rounding
const CLOSE = 8; // CSS px: so near to a polygon's first point closes it

export const brush = {
  size: setting("size", 40),
  fillOnRelease: setting("fillOnRelease", false),
  tolerance: setting("tolerance", 0.12),
  connected: setting("connected", true),
  mode: "add",
};

export function setBrush(name, value) {
  brush[name] = value;
  if (name !== "mode") keep(name, value);
  emit("tool");
}

export function resize(factor) {
  const size = brush.size * factor;
  const step = factor > 1 ? Math.max(Math.round(size), brush.size + 1) : Math.min(Math.round(size), brush.size - 1);
  setBrush("size", Math.min(Math.max(step, 1), MAX_SIZE));
}

const exact = ([x, y]) => [Math.round(x * EXACT) / EXACT, Math.round(y * EXACT) / EXACT];
const modeOf = (flags) => ((brush.mode === "erase") !== Boolean(flags.erase) ? "erase" : "add");
const inPicture = ([left, top, right, bottom]) => right >= -0.5 && bottom >= -0.5 && left < app.photo.width - 0.5 && top < app.photo.height - 0.5;

function bounds(points) {
  const x = points.map((point) => point[0]);
  const y = points.map((point) => point[1]);
  return [Math.min(...x), Math.min(...y), Math.max(...x), Math.max(...y)];
}

// Brush and eraser: a stroke of the places passed; with Shift straight from where the last one ended.
class Brush {
  constructor(mode) {
    this.mode = mode;
    this.cursor = "none";
    this.drags = true;
    this.live = null;
    this.end = null;
  }

  press(point, flags) {
    const mode = flags.erase ? (this.mode === "add" ? "erase" : "add") : this.mode;
    const first = exact(point);
    this.straight = flags.straight && this.end?.photo === app.photo.id;
    const points = this.straight ? [this.end.point, first] : [first];
    this.live = draw({ type: "stroke", layer: app.layer, mode, width: brush.size, points });
  }

  move(places, flags) {
    if (!this.live) return;
    const { points } = this.live.event;
    if (this.straight || flags.straight) {
      this.straight = true;
      points.splice(1, Infinity, exact(places.at(-1)));
      redraw(this.live);
      return;
    }
    const apart = Math.max(0.5 / view.scale, 1 / EXACT);
    for (const place of places.map(exact)) {
      const last = points.at(-1);
      if (Math.hypot(place[0] - last[0], place[1] - last[1]) >= apart) points.push(place);
    }
    view.request();
  }

  release() {
    const { live } = this;
    if (!live) return;
    this.live = null;
    const { event } = live;
    this.end = { photo: app.photo.id, point: event.points.at(-1) };
    const [left, top, right, bottom] = bounds(event.points);
    const reach = event.width / 2;
    if (!inPicture([left - reach, top - reach, right + reach, bottom + reach])) undraw(live);
    else if (brush.fillOnRelease && event.mode === "add" && event.layer === "mask") emit("fill", { event, live });
    else commit(event, { live });
  }

  cancel() {
    if (this.live) undraw(this.live);
    this.live = null;
  }
}

class Rectangle {
  cursor = "cross";
  drags = true;
  from = null;

  press(point, flags) {
    this.from = this.to = point;
    this.mode = modeOf(flags);
  }

  move(places) {
    if (this.from) this.to = places.at(-1);
    view.marksChanged();
  }

  box() {
    const { width, height } = app.photo;
    const clamp = (value, side) => Math.min(Math.max(Math.round(value), 0), side - 1);
    const [x0, x1] = [this.from[0], this.to[0]].map((x) => clamp(x, width)).sort((a, b) => a - b);
    const [y0, y1] = [this.from[1], this.to[1]].map((y) => clamp(y, height)).sort((a, b) => a - b);
    return [x0, y0, x1 - x0 + 1, y1 - y0 + 1];
  }

  release() {
    if (!this.from) return;
    const event = { type: "rect", layer: app.layer, mode: this.mode, box: this.box() };
    if (inPicture(bounds([this.from, this.to]))) commit(event, { live: draw(event) });
    this.cancel();
  }

  cancel() {
    this.from = null;
    view.marksChanged();
  }

  mark(context) {
    if (!this.from) return;
    const [left, top, width, height] = this.box();
    const [x0, y0] = view.toDevice([left - 0.5, top - 0.5]);
    const [x1, y1] = view.toDevice([left + width - 0.5, top + height - 0.5]);
    outline(context, [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], true);
  }
}

class Lasso {
  cursor = "cross";
  drags = true;
  points = null;

  press(point, flags) {
    this.points = [exact(point)];
    this.mode = modeOf(flags);
  }

  move(places) {
    if (!this.points) return;
    for (const place of places.map(exact)) {
      const last = this.points.at(-1);
      if (Math.hypot(place[0] - last[0], place[1] - last[1]) >= 1 / view.scale) this.points.push(place);
    }
    view.marksChanged();
  }

  release() {
    const points = this.points ?? [];
    this.cancel();
    finishPolygon(points, this.mode);
  }

  cancel() {
    this.points = null;
    view.marksChanged();
  }

  mark(context) {
    if (this.points) outline(context, this.points.map((point) => view.toDevice(point)), true);
  }
}

class Polygon {
  cursor = "cross";
  drags = false;
  points = [];
  hover = null;

  press(point, flags) {
    if (!this.points.length) this.mode = modeOf(flags);
    const isNear = (other) => other && Math.hypot(point[0] - other[0], point[1] - other[1]) * view.scale <= CLOSE * view.ratio;
    if (this.points.length >= 3 && isNear(this.points[0])) this.finish();
    else if (!isNear(this.points.at(-1))) this.points.push(exact(point));
    view.marksChanged();
  }

  move(places) {
    this.hover = places.at(-1);
    if (this.points.length) view.marksChanged();
  }

  release() {}

  finish() {
    const { points } = this;
    if (points.length < 3) return;
    this.cancel();
    finishPolygon(points, this.mode);
  }

  back() {
    this.points.pop();
    view.marksChanged();
    return true;
  }

  get busy() {
    return this.points.length > 0;
  }

  cancel() {
    this.points = [];
    view.marksChanged();
  }

  mark(context) {
    if (!this.points.length) return;
    const corners = this.points.map((point) => view.toDevice(point));
    outline(context, this.hover ? [...corners, view.toDevice(this.hover)] : corners, false);
    for (const corner of corners) dot(context, corner);
  }
}

function finishPolygon(points, mode) {
  if (points.length < 3 || !inPicture(bounds(points))) return;
  const event = { type: "polygon", layer: app.layer, mode, points };
  commit(event, { live: draw(event) });
}

// Wand: what has the colour of the place, as far as it is connected; the tolerance may be changed afterwards.
class Wand {
  cursor = "cross";
  drags = false;
  last = null;

  press(point, flags) {
    leave();
    const event = this.event(point, flags);
    if (event) this.send(event, false);
  }

  event(point, flags) {
    const place = point.map(Math.round);
    return inPicture(bounds([place])) ? { type: "wand", layer: app.layer, mode: modeOf(flags), point: place } : null;
  }

  asSet = (event) => ({ ...event, tolerance: brush.tolerance, connected: brush.connected });

  send(event, replaces) {
    this.last = { event, photo: app.photo.id, item: commit(this.asSet(event), { replaces }) };
  }

  // Select the same place again, as it is set now.
  again() {
    if (isLast(this.last)) this.send(this.last.event, true);
  }

  move(places, flags) {
    const event = this.event(places.at(-1), flags);
    rest(event && this.asSet(event));
  }

  release() {}
  cancel() {
    leave();
    this.last = null;
  }
}

// Click an object: a click selects it, Shift adds a place to it, Alt says what does not belong to it.
class ObjectTool {
  cursor = "cross";
  drags = false;
  last = null;

  press(point, flags) {
    leave();
    const event = this.event(point, flags);
    if (!event) return;
    this.last = { event, photo: app.photo.id, item: commit(event, { replaces: this.refines(flags) }) };
    emit("say", t("selecting"));
  }

  refines = (flags) => Boolean(flags.also || flags.erase) && isLast(this.last);

  event(point, flags) {
    const place = point.map(Math.round);
    if (!inPicture(bounds([place]))) return null;
    return this.refines(flags)
      ? { ...this.last.event, points: [...this.last.event.points, [...place, flags.erase ? 0 : 1]] }
      : { type: "object", layer: app.layer, mode: modeOf(flags), points: [[...place, 1]], box: null };
  }

  move(places, flags) {
    rest(this.event(places.at(-1), flags));
  }

  release() {}
  cancel() {
    leave();
    this.last = null;
    view.marksChanged();
  }

  mark(context) {
    if (!isLast(this.last)) return;
    for (const [x, y, belongs] of this.last.event.points) dot(context, view.toDevice([x, y]), belongs ? "#fff" : "#000");
  }
}

let lastItem = null;
let lastCursor = null;
on("sent", ({ item, changes }) => {
  lastItem = item;
  lastCursor = changes.at(-1)?.cursor ?? null;
});

// Whether what a tool selected is still the last thing that was done to this photo, so that it can be replaced.
const isLast = (selected) =>
  selected !== null && selected.photo === app.photo?.id && selected.item === lastItem && app.photo.cursor === lastCursor;

// Accept or drop the pieces that were found.
class Pieces {
  cursor = "point";
  drags = false;
  press(point) {
    const place = point.map(Math.round);
    if (app.find && inPicture(bounds([place]))) emit("toggle-piece", place);
  }
  move() {}
  release() {}
  cancel() {}
}

// Take the colour to find from the photo.
class Pick extends Pieces {
  cursor = "cross";
  press(point) {
    const place = point.map(Math.round);
    if (inPicture(bounds([place]))) emit("picked", place);
  }
}

class Pan {
  cursor = "pan";
  drags = false;
  pans = true;
  press() {}
  move() {}
  release() {}
  cancel() {}
}

export const tools = {
  brush: new Brush("add"),
  eraser: new Brush("erase"),
  rectangle: new Rectangle(),
  polygon: new Polygon(),
  lasso: new Lasso(),
  wand: new Wand(),
  object: new ObjectTool(),
  hand: new Pan(),
  pieces: new Pieces(),
  pick: new Pick(),
};

export const state = { name: "brush" };
export const tool = () => tools[state.name];

export function chooseTool(name) {
  if (state.name === name) return;
  tool().cancel();
  state.name = name;
  emit("tool");
  view.marksChanged();
}

view.marks.push((context) => tool().mark?.(context));

// A line that is seen on any photo: white over black.
export function outline(context, points, closed) {
  for (const [style, dash] of [["#000", []], ["#fff", [5 * view.ratio, 4 * view.ratio]]]) {
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo(x, y));
    if (closed) context.closePath();
    context.lineWidth = 1.25 * view.ratio;
    context.strokeStyle = style;
    context.setLineDash(dash);
    context.stroke();
  }
  context.setLineDash([]);
}

export function dot(context, [x, y], fill = "#fff") {
  context.beginPath();
  context.arc(x, y, 4 * view.ratio, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  context.lineWidth = 1.5 * view.ratio;
  context.strokeStyle = fill === "#fff" ? "#000" : "#fff";
  context.stroke();
}
