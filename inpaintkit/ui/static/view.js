// The photo on the screen: where it lies, how large, and which tiles are seen. It is drawn only when something changed.
//
// Places in the picture count as on the server: a pixel's centre is at whole x and y, so that the picture's left edge is
// x = -0.5. `scale` is device pixels for a picture's pixel: at 1 and above pixels are shown as they are, unsmoothed.

import { Tiles, SIDE, overlaps } from "./tiles.js";
import { Overlay } from "./overlay.js";
import { emit, make, on } from "./bus.js";

const MAX_SCALE = 64;
const MARGIN = 24; // CSS pixels around a fitted picture
const CHECK = 8; // device pixels, squares behind transparency

export class View {
  constructor(stage) {
    this.stage = stage;
    this.photo = null;
    this.tiles = null;
    this.which = "now";
    this.panels = null; // [{which, label}] for several side by side
    this.split = null; // 0 to 1 of the width, the picture as opened left of it
    this.before = false; // only the picture as opened, while a key is held
    this.showMask = true;
    this.scale = 1;
    this.centre = [0, 0]; // of the view, from the picture's upper left corner
    this.fitted = true;
    this.size = [1, 1]; // device pixels
    this.canvas = stage.appendChild(make("canvas", { class: "picture" }));
    this.overlays = new Map();
    this.notes = new Overlay(this, stage, null); // what is found, expected errors
    this.notes.canvas.classList.add("notes");
    this.marksCanvas = stage.appendChild(make("canvas", { class: "marks" }));
    this.marks = []; // functions (context, view) that draw lines above all
    this.dirty = { picture: true, marks: true };
    this.frame = 0;
    on("tile", (tile) => this.tileCame(tile));
    new ResizeObserver((entries) => this.resize(entries[0])).observe(stage);
  }

  get ratio() {
    return window.devicePixelRatio || 1;
  }

  open(photo) {
    this.tiles?.close();
    this.photo = photo;
    this.tiles = photo && new Tiles(photo);
    this.which = "now";
    this.panels = null;
    this.notes.which = null;
    for (const overlay of this.overlays.values()) overlay.canvas.remove();
    this.overlays.clear();
    this.fitted = true;
    this.fit();
  }

  overlay(layer, colour) {
    let found = this.overlays.get(layer);
    if (!found) {
      found = new Overlay(this, this.stage, layer);
      this.overlays.set(layer, found);
      this.stage.insertBefore(found.canvas, this.notes.canvas);
    }
    if (colour) found.colour = colour;
    return found;
  }

  resize(entry) {
    const exact = entry.devicePixelContentBoxSize?.[0];
    const box = entry.contentRect;
    this.size = exact ? [exact.inlineSize, exact.blockSize] : [box.width, box.height].map((side) => Math.round(side * this.ratio));
    if (this.fitted) this.fit();
    this.changed();
  }

  // Everything is drawn again in the next frame.
  changed() {
    this.dirty.picture = true;
    this.dirty.marks = true;
    this.notes.dirty = true;
    for (const overlay of this.overlays.values()) overlay.dirty = true;
    this.request();
  }

  marksChanged() {
    this.dirty.marks = true;
    this.request();
  }

