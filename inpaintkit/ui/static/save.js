// Saving: beside, in place, as a download; the mask and the strokes; the same for the whole folder.

import { file, post, upload } from "./api.js";
import { app, el, make, on } from "./bus.js";
import { button, check, select, segments } from "./controls.js";
import { begun, cancel } from "./jobs.js";
import { fail, message, progressText, say } from "./messages.js";
import { afterQueue, apply, resync } from "./photo.js";
import { queueOf } from "./queue.js";
import { settings } from "./panel-fill.js";
import { search } from "./panel-find.js";
import { t } from "./texts.js";

const menu = el("save-menu");
const KEPT = 60_000; // ms that a download's data stays for the browser to take
let format = null;

export function toggleSave() {
  menu.togglePopover();
}

function item(title, help, onclick, properties = {}) {
  return make("button", { type: "button", class: "item", onclick, ...properties }, [make("b", { text: title }), make("span", { text: help })]);
}

function render() {
  const { photo } = app;
  if (!photo) return;
  const formats = photo.can?.formats ?? [];
  if (!formats.includes(format)) format = null;
  const own = t("format_own");
  const choose = select([{ value: "", text: own }, ...formats.map((name) => ({ value: name, text: name.toUpperCase() }))], format ?? "", (value) => {
    format = value || null;
  });
  choose.id = "format";
  const close = (action) => () => {
    menu.hidePopover();
    action();
  };
  const upload = photo.can?.beside === false;
  menu.replaceChildren(
    make("h3", { text: t("save_picture") }),
    make("div", { class: "row" }, [make("label", { text: t("format"), htmlFor: "format" }), choose]),
    item(t("save_beside"), upload ? t("save_upload") : t("save_beside_help"), close(() => save("beside")), { id: "save-beside", disabled: upload }),
    item(t("save_in_place"), photo.can?.in_place ? t("save_in_place_help", { name: photo.name }) : t("save_in_place_none"), close(() => save("in_place")), { id: "save-in-place", disabled: !photo.can?.in_place }),
    item(t("download_picture"), t("download_help"), close(() => download("picture")), { id: "download-picture" }),
    make("h3", { text: t("mask_and_strokes") }),
    item(t("download_mask"), t("download_mask_help"), close(() => download("mask")), { id: "download-mask" }),
    item(t("download_strokes"), t("download_strokes_help"), close(() => download("strokes")), { id: "download-strokes" }),
    item(t("load_mask"), t("load_mask_help"), close(() => el("mask-file").click()), { id: "load-mask" }),
    item(t("load_strokes"), t("load_strokes_help"), close(() => el("strokes-file").click()), { id: "load-strokes" }),
    ...(app.state?.folder ? [make("h3", { text: t("folder") }), item(t("folder_title"), t("folder_help"), close(openFolder), { id: "folder-start" })] : []),
  );
}

menu.addEventListener("beforetoggle", (event) => event.newState === "open" && render());
menu.addEventListener("toggle", (event) => event.newState === "open" && menu.querySelector("button:not(:disabled)")?.focus());

async function save(where) {
  try {
    const answer = await afterQueue("save", { where, ...(format && where === "beside" && { format }) });
    Object.assign(app.photo, { saved: true });
    message(answer.backup ? t("saved_backup", answer) : t("saved_path", answer));
    for (const warning of answer.warnings ?? []) message(warning);
    showSaved();
  } catch (error) {
    fail(error);
  }
}

