// The column of tools with the layers to paint on, and the options of the tool above the photo.

import { app, el, emit, make, on } from "./bus.js";
import { check, iconButton, segments, slider } from "./controls.js";
import { commit, colourOf, overlayOf, redo, undo, view } from "./photo.js";
import { guidance, layerName } from "./panel-fill.js";
import { cursor } from "./pointers.js";
import { say } from "./messages.js";
import { brush, chooseTool, MAX_SIZE, setBrush, state, tools } from "./tools.js";
import { debounced } from "./controls.js";
import { t } from "./texts.js";

export const TOOLS = [
  ["brush", "B"], ["eraser", "E"], null, ["rectangle", "M"], ["polygon", "P"], ["lasso", "L"], null, ["wand", "W"], ["object", "O"], null, ["hand", "G"],
];
const HINTS = ["polygon", "object", "pieces", "pick", "hand"];
const SCALE = 100; // steps of the size slider for each power of ten

// Build the column; one tool can be reached by Tab, the others by the arrow keys.
export function build() {
  const parts = TOOLS.map((entry) => {
    if (!entry) return make("hr");
    const [name, keys] = entry;
    return iconButton(name, t(`tool_${name}`), (event) => {
      chooseTool(name);
      if (event.detail) el("stage").focus({ preventScroll: true });
    }, { keys, id: `tool-${name}`, "aria-pressed": "false" });
  });
  el("tools").replaceChildren(...parts, make("hr", { id: "layers-line" }), make("div", { id: "layers", role: "radiogroup", "aria-label": t("layers") }));
  el("tools").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const all = [...el("tools").querySelectorAll("button")];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  showLayers();
  showTool();
}

function showLayers() {
  const painted = [...view.overlays.keys()].filter((layer) => layer !== "mask");
  const layers = ["mask", ...new Set([...guidance(), ...painted])];
  if (!layers.includes(app.layer)) app.layer = "mask";
  const shown = layers.length > 1 ? layers : [];
  el("layers-line").hidden = !shown.length;
  el("layers").replaceChildren(
    ...shown.map((layer) => {
      const colour = make("i");
      colour.style.background = colourOf(layer);
      const swatch = iconButton("brush", layerName(layer), () => emit("layer", layer), { class: "icon-button swatch", role: "radio", "aria-checked": layer === app.layer, data: { layer } });
      swatch.replaceChildren(colour);
      return swatch;
    }),
  );
}

on("layer", (layer) => {
  app.layer = layer;
  overlayOf(layer);
  if (!["brush", "eraser", "rectangle", "polygon", "lasso", "wand", "object"].includes(state.name)) chooseTool("brush");
  say(t("layer_chosen", { layer: layerName(layer) }));
  showLayers();
  showTool();
  view.changed();
});
on("method", showLayers);
on("photo", showLayers);
on("changed", showLayers);

function showTool() {
  const { name } = state;
  for (const button of el("tools").querySelectorAll("[id^='tool-']")) {
    button.setAttribute("aria-pressed", button.id === `tool-${name}`);
  }
  const box = el("tool-options");
  if (box.dataset.tool === `${name}/${app.layer}` && box.contains(document.activeElement)) updateSize();
  else {
    box.dataset.tool = `${name}/${app.layer}`;
    box.replaceChildren(...options(name));
  }
  cursor();
}

function options(name) {
  if (name === "brush" || name === "eraser") {
    const parts = size();
    if (name === "brush" && app.layer === "mask") parts.push(check(t("fill_on_release"), brush.fillOnRelease, (on) => setBrush("fillOnRelease", on)));
    return parts;
  }
  const parts = [];
  if (["rectangle", "polygon", "lasso", "wand", "object"].includes(name)) {
    parts.push(segments(t("mode"), [{ value: "add", text: t("add") }, { value: "erase", text: t("erase") }], brush.mode, (mode) => setBrush("mode", mode), { wide: false }));
  }
  if (name === "wand") parts.push(...tolerance());
  if (HINTS.includes(name)) parts.push(make("span", { class: "quiet hint", text: t(`hint_${name}`), title: t(`hint_${name}`) }));
  return parts;
}

// Size: a slider that counts in powers of ten, and the number itself.
function size() {
  const range = make("input", { type: "range", id: "size-range", min: 0, max: Math.log10(MAX_SIZE) * SCALE, step: 1, value: Math.log10(brush.size) * SCALE, "aria-label": t("size") });
  const number = make("input", { type: "number", id: "size", min: 1, max: MAX_SIZE, value: brush.size, "aria-label": t("size_px") });
  const set = (value) => setBrush("size", Math.min(Math.max(Math.round(value) || 1, 1), MAX_SIZE));
  range.addEventListener("input", () => set(10 ** (range.value / SCALE)));
  number.addEventListener("change", () => set(Number(number.value)));
  return [make("label", { class: "row" }, [make("span", { text: t("size") }), range]), make("span", { class: "number" }, [number, make("span", { text: "px", "aria-hidden": "true" })])];
}

function updateSize() {
  const [range, number] = [el("size-range"), el("size")];
  if (!range) return;
  if (document.activeElement !== range) range.value = Math.log10(brush.size) * SCALE;
  if (document.activeElement !== number || Number(number.value) >= 1) number.value = brush.size;
}

function tolerance() {
  const again = debounced(() => tools.wand.again(), 200);
  const range = slider(t("tolerance"), {
    min: 0, max: 0.6, step: 0.01, value: brush.tolerance, show: (value) => `${Math.round(100 * value)} %`,
    oninput: (value) => {
      brush.tolerance = value;
      again();
    },
  });
  range.className = "row";
  range.querySelector("input").addEventListener("change", () => setBrush("tolerance", brush.tolerance));
  return [range, check(t("connected"), brush.connected, (on) => {
    setBrush("connected", on);
    again();
  })];
}

on("tool", showTool);
on("cursor", cursor);

// ---- what changes the whole layer, and the history

const radius = () => Math.max(Math.round(Number(el("radius").value)), 1);
const whole = (type, further = {}) => app.photo && commit({ type, layer: app.layer, ...further });
export const grow = () => whole("grow", { radius: radius() });
export const shrink = () => whole("shrink", { radius: radius() });
export const invert = () => whole("invert");
export const clear = () => whole("clear");

for (const [id, action] of Object.entries({ grow, shrink, invert, clear, undo, redo })) el(id).addEventListener("click", action);

function showHistory() {
  const { cursor: at = 0, count = 0 } = app.photo ?? {};
  el("undo").disabled = at === 0;
  el("redo").disabled = at === count;
}

on("photo", showHistory);
on("changed", showHistory);