  request() {
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  tileCame(tile) {
    if (tile.which === this.notes.which) this.notes.dirty = true;
    else if (this.overlays.has(tile.which)) this.overlays.get(tile.which).dirty = true;
    else this.dirty.picture = true;
    this.request();
  }

  // ---- where it lies

  panelRects() {
    const [width, height] = this.size;
    const count = this.panels?.length ?? 1;
    const room = (columns) => Math.min(width / columns / this.photo.width, height / Math.ceil(count / columns) / this.photo.height);
    const columns = Array.from({ length: count }, (_, index) => index + 1);
    const across = count > 1 ? columns.reduce((best, each) => (room(each) > room(best) ? each : best)) : 1;
    const down = Math.ceil(count / across);
    return Array.from({ length: count }, (_, index) => {
      const left = Math.round(((index % across) * width) / across);
      const top = Math.round((Math.floor(index / across) * height) / down);
      return [left, top, Math.round(width / across) - (across > 1 ? 2 : 0), Math.round(height / down) - (down > 1 ? 2 : 0)];
    });
  }

  origin([left, top, width, height] = this.panelRects()[0]) {
    return [
      Math.round(left + width / 2 - this.centre[0] * this.scale),
      Math.round(top + height / 2 - this.centre[1] * this.scale),
    ];
  }

  // Device pixels of the stage for a place of the window.
  device(clientX, clientY) {
    const box = this.stage.getBoundingClientRect();
    return [(clientX - box.left) * (this.size[0] / box.width), (clientY - box.top) * (this.size[1] / box.height)];
  }

  panelAt(clientX, clientY) {
    const [x, y] = this.device(clientX, clientY);
    const index = this.panelRects().findIndex(([l, t, w, h]) => x >= l && y >= t && x < l + w + 2 && y < t + h + 2);
    return Math.max(index, 0);
  }

  toPicture(clientX, clientY) {
    const [x, y] = this.device(clientX, clientY);
    const [left, top] = this.origin(this.panelRects()[this.panelAt(clientX, clientY)]);
    return [(x - left) / this.scale - 0.5, (y - top) / this.scale - 0.5];
  }

  toDevice([x, y]) {
    const [left, top] = this.origin();
    return [left + (x + 0.5) * this.scale, top + (y + 0.5) * this.scale];
  }

  toClient(point) {
    const box = this.stage.getBoundingClientRect();
    const [x, y] = this.toDevice(point);
    return [box.left + x / (this.size[0] / box.width), box.top + y / (this.size[1] / box.height)];
  }

  fitScale() {
    const [, , width, height] = this.panelRects()[0];
    const margin = (this.panels ? 4 : MARGIN) * this.ratio;
    const room = [width - 2 * margin, height - 2 * margin];
    return Math.min(room[0] / this.photo.width, room[1] / this.photo.height);
  }

  fit() {
    if (!this.photo) return;
    this.fitted = true;
    this.centre = [this.photo.width / 2, this.photo.height / 2];
    const scale = this.fitScale() / this.ratio;
    this.scale = Math.max(scale > 1 ? Math.floor(scale) : scale, 1 / 512) * this.ratio; // whole pixels where it is enlarged
    this.moved();
  }

  // Zoom so that the place of the picture under the pointer stays there.
  zoomTo(scale, clientX, clientY) {
    if (!this.photo) return;
    const box = this.stage.getBoundingClientRect();
    const rect = this.panelRects()[this.panelAt(clientX ?? box.left, clientY ?? box.top)];
    const middle = [rect[0] + rect[2] / 2, rect[1] + rect[3] / 2];
    const [x, y] = clientX === undefined ? middle : this.device(clientX, clientY);
    const [left, top] = this.origin(rect);
    const place = [(x - left) / this.scale, (y - top) / this.scale];
    this.scale = Math.min(Math.max(scale, Math.min(this.fitScale(), 1) / 4), MAX_SCALE);
    this.centre = [place[0] - (x - middle[0]) / this.scale, place[1] - (y - middle[1]) / this.scale];
    this.fitted = false;
    this.moved();
  }

  pan(x, y) {
    this.centre = [this.centre[0] - (x * this.ratio) / this.scale, this.centre[1] - (y * this.ratio) / this.scale];
    this.fitted = false;
    this.moved();
  }

  // Move only as far as it takes to see a place.
  reveal(point) {
    const [x, y] = this.toDevice(point);
    const edge = 40 * this.ratio;
    const across = Math.min(x - edge, 0) + Math.max(x + edge - this.size[0], 0);
    const down = Math.min(y - edge, 0) + Math.max(y + edge - this.size[1], 0);
    if (across || down) this.pan(-across / this.ratio, -down / this.ratio);
  }

  // What the window shows of the photo: left, top, width, height in whole pixels; null for nothing.
  visibleBox() {
    const rect = this.panelRects()[0];
    const [x, y] = this.origin(rect);
    const edges = (from, start, length, whole) => [
      Math.max(Math.floor((start - from) / this.scale), 0),
      Math.min(Math.ceil((start + length - from) / this.scale), whole),
    ];
    const [left, right] = edges(x, rect[0], rect[2], this.photo.width);
    const [top, bottom] = edges(y, rect[1], rect[3], this.photo.height);
    return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
  }

  showBox([left, top, width, height]) {
    const scale = Math.min(this.size[0] / (width * 4), this.size[1] / (height * 4), 4 * this.ratio);
    this.scale = Math.max(Math.min(scale, MAX_SCALE), this.fitScale());
    this.centre = [left + width / 2, top + height / 2];
    this.fitted = false;
    this.moved();
  }

  moved() {
    const { width, height } = this.photo;
    this.centre = [Math.min(Math.max(this.centre[0], 0), width), Math.min(Math.max(this.centre[1], 0), height)];
    this.changed();
    emit("view", this);
  }

  // ---- what is seen

  level() {
    return Math.min(Math.max(Math.floor(Math.log2(1 / this.scale) + 1e-9), 0), this.tiles.levels - 1);
  }

  visibleTiles(which, rect) {
    const side = SIDE * 2 ** this.level();
    const [left, top] = this.origin(rect);
    const seen = [
      Math.max(Math.floor((rect[0] - left) / this.scale / side), 0),
      Math.max(Math.floor((rect[1] - top) / this.scale / side), 0),
      Math.min(Math.floor((rect[0] + rect[2] - left) / this.scale), this.photo.width - 1) / side,
      Math.min(Math.floor((rect[1] + rect[3] - top) / this.scale), this.photo.height - 1) / side,
    ];
    const tiles = [];
    for (let row = seen[1]; row <= seen[3]; row += 1) {
      for (let column = seen[0]; column <= seen[2]; column += 1) tiles.push(this.tiles.tile(which, this.level(), column, row));
    }
    return tiles;
  }

  // Whether everything seen of a box shows a revision.
  shows(which, box, revision) {
    return this.visibleTiles(which, this.panelRects()[0]).every((tile) => tile.has >= revision || !overlaps(tile.box, box));
  }

  draw() {
    this.frame = 0;
    const wanted = [];
    const overlays = [...this.overlays.values()];
    if (this.dirty.picture) this.drawPicture(wanted);
    else if (this.photo) wanted.push(...this.parts().flatMap(({ which, rect }) => this.visibleTiles(which, rect)));
    const plain = this.photo && !this.panels && !this.before;
    for (const overlay of overlays) {
      const shown = plain && this.which === "now" && (this.showMask || overlay.layer !== "mask");
      if (shown) wanted.push(...overlay.draw());
      overlay.canvas.hidden = !shown;
    }
    this.notes.canvas.hidden = !plain || !this.notes.which;
    if (!this.notes.canvas.hidden) wanted.push(...this.notes.draw());
    this.tiles?.want(wanted);
    if (this.dirty.marks) {
      const context = this.cleared(this.marksCanvas);
      for (const mark of this.marks) mark(context, this);
    }
    this.dirty = { picture: false, marks: false };
  }

  // The pieces of the stage and what each shows: [{which, rect, clip}]
  parts() {
    const rects = this.panelRects();
    if (this.panels) return this.panels.map(({ which }, index) => ({ which: this.before ? "before" : which, rect: rects[index], clip: rects[index] }));
    const rect = rects[0];
    if (this.before) return [{ which: "before", rect, clip: rect }];
    if (this.split === null) return [{ which: this.which, rect, clip: rect }];
    const at = Math.round(this.split * rect[2]);
    return [
      { which: this.which, rect, clip: [at, 0, rect[2] - at, rect[3]] },
      { which: "before", rect, clip: [0, 0, at, rect[3]] },
    ];
  }

  drawPicture(wanted) {
    const context = this.cleared(this.canvas);
    if (!this.photo) return;
    for (const { which, rect, clip } of this.parts()) {
      const [left, top] = this.origin(rect);
      const picture = [left, top, Math.round(this.photo.width * this.scale), Math.round(this.photo.height * this.scale)];
      context.save();
      context.beginPath();
      context.rect(...clip);
      context.clip();
      context.beginPath();
      context.rect(...picture);
      context.clip();
      if (this.photo.alpha) this.drawCheckers(context, picture);
      const tiles = this.visibleTiles(which, rect);
      this.drawTiles(context, tiles, rect);
      wanted.push(...tiles);
      context.restore();
    }
  }

  drawTiles(context, tiles, rect) {
    const [left, top] = this.origin(rect);
    context.imageSmoothingEnabled = this.scale < 1;
    for (const tile of tiles) {
      const stand = this.tiles.stand(tile);
      if (!stand) continue;
      const [x, y] = tile.box;
      const x0 = Math.round(left + x * this.scale);
      const y0 = Math.round(top + y * this.scale);
      const x1 = Math.round(left + (x + stand.part[2] * stand.scale) * this.scale);
      const y1 = Math.round(top + (y + stand.part[3] * stand.scale) * this.scale);
      context.drawImage(stand.image, ...stand.part, x0, y0, x1 - x0, y1 - y0);
      for (const { box, image } of this.tiles.over(tile)) {
        context.save();
        context.beginPath();
        context.rect(x0, y0, x1 - x0, y1 - y0);
        context.clip();
        const from = [box[0], box[1]].map((side, axis) => Math.round([left, top][axis] + side * this.scale));
        const to = [box[0] + box[2], box[1] + box[3]].map((side, axis) => Math.round([left, top][axis] + side * this.scale));
        const place = [...from, to[0] - from[0], to[1] - from[1]];
        context.clearRect(...place);
        context.drawImage(image, ...place);
        context.restore();
      }
    }
  }

  drawCheckers(context, [left, top, width, height]) {
    if (!this.checkers) {
      this.checkers = make("canvas", { width: 2 * CHECK, height: 2 * CHECK });
      const paint = this.checkers.getContext("2d");
      paint.fillStyle = "#fff";
      paint.fillRect(0, 0, 2 * CHECK, 2 * CHECK);
      paint.fillStyle = "#ccc";
      paint.fillRect(0, 0, CHECK, CHECK);
      paint.fillRect(CHECK, CHECK, CHECK, CHECK);
    }
    context.fillStyle = context.createPattern(this.checkers, "repeat");
    context.fillRect(left, top, width, height);
  }

  // The context of a canvas as large as the stage, emptied.
  cleared(canvas) {
    const [width, height] = this.size;
    const context = canvas.getContext("2d");
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    else context.clearRect(0, 0, width, height);
    return context;
  }
}
