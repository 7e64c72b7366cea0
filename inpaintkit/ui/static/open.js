// Opening: a file chosen, dropped or pasted, or one of the folder's photos.

import { get, upload } from "./api.js";
import { app, el, emit, fileOf, make, on, pageOf } from "./bus.js";
import { fail, message, photos, say } from "./messages.js";
import { closePhoto, openPhoto, view } from "./photo.js";
import { t } from "./texts.js";

// Show a photo; what goes wrong is said, and the page stays as it is.
export async function show(id) {
  document.body.classList.add("busy");
  try {
    if (!(await openPhoto(id))) return false;
    for (const notice of app.photo.notices ?? []) message(notice);
    say(t("opened", { name: app.photo.name }));
    return true;
  } catch (error) {
    fail(error);
    return false;
  } finally {
    document.body.classList.remove("busy");
  }
}

export async function open(files) {
  for (const file of files) {
    const limit = app.state.limits?.bytes;
    if (limit && file.size > limit) {
      fail(new Error(t("too_large", { name: file.name, size: Math.ceil(file.size / 2 ** 20), limit: Math.floor(limit / 2 ** 20) })));
      continue;
    }
    try {
      say(t("opening", { name: file.name }));
      const photo = await upload("photos", { file });
      app.state = await get("state");
      emit("state");
      await show(photo.id);
    } catch (error) {
      fail(error);
    }
  }
}

for (const id of ["open", "open-large"]) el(id).addEventListener("click", () => el("file").click());
el("file").addEventListener("change", () => {
  open([...el("file").files]);
  el("file").value = "";
});

let inside = 0;
const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
addEventListener("dragenter", (event) => {
  if (hasFiles(event)) el("drop").hidden = (inside += 1) === 0;
});
addEventListener("dragleave", (event) => {
  if (hasFiles(event)) el("drop").hidden = (inside = Math.max(inside - 1, 0)) === 0;
});
addEventListener("dragover", (event) => {
  if (hasFiles(event)) event.preventDefault();
});
addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  inside = 0;
  el("drop").hidden = true;
  open([...event.dataTransfer.files]);
});

addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  open(files);
});

function showPhoto() {
  const { photo } = app;
  document.body.classList.toggle("empty", !photo);
  el("empty").hidden = Boolean(photo);
  el("name").textContent = photo?.name ?? "inpaintkit";
  el("name").title = photo?.name ?? "";
  document.title = photo ? `${photo.name} – inpaintkit` : "inpaintkit";
  const kind = photo && [photo.format, photo.dtype === "uint8" ? "" : photo.dtype].filter(Boolean).join(", ");
  el("facts").textContent = photo ? `${photo.width} × ${photo.height} · ${kind}` : "";
  showPages(photo);
  el("stage").setAttribute("aria-label", photo ? t("stage_photo", { name: photo.name }) : t("stage"));
  el("empty-formats").textContent = t("empty_formats", { formats: (app.state?.accept ?? []).map((ending) => ending.replace(".", "").toUpperCase()).join(", ") });
  el("file").accept = (app.state?.accept ?? []).map((ending) => (ending.startsWith(".") ? ending : `.${ending}`)).join(",");
}

// A file of several pages: which of them is open, and the others to choose.
function showPages(photo) {
  const pages = photo?.pages ?? 1;
  el("page").hidden = pages === 1;
  el("page").replaceChildren(...Array.from({ length: pages }, (_, index) => make("option", { value: index + 1, text: t("page_of", { page: index + 1, count: pages }) })));
  el("page").value = photo?.page ?? 1;
}

el("page").addEventListener("change", () => show(pageOf(app.photo.file, Number(el("page").value))));

on("photo", showPhoto);
export { showPhoto };

// The photo that the address names, or the one that was opened last, or none.
export async function begin() {
  const named = location.hash.slice(1);
  const known = photos().map((photo) => photo.id);
  for (const id of [named, app.state.current, known[0]]) {
    if (id && (known.includes(fileOf(id)) || id === app.state.current) && (await show(id))) return;
  }
  closePhoto();
  view.changed();
}

addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (id && id !== app.photo?.id) show(id);
});