async function download(what) {
  const query = new URLSearchParams({ what, layer: app.layer, ...(format && what === "picture" && { format }) });
  try {
    await queueOf(app.photo.id).run();
    const { data, name } = await file(`photos/${app.photo.id}/download?${query}`);
    const href = URL.createObjectURL(data);
    make("a", { href, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(href), KEPT);
    await resync(); // a picture that was downloaded counts as saved
  } catch (error) {
    fail(error);
  }
}

el("mask-file").addEventListener("change", () => send("mask", el("mask-file"), { layer: app.layer, how: "add" }));

async function send(path, input, fields) {
  const [chosen] = input.files;
  input.value = "";
  if (!chosen) return;
  try {
    apply(await upload(`photos/${app.photo.id}/${path}`, { ...fields, file: chosen }));
    say(t("loaded", { name: chosen.name }));
  } catch (error) {
    fail(error);
  }
}

el("strokes-file").addEventListener("change", async () => {
  const [chosen] = el("strokes-file").files;
  el("strokes-file").value = "";
  if (!chosen) return;
  try {
    apply(await post(`photos/${app.photo.id}/strokes`, JSON.parse(await chosen.text())));
    say(t("loaded", { name: chosen.name }));
  } catch (error) {
    fail(error instanceof SyntaxError ? new Error(t("no_strokes", { name: chosen.name })) : error);
  }
});

// ---- the folder

let folderJob = null;

function openFolder() {
  const chosen = { use: "mask" };
  const { method } = settings();
  const form = el("folder-run").querySelector("form");
  const start = button(t("folder_go"), () => {}, { class: "button primary", type: "submit", id: "folder-go" });
  form.replaceChildren(
    make("p", { text: t("folder_text", { name: app.state.folder.name, method }) }),
    segments(t("folder_use"), [{ value: "mask", text: t("folder_mask") }, { value: "find", text: t("folder_find") }], "mask", (use) => (chosen.use = use)),
    make("p", { class: "quiet", text: t("folder_use_help") }),
    make("div", { class: "row" }, [start]),
    make("div", { id: "folder-progress", class: "stack", "aria-live": "polite" }),
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      folderJob = begun(await post("folder/fill", { from: app.photo.id, use: chosen.use, settings: settings(), ...(chosen.use === "find" && { find: search() }) }));
      start.disabled = true;
      showFolder(app.jobs.get(folderJob));
    } catch (error) {
      fail(error);
      el("folder-progress").replaceChildren(make("p", { class: "failures", text: error.message }));
    }
  };
  el("folder-run").showModal();
}

function showFolder(job) {
  const box = el("folder-progress");
  if (!box || !job || job.id !== folderJob) return;
  const isOver = ["done", "failed", "cancelled"].includes(job.state);
  if (!isOver) {
    const bar = make("progress", { "aria-label": t("progress") });
    if (job.total) bar.value = job.done / job.total;
    box.replaceChildren(bar, make("div", { class: "row" }, [make("p", { class: "quiet grow", text: progressText(job) }), button(t("cancel_job"), () => cancel(job.id))]));
    return;
  }
  const { done = 0, skipped = 0, failed = [], warnings = [] } = job.result ?? {};
  const parts = [make("p", { text: job.state === "done" ? t("folder_done", { done, skipped, failed: failed.length }) : (job.error || t("job_cancelled", { kind: t("job_folder") })) })];
  if (failed.length) parts.push(make("ul", { class: "failures", tabIndex: 0 }, failed.map(({ photo, error }) => make("li", { text: `${photo}: ${error}` }))));
  for (const { photo, warning } of warnings) parts.push(make("p", { class: "quiet", text: `${photo}: ${warning}` }));
  box.replaceChildren(...parts);
  const start = el("folder-go");
  if (start) start.disabled = false;
}

on("server:job", showFolder);

// ---- whether anything is unsaved

let unsent = 0;

export function showSaved() {
  const { photo } = app;
  el("saved").textContent = !photo ? "" : unsent ? t("unsent", { count: unsent }) : photo.saved === false ? t("unsaved") : photo.count ? t("all_saved") : "";
}

on("queue", (count) => {
  unsent = count;
  showSaved();
});
on("photo", showSaved);
on("changed", showSaved);

const isUnsaved = () => unsent > 0 || app.photo?.saved === false || [...(app.state?.folder?.photos ?? []), ...(app.state?.photos ?? [])].some((photo) => photo.unsaved && photo.id !== app.photo?.id);
addEventListener("beforeunload", (event) => {
  if (isUnsaved()) event.preventDefault();
});
