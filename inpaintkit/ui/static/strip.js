// The folder's photos in a strip: which is open, which are done, and the next and the previous by key.

import { get, thumbnail } from "./api.js";
import { app, el, fileOf, icon, make, on } from "./bus.js";
import { debounced } from "./controls.js";
import { photos } from "./messages.js";
import { show } from "./open.js";
import { t } from "./texts.js";

const thumbs = new Map(); // id -> element
const lazy = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    const image = target.querySelector("img");
    image.src = thumbnail(target.dataset.photo, target.dataset.version);
    lazy.unobserve(target);
  }
}, { root: el("photos"), rootMargin: "200px" });

export function render() {
  const all = photos();
  el("strip").hidden = all.length < 2 && !app.state?.folder;
  if (el("strip").hidden) return;
  const known = new Set(all.map((photo) => photo.id));
  for (const [id, thumb] of thumbs) {
    if (known.has(id)) continue;
    thumb.remove();
    thumbs.delete(id);
  }
  for (const photo of all) {
    const thumb = thumbs.get(photo.id) ?? add(photo);
    const open = app.photo?.file === photo.id;
    thumb.setAttribute("aria-selected", open);
    thumb.tabIndex = open || (!app.photo && photo === all[0]) ? 0 : -1;
    const state = photo.error ? "failed" : photo.unsaved ? "unsaved" : photo.done ? "done" : "";
    thumb.setAttribute("aria-label", state ? `${photo.name}, ${t(`photo_${state}`)}` : photo.name);
    thumb.title = photo.error || (state ? `${photo.name} – ${t(`photo_${state}`)}` : photo.name);
    thumb.querySelector(".badge")?.remove();
    if (state) thumb.append(make("span", { class: `badge ${state}` }, [icon({ failed: "warn", unsaved: "brush", done: "check" }[state])]));
    if (open && app.photo.revision !== Number(thumb.dataset.version)) renew(thumb, app.photo.revision);
  }
  const done = all.filter((photo) => photo.done).length;
  el("strip-facts").textContent = t("strip_facts", { done, count: all.length });
  const index = all.findIndex((photo) => photo.id === app.photo?.file);
  el("previous").disabled = index <= 0;
  el("next").disabled = index === all.length - 1;
}

function add(photo) {
  const thumb = make("button", { type: "button", class: "thumb", role: "option", data: { photo: photo.id, version: photo.revision ?? 0 }, onclick: () => go(photo.id) }, [
    make("img", { alt: "", width: 82, height: 54, decoding: "async" }),
    make("span", { text: photo.name }),
  ]);
  thumb.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step && [...el("photos").children][[...el("photos").children].indexOf(thumb) + step];
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  thumbs.set(photo.id, thumb);
  el("photos").append(thumb);
  lazy.observe(thumb);
  return thumb;
}

const renew = debounced((thumb, version) => {
  thumb.dataset.version = version;
  if (thumb.querySelector("img").src) thumb.querySelector("img").src = thumbnail(thumb.dataset.photo, version);
}, 1000);

let target = null; // the photo that is being opened

async function go(id) {
  if (id === (target ?? app.photo?.file)) return;
  target = id;
  await show(id);
  if (target === id) target = null;
  thumbs.get(id)?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

export function step(by) {
  const all = photos();
  const next = all[all.findIndex((photo) => photo.id === (target ?? app.photo?.file)) + by];
  if (next) go(next.id);
}

el("previous").addEventListener("click", () => step(-1));
el("next").addEventListener("click", () => step(1));

const reload = debounced(async () => {
  try {
    app.state = await get("state");
    render();
  } catch {
    // the connection says so, and asks again
  }
}, 300);

// Whether a photo is saved is said with every change; the list itself is asked for when the folder has changed.
function note({ id, saved }) {
  const known = photos().find((photo) => photo.id === id);
  if (!known) {
    reload(); // a further page of a file, which counts with the others
    return;
  }
  known.unsaved = !saved;
  render();
}

on("photo", render);
on("state", render);
on("changed", note);
on("server:folder", reload);
on("server:photo", note);
