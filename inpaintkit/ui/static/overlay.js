// One layer over the photo: the server's tiles in one colour, and above them the strokes that the tiles do not show yet.
//
// A stroke is drawn at once, piece by piece, and stays until every tile that is seen shows the server's own drawing of it.

import { make } from "./bus.js";

export class Overlay {
  constructor(view, stage, layer) {
    this.view = view;
    this.layer = layer;
    this.which = layer; // which tiles; null: none
    this.colour = null; // what the tiles' white becomes; null: tiles are shown in their own colours
    this.live = []; // {event, box, revision: null until the server has it}
    this.canvas = stage.appendChild(make("canvas", { class: "overlay" }));
    this.dirty = true;
  }

  // Draw what has changed; the tiles that are seen.
  draw() {
    const rect = this.view.panelRects()[0];
    const tiles = this.view.visibleTiles(this.which, rect);
    if (this.settle() || this.dirty) this.redraw(tiles, rect);
    else for (const each of this.live) this.extend(this.canvas.getContext("2d"), each);
    this.dirty = false;
    return tiles;
  }

  redraw(tiles, rect) {
    const context = this.view.cleared(this.canvas);
    const { photo, scale } = this.view;
    const [left, top] = this.view.origin(rect);
    context.save();
    context.beginPath();
    context.rect(left, top, Math.round(photo.width * scale), Math.round(photo.height * scale));
    context.clip();
    this.view.drawTiles(context, tiles, rect);
    if (this.colour) {
      context.globalCompositeOperation = "source-in";
      context.fillStyle = this.colour;
      context.fillRect(0, 0, ...this.view.size);
    }
    context.restore();
    for (const each of this.live) {
      each.drawn = 0;
      this.extend(context, each);
    }
  }

  // Strokes that the tiles show by now are left to them; whether there were any.
  settle() {
    const before = this.live.length;
    this.live = this.live.filter(({ revision, box }) => revision === null || !this.view.shows(this.which, box, revision));
    return this.live.length < before;
  }

  // Draw what a stroke has got since it was drawn last.
  extend(context, each) {
    const { event } = each;
    const points = event.points ?? corners(event.box);
    if (each.drawn === points.length) return;
    const { photo, scale } = this.view;
    const [left, top] = this.view.origin();
    context.save();
    context.beginPath();
    context.rect(left, top, Math.round(photo.width * scale), Math.round(photo.height * scale));
    context.clip();
    context.globalCompositeOperation = event.mode === "erase" ? "destination-out" : "source-over";
    context.fillStyle = context.strokeStyle = this.colour;
    context.beginPath();
    if (event.type === "stroke" && points.length === 1) {
      context.arc(...this.view.toDevice(points[0]), (event.width * scale) / 2, 0, 2 * Math.PI);
      context.fill();
    } else if (event.type === "stroke") {
      context.lineWidth = event.width * scale;
      context.lineCap = context.lineJoin = "round";
      const from = Math.max(each.drawn - 1, 0);
      context.moveTo(...this.view.toDevice(points[from]));
      for (const point of points.slice(from)) context.lineTo(...this.view.toDevice(point));
      context.stroke();
    } else {
      for (const point of points) context.lineTo(...this.view.toDevice(point));
      context.fill("evenodd");
    }
    context.restore();
    each.drawn = points.length;
  }
}

// The corners of a box of whole pixels, at the pixels' outer edges.
function corners([left, top, width, height]) {
  const [x0, y0, x1, y1] = [left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5];
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}
