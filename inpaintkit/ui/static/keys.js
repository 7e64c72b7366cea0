// The keys of the page: one table, which the help shows too.

import { app, el, make } from "./bus.js";
import { arrow, leave, press } from "./cursor.js";
import { setBefore, toggleMask, toggleSplit } from "./looking.js";
import { closeCandidates } from "./panel-result.js";
import { closeFind } from "./panel-find.js";
import { fill } from "./panel-fill.js";
import { redo, undo, view } from "./photo.js";
import { cursor, held } from "./pointers.js";
import { toggleSave } from "./save.js";
import { step } from "./strip.js";
import { clear, invert, TOOLS } from "./toolbar.js";
import { chooseTool, resize, tool } from "./tools.js";
import { t } from "./texts.js";

// [keys as shown, text, what event.key is (with Ctrl and Shift where they count), what is done]
const KEYS = [
  ["tools", TOOLS.filter(Boolean).map(([name, key]) => [[key], `tool_${name}`, key.toLowerCase(), () => chooseTool(name)])],
  ["painting", [
    [["[", "]"], "key_size", "[", () => resize(1 / 1.15)],
    [[], "", "]", () => resize(1.15)],
    [["Shift + wheel"], "key_wheel_size"],
    [["Shift + click"], "key_straight"],
    [["Alt + click"], "key_alt"],
    [["Ctrl+Z"], "undo", "Ctrl+z", undo],
    [["Ctrl+Shift+Z", "Ctrl+Y"], "redo", "Ctrl+Shift+z", redo],
    [[], "", "Ctrl+y", redo],
    [["I"], "invert", "i", invert],
    [["Delete"], "clear", "Delete", clear],
    [["Backspace"], "key_back", "Backspace", () => tool().back?.()],
  ]],
  ["looking", [
    [["wheel", "+", "-"], "key_zoom", "+", () => view.zoomTo(view.scale * 1.5)],
    [[], "", "=", () => view.zoomTo(view.scale * 1.5)],
    [[], "", "-", () => view.zoomTo(view.scale / 1.5)],
    [["0"], "zoom_fit", "0", () => view.fit()],
    [["1"], "zoom_full", "1", () => view.zoomTo(1)],
    [["2"], "zoom_double", "2", () => view.zoomTo(2)],
    [["Space + drag"], "key_pan"],
    [["H"], "key_before"],
    [["Y"], "split", "y", toggleSplit],
    [["Q"], "show_mask", "q", toggleMask],
  ]],
  ["keyboard", [
    [["←", "→", "↑", "↓"], "key_arrows"],
    [["Shift + arrows"], "key_fine"],
    [["Ctrl + arrows"], "key_scroll"],
    [["Enter"], "key_enter"],
    [["F"], "key_finish", "f", () => tool().finish?.()],
    [["Esc"], "key_escape"],
  ]],
  ["filling", [
    [["Ctrl+Enter"], "fill_now", "Ctrl+Enter", () => fill()],
    [["Ctrl+S"], "save", "Ctrl+s", () => toggleSave()],
    [["Ctrl+O"], "open", "Ctrl+o", () => el("file").click()],
    [["PageUp", "PageDown"], "key_pages", "PageUp", () => step(-1)],
    [[], "", "PageDown", () => step(1)],
    [["?"], "help", "?", () => el("help").showModal()],
  ]],
];

const actions = new Map(KEYS.flatMap(([, rows]) => rows.filter((row) => row[3]).map((row) => [row[2], row[3]])));
const WITHOUT_PHOTO = ["Ctrl+o", "?", "PageUp", "PageDown"];

function typing(element) {
  return element instanceof HTMLTextAreaElement || element instanceof HTMLSelectElement || (element instanceof HTMLInputElement && ["number", "text"].includes(element.type));
}

const isControl = (element) => element instanceof HTMLButtonElement || element instanceof HTMLInputElement || element.tagName === "SUMMARY";

addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.defaultPrevented || event.isComposing) return;
  const here = document.activeElement;
  if (typing(here) && !event.ctrlKey && !event.metaKey && event.key !== "Escape") return;
  if (event.key === " " && app.photo && !isControl(here)) {
    held.space = true;
    event.preventDefault();
    cursor();
    return;
  }
  if (event.key === "Escape") {
    if (document.querySelector(":popover-open")) return;
    escape();
    return;
  }
  if (here === el("stage") && (arrow(event) || (event.key === "Enter" && !event.ctrlKey && press(event)))) {
    event.preventDefault();
    return;
  }
  if (event.key.toLowerCase() === "h" && !event.ctrlKey && !event.metaKey && app.photo) {
    setBefore(true);
    return;
  }
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const control = event.ctrlKey || event.metaKey;
  const name = control ? `Ctrl+${event.shiftKey ? "Shift+" : ""}${key}` : key;
  const action = event.altKey ? undefined : actions.get(name);
  if (!action || (!app.photo && !WITHOUT_PHOTO.includes(name))) return;
  if (here instanceof HTMLInputElement && typing(here) && ["Ctrl+z", "Ctrl+y", "Ctrl+Shift+z"].includes(name)) return; // the field's own
  event.preventDefault();
  action();
});

addEventListener("keyup", (event) => {
  if (event.key === " ") {
    held.space = false;
    cursor();
  }
  if (event.key.toLowerCase() === "h") setBefore(false);
});
addEventListener("blur", () => {
  held.space = false;
  setBefore(false);
});

function escape() {
  if (typing(document.activeElement)) el("stage").focus();
  else if (tool().busy || !(app.candidates || app.find)) leave();
  else if (app.candidates) closeCandidates();
  else closeFind();
}

// The help: what the page is for, and all keys.
export function buildHelp() {
  const sections = KEYS.map(([name, rows]) =>
    make("section", {}, [
      make("h3", { text: t(`keys_${name}`) }),
      make("dl", {}, rows.filter(([keys]) => keys.length).flatMap(([keys, text]) => [make("dt", {}, keys.flatMap((key, index) => [index ? " " : "", make("kbd", { text: t(`kbd_${key}`).startsWith("kbd_") ? key : t(`kbd_${key}`) })])), make("dd", { text: t(text) })])),
    ]),
  );
  const about = make("section", {}, [make("h3", { text: t("help_how") }), ...["help_1", "help_2", "help_3", "help_4"].map((key) => make("p", { text: t(key) }))]);
  el("help").querySelector(".columns").replaceChildren(about, ...sections);
}

el("help-button").addEventListener("click", () => el("help").showModal());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
