// The photo that is open: what the server says of it, and the view that shows it.

import { get, post } from "./api.js";
import { app, el, emit, on } from "./bus.js";
import { queueOf } from "./queue.js";
import { View } from "./view.js";

export const view = new View(el("stage"));

// What each layer looks like; guide:1, guide:2 and so on have colours of their own.
const COLOURS = { mask: "#f0149b", source: "#12b76a", barriers: "#ff8a00" };
const LABELS = ["#2e90fa", "#b54dff", "#e5c100", "#00b8c4", "#ff7ac3", "#8a5a2b"];

export function colourOf(layer) {
  const label = Number(layer.split(":")[1] ?? 0);
  return label ? LABELS[(label - 1) % LABELS.length] : (COLOURS[layer] ?? "#12b76a");
}

// Show a layer over the photo.
export const overlayOf = (layer) => view.overlay(layer, colourOf(layer));

let opening = null;

// Open a photo, unless another one is asked for meanwhile; whether it is open now.
export async function openPhoto(id) {
  opening = id;
  const photo = await get(`photos/${id}`);
  if (opening !== id) return false;
  app.photo = photo;
  app.layer = "mask";
  app.find = app.candidates = null;
  if (location.hash !== `#${id}`) history.replaceState(null, "", `#${id}`);
  view.open(photo);
  overlayOf("mask");
  for (const layer of photo.layers ?? []) overlayOf(nameOf(layer));
  emit("photo", photo);
  const queue = queueOf(id);
  for (const item of queue.items) showUnsent(item);
  queue.run();
  return true;
}

export function closePhoto() {
  app.photo = null;
  history.replaceState(null, "", location.pathname);
  view.open(null);
  emit("photo", null);
}

export const nameOf = (layer) => (typeof layer === "string" ? layer : layer.name);

// Strokes that wait for the server are drawn as if they had just been made.
function showUnsent(item) {
  if (item.path === "events" && (item.body.points || item.body.box) && ["stroke", "rect", "polygon"].includes(item.body.type)) {
    item.live = draw(item.body);
  }
}

// Draw a shape until the server shows it; gives what is drawn.
export function draw(event) {
  const live = { event, box: null, revision: null, drawn: 0 };
  overlayOf(event.layer).live.push(live);
  view.request();
  return live;
}

export function undraw(live) {
  const overlay = overlayOf(live.event.layer);
  overlay.live = overlay.live.filter((each) => each !== live);
  overlay.dirty = true;
  view.request();
}

export function redraw(live) {
  live.drawn = 0;
  overlayOf(live.event.layer).dirty = true;
  view.request();
}

// An event goes into the photo's history. `live` is its drawing, if it has one.
export function commit(event, { live = null, replaces = false } = {}) {
  return queueOf(app.photo.id).add("events", event, { live, undoFirst: replaces });
}

export const undo = () => app.photo && queueOf(app.photo.id).add("undo", {});
export const redo = () => app.photo && queueOf(app.photo.id).add("redo", {});

// Ask for something that depends on all that was done so far.
export async function afterQueue(path, body) {
  await queueOf(app.photo.id).run();
  return post(`photos/${app.photo.id}/${path}`, body);
}

// Take up what changed on the server.
export function apply(change) {
  const { photo } = app;
  if (!photo) return;
  for (const [which, box] of Object.entries(change.changed ?? {})) {
    if (!box) continue;
    if (which !== "picture" && which !== "expected") overlayOf(which);
    const isNext = change.revision === photo.revision + 1; // on top of what is shown
    const image = isNext && !(photo.alpha && which === "picture") ? change.images?.[which] : null;
    view.tiles.touch(which === "picture" ? "now" : which, box, change.revision, image);
  }
  const { images, ...about } = change;
  if (change.revision >= photo.revision) Object.assign(photo, about, { id: photo.id });
  view.changed();
  emit("changed", photo);
}

// After the server was away, or another tab was at work: ask for everything again.
export async function resync() {
  const { photo } = app;
  if (!photo) return;
  const now = await get(`photos/${photo.id}`);
  if (app.photo !== photo) return;
  if (now.revision !== photo.revision) {
    for (const which of ["now", "expected", ...view.overlays.keys()]) view.tiles.touch(which, null, now.revision);
  }
  Object.assign(photo, now);
  view.changed();
  emit("changed", photo);
  emit("resynced", photo);
}

on("sent", ({ photo, item, changes }) => {
  if (app.photo?.id !== photo) return;
  if (["undo", "redo"].includes(item.path) || item.undoFirst === false) settle();
  for (const change of changes) apply(change);
  const last = changes.at(-1);
  if (!item.live) return;
  const box = last?.changed?.[item.live.event.layer];
  if (box) Object.assign(item.live, { box, revision: last.revision });
  else undraw(item.live);
  view.request();
});

// What the server has is left to its tiles, since it may be undone by now.
function settle() {
  for (const overlay of view.overlays.values()) {
    overlay.live = overlay.live.filter((live) => live.revision === null);
    overlay.dirty = true;
  }
}

on("server:photo", (change) => {
  if (app.photo?.id === change.id) apply(change);
});
