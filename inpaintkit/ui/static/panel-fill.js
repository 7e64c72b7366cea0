// The panel of filling: a method with its options and their help, as the server's registry has them.

import { app, el, emit, icon, keep, make, on, setting } from "./bus.js";
import { button, check, field, iconButton, segments, select } from "./controls.js";
import { begun } from "./jobs.js";
import { fail, message } from "./messages.js";
import { afterQueue, colourOf, nameOf, undraw, view } from "./photo.js";
import { pixels, t } from "./texts.js";

const VARIANTS = 4;
const GUIDES = 4; // labels that can be painted at first; a further one comes with each that is used
const MAX_SEED = 2 ** 31;

const chosen = {
  method: setting("method", "auto"),
  options: setting("methodOptions", {}), // method -> {option: value}
  seed: setting("seed", 0),
  dilate: setting("dilate", ""),
  feather: setting("feather", 0),
  grain: setting("grain", false),
  compared: setting("compared", []),
};

let onlyInView = false;

const methodOf = (name) => app.methods.find((method) => method.name === name);
const current = () => methodOf(chosen.method) ?? app.methods[0];

function set(name, value) {
  chosen[name] = value;
  keep(name === "options" ? "methodOptions" : name, value);
}

function setOption(method, name, value) {
  const given = { ...chosen.options[method] };
  if (value === undefined) delete given[name];
  else given[name] = value;
  set("options", { ...chosen.options, [method]: given });
}

// The layers that the method takes as guidance.
export function guidance() {
  const options = current()?.options.filter((option) => ["layer", "labels"].includes(option.kind)) ?? [];
  return options.flatMap((option) => {
    if (option.kind === "layer") return [option.name];
    const painted = (app.photo?.layers ?? []).map(nameOf).filter((name) => name.startsWith(`${option.name}:`));
    const last = Math.max(GUIDES - 1, ...painted.map((name) => Number(name.split(":")[1])));
    return Array.from({ length: last + 1 }, (_, index) => `${option.name}:${index + 1}`);
  });
}

export const layerName = (layer) => {
  const [name, label] = layer.split(":");
  return label ? t("layer_label", { name, label }) : layer === "mask" ? t("layer_mask") : name;
};

export function render() {
  const panel = el("panel-fill");
  const opened = [...panel.querySelectorAll("details[open]")].map((details) => details.dataset.name);
  const method = current();
  if (!method) return;
  const names = app.methods.map(({ name, available }) => ({ value: name, text: available ? name : t("not_installed", { name }) }));
  const choice = select(names, method.name, (name) => {
    set("method", name);
    render();
    emit("method");
    el(choice.id).focus();
  });
  choice.id = "method";
  const parts = [field(t("method"), choice, method.summary)];
  if (method.source) parts[0].append(make("p", { class: "quiet", text: method.source }));
  if (!method.available) parts.push(make("p", { class: "quiet", text: method.missing }));
  const dial = method.options.find((option) => option.name === "quality" && option.kind === "choice");
  if (dial) parts.push(control(method, dial));
  const rest = method.options.filter((option) => option !== dial);
  const painted = rest.filter((option) => ["layer", "labels"].includes(option.kind));
  if (painted.length) parts.push(guides(painted));
  const plain = rest.filter((option) => !painted.includes(option));
  if (plain.length) parts.push(details("options", t("options_of", { method: method.name }), plain.map((option) => control(method, option))));
  parts.push(details("more", t("more"), [inView(), growth(), feather(), grain(), seed(method)]));
  parts.push(details("compare", t("compare_methods"), compare()));
  panel.replaceChildren(...parts);
  for (const each of panel.querySelectorAll("details")) each.open = opened.includes(each.dataset.name);
  summarise();
}

const details = (name, title, children) =>
  make("details", { data: { name } }, [make("summary", { text: title }), make("div", { class: "stack" }, children)]);

// The control for an option, by its kind.
function control(method, option) {
  const given = chosen.options[method.name]?.[option.name];
  const value = given === undefined ? option.default : given;
  const change = (next) => setOption(method.name, option.name, next === option.default ? undefined : next);
  const label = t(`option_${option.name}`) === `option_${option.name}` ? option.name : t(`option_${option.name}`);
  if (option.kind === "bool") {
    const box = make("div", { class: "field" }, [check(label, Boolean(value), change)]);
    if (option.help) box.append(make("p", { class: "quiet", text: option.help }));
    return box;
  }
  if (option.kind === "choice" && option.choices.length <= 3) {
    const bar = segments(label, option.choices.map((name) => ({ value: name, text: String(name ?? t("automatic")) })), value, change);
    return make("div", { class: "field" }, [make("span", { class: "label", text: label }), bar, make("p", { class: "quiet", text: option.help })]);
  }
  if (option.kind === "choice") {
    return field(label, select(option.choices.map((name) => ({ value: name, text: name })), value, change), option.help);
  }
  const isNumber = option.kind === "int" || option.kind === "float";
  const input = make("input", { type: isNumber ? "number" : "text", value: value ?? "", step: option.kind === "int" ? 1 : "any" });
  input.placeholder = option.default ?? t("automatic");
  input.addEventListener("change", () => {
    if (input.value === "") change(undefined);
    else change(isNumber ? Number(input.value) : input.value);
    if (input.value === "" && option.default !== null) input.value = option.default;
  });
  return field(label, input, option.help, { inline: true });
}

