// Tiles of pictures and masks, fetched as they are seen. An old tile is shown until the new one is there.

import { blob, Gone, image, tilePath } from "./api.js";
import { emit } from "./bus.js";

export const SIDE = 512;
const MAX_KEPT = 220; // tiles of a megabyte each
const AT_ONCE = 4; // a browser opens six connections to a server, and one of them carries the events
const AGAIN = 1500; // ms until a tile that failed is asked for again

export class Tiles {
  constructor(photo) {
    this.photo = photo.id;
    this.size = [photo.width, photo.height];
    this.levels = photo.levels;
    this.base = photo.revision;
    this.changes = new Map(); // which -> [{box, revision}]
    this.kept = new Map(); // key -> tile, the longest unseen first
    this.patches = []; // {which, box, revision, image}: drawn over tiles that are older
    this.wanted = [];
    this.running = 0;
    this.closed = false;
  }

  close() {
    this.closed = true;
    for (const tile of this.kept.values()) tile.abort?.abort();
  }

  // What lies in the box (null: everything) has changed at a revision. Where the image of the box is known, tiles of
  // full size are brought up to date with it, and it is drawn over smaller ones until they have come.
  touch(which, box, revision, image = null) {
    const whole = [0, 0, ...this.size];
    if (!this.changes.has(which)) this.changes.set(which, []);
    const list = this.changes.get(which);
    if (!box) list.length = 0;
    list.push({ box: box ?? whole, revision });
    for (const tile of this.kept.values()) {
      if (tile.which !== which || !overlaps(tile.box, box ?? whole)) continue;
      if (image && tile.level === 0 && tile.image && tile.has === tile.version && revision > tile.version) renew(tile, box, image, revision);
      tile.version = Math.max(tile.version, revision);
    }
    if (image) this.patches.push({ which, box, revision, image });
  }

  // What is drawn over a tile until it has come.
  over(tile) {
    return this.patches.filter(({ which, box, revision }) => which === tile.which && tile.has < revision && overlaps(tile.box, box));
  }

  // Let go of the images that nothing which is seen needs any more.
  drop(seen) {
    if (!this.patches.length) return;
    const needed = new Set(seen.flatMap((tile) => this.over(tile)));
    for (const patch of this.patches) if (!needed.has(patch)) patch.image.close();
    this.patches = this.patches.filter((patch) => needed.has(patch));
  }

  tile(which, level, column, row) {
    const key = `${which}/${level}/${column}/${row}`;
    let tile = this.kept.get(key);
    if (tile) this.kept.delete(key);
    else {
      const side = SIDE * 2 ** level;
      tile = { key, which, level, column, row, box: [column * side, row * side, side, side], image: null, has: -1 };
      tile.version = this.base;
      for (const { box, revision } of this.changes.get(which) ?? []) {
        if (overlaps(tile.box, box)) tile.version = Math.max(tile.version, revision);
      }
    }
    this.kept.set(key, tile);
    return tile;
  }

  // The image of a tile, or the part of a coarser one that stands for it until it is there.
  stand(tile) {
    if (tile.image) return { image: tile.image, part: [0, 0, tile.image.width, tile.image.height], scale: 2 ** tile.level };
    for (let level = tile.level + 1, step = 2; level < this.levels; level += 1, step *= 2) {
      const key = `${tile.which}/${level}/${Math.floor(tile.column / step)}/${Math.floor(tile.row / step)}`;
      const { image } = this.kept.get(key) ?? {};
      if (!image) continue;
      const side = SIDE / step;
      const x = (tile.column % step) * side;
      const y = (tile.row % step) * side;
      const part = [x, y, Math.min(side, image.width - x), Math.min(side, image.height - y)];
      return part[2] > 0 && part[3] > 0 ? { image, part, scale: 2 ** level } : null;
    }
    return null;
  }

  // Ask for the tiles that are seen, in their order; what is no longer seen is not asked for.
  want(tiles) {
    this.drop(tiles);
    this.wanted = tiles.filter((tile) => tile.has < tile.version && !tile.abort);
    const seen = new Set(tiles);
    for (const tile of this.kept.values()) {
      if (tile.abort && !seen.has(tile)) tile.abort.abort();
    }
    for (const [key, tile] of this.kept) {
      if (this.kept.size <= MAX_KEPT) break;
      if (seen.has(tile) || tile.abort) continue;
      tile.image?.close();
      this.kept.delete(key);
    }
    this.pump();
  }

  pump() {
    const now = performance.now();
    while (this.running < AT_ONCE && this.wanted.length && !this.closed) {
      const tile = this.wanted.shift();
      if (!tile.abort && tile.has < tile.version && now >= (tile.after ?? 0)) this.load(tile);
    }
  }

  async load(tile) {
    const version = tile.version;
    tile.abort = new AbortController();
    this.running += 1;
    try {
      const path = tilePath(this.photo, tile.which, tile.level, tile.column, tile.row, version);
      const loaded = await image(await blob(path, tile.abort.signal));
      tile.image?.close();
      tile.image = loaded;
      tile.has = version;
      tile.failed = null;
    } catch (error) {
      if (error.name !== "AbortError") {
        tile.after = performance.now() + AGAIN;
        if (!(error instanceof Gone) && tile.failed !== error.message) emit("error", error);
        tile.failed = error.message;
        setTimeout(() => emit("tile", tile), AGAIN + 10);
      }
    } finally {
      tile.abort = null;
      this.running -= 1;
      if (!this.closed) {
        emit("tile", tile);
        this.pump();
      }
    }
  }
}

// Put the image of a box into a tile of full size.
function renew(tile, [left, top], image, revision) {
  const canvas = new OffscreenCanvas(tile.image.width, tile.image.height);
  const context = canvas.getContext("2d");
  const place = [left - tile.box[0], top - tile.box[1], image.width, image.height];
  context.drawImage(tile.image, 0, 0);
  context.clearRect(...place);
  context.drawImage(image, ...place);
  tile.image.close();
  tile.image = canvas.transferToImageBitmap();
  tile.has = revision;
}

export function overlaps([left, top, width, height], [left2, top2, width2, height2]) {
  return left < left2 + width2 && left2 < left + width && top < top2 + height2 && top2 < top + height;
}

export function united(first, second) {
  if (!first || !second) return first ?? second;
  const left = Math.min(first[0], second[0]);
  const top = Math.min(first[1], second[1]);
  const right = Math.max(first[0] + first[2], second[0] + second[2]);
  const bottom = Math.max(first[1] + first[3], second[1] + second[3]);
  return [left, top, right - left, bottom - top];
}