// Guidance is painted as layers of its own: choose one here or beside the tools.
function guides(options) {
  const rows = options.map((option) => {
    const layer = option.kind === "layer" ? option.name : `${option.name}:1`;
    const paint = button(t("paint_layer"), () => emit("layer", layer), { class: "button" });
    paint.prepend(icon("brush"));
    paint.setAttribute("aria-label", `${t("paint_layer")}: ${option.name}`);
    return make("div", { class: "field" }, [
      make("div", { class: "row" }, [make("span", { class: "label grow", text: option.name }), paint]),
      make("p", { class: "quiet", text: option.help }),
    ]);
  });
  return make("fieldset", { class: "stack" }, [make("legend", { text: t("guidance") }), ...rows]);
}

function seed(method) {
  const input = make("input", { type: "number", min: 0, step: 1, value: chosen.seed });
  input.addEventListener("change", () => set("seed", Math.max(Math.round(Number(input.value)), 0)));
  const roll = iconButton("dice", t("roll"), () => {
    input.value = Math.floor(Math.random() * MAX_SEED);
    input.dispatchEvent(new Event("change"));
  }, { class: "icon-button tip-left" });
  const box = field(t("seed"), input, method.stochastic ? t("seed_help") : t("seed_none"), { inline: true });
  input.after(roll);
  return box;
}

function inView() {
  return make("div", { class: "field" }, [check(t("in_view"), onlyInView, (on) => (onlyInView = on)), make("p", { class: "quiet", text: t("in_view_help") })]);
}

function growth() {
  const input = make("input", { type: "text", inputMode: "numeric", value: chosen.dilate, placeholder: "0" });
  input.addEventListener("change", () => set("dilate", input.value.trim()));
  return field(t("dilate"), input, t("dilate_help"), { inline: true });
}

function feather() {
  const input = make("input", { type: "number", min: 0, step: 1, value: chosen.feather });
  input.addEventListener("change", () => set("feather", Math.max(Math.round(Number(input.value)), 0)));
  return field(t("feather"), input, t("feather_help"), { inline: true });
}

function grain() {
  return check(t("grain"), chosen.grain, (on) => set("grain", on));
}

function compare() {
  const start = button(t("compare_start"), () => fill({ methods: chosen.compared }), { id: "compare" });
  const enable = () => (start.disabled = chosen.compared.length < 2);
  const boxes = app.methods
    .filter((method) => method.available)
    .map(({ name }) =>
      check(name, chosen.compared.includes(name), (on) => {
        set("compared", app.methods.map((method) => method.name).filter((each) => (each === name ? on : chosen.compared.includes(each))));
        enable();
      }),
    );
  enable();
  return [make("p", { class: "quiet", text: t("compare_help") }), make("div", { class: "candidates" }, boxes), start];
}

function dilated() {
  if (chosen.dilate === "auto") return "auto";
  return chosen.dilate === "" ? 0 : Number(chosen.dilate);
}

// The settings as the server takes them.
export function settings() {
  return { method: current().name, options: chosen.options[current().name] ?? {}, seed: chosen.seed, dilate: dilated(), feather: chosen.feather, grain: chosen.grain };
}

const strokes = new Map(); // job -> the stroke that it fills, drawn until it is done

// Fill what is painted; `event` is a last stroke that belongs to it, `live` its drawing.
export async function fill({ variants, methods, event, live } = {}) {
  if (!app.photo) return;
  if (!event && !app.photo.mask?.pixels) {
    message(t("nothing_painted"));
    return;
  }
  try {
    const box = onlyInView && !event ? view.visibleBox() : null;
    const extra = { ...(box && { box }), ...(variants && { variants }), ...(methods && { methods }), ...(event && { event }) };
    const answer = await afterQueue("fill", { ...settings(), ...extra });
    if (live) strokes.set(answer.job, live);
    begun(answer);
  } catch (error) {
    if (live) undraw(live);
    fail(error);
  }
}

on("ended", ({ job }) => {
  const live = strokes.get(job.id);
  if (!live) return;
  strokes.delete(job.id);
  Object.assign(live, { box: [0, 0, Infinity, Infinity], revision: 0 });
  view.changed();
});

// What is painted, and whether it can be filled.
export function summarise() {
  const mask = app.photo?.mask;
  const share = mask ? 100 * mask.share : 0;
  const shown = share >= 10 ? share.toFixed(0) : share.toPrecision(2);
  el("painted").textContent = mask?.pixels ? t("painted", { pixels: pixels(mask.pixels), share: shown, count: mask.pixels }) : t("painted_none");
  const method = current();
  const able = Boolean(app.photo && mask?.pixels && method?.available);
  el("fill").disabled = !able;
  el("variants").disabled = !able || !method.stochastic;
  el("variants").title = method && !method.stochastic ? t("variants_none", { method: method.name }) : "";
}

el("fill").addEventListener("click", () => fill());
el("variants").addEventListener("click", () => fill({ variants: VARIANTS }));
on("fill", fill);
on("photo", render);
on("changed", summarise);
