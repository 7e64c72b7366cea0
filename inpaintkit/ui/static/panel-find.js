// The panel of finding: what to look for, how sensitively, and which of the pieces found to take.

import { post } from "./api.js";
import { app, el, emit, isSettled, keep, make, on, setting, settle } from "./bus.js";
import { button, check, debounced, iconButton, newName, segments, select, slider } from "./controls.js";
import { begun, cancel } from "./jobs.js";
import { fail, message, say } from "./messages.js";
import { afterQueue, commit, view } from "./photo.js";
import { chooseTool, outline, state } from "./tools.js";
import { pixels, t } from "./texts.js";

const KINDS = ["text", "stamp", "scratches", "dust", "cracks", "colour", "auto"];
const PAUSE = 250; // ms that the slider rests before it is searched again
const NONE = 2; // odds that no piece has
const PAGE = 100; // pieces listed at once

const asked = {
  kind: setting("findKind", "text"),
  sensitivity: setting("sensitivity", 0.5),
  colour: setting("findColour", "#ffffff"),
  pick: null,
};
let shownPieces = PAGE;
let looked = null; // the job that runs
let lit = null; // the piece that the list points to
let threshold = 0;

function set(name, value, kept) {
  asked[name] = value;
  if (kept) keep(kept, value);
}

export function render() {
  const panel = el("panel-find");
  const kinds = select(KINDS.map((kind) => ({ value: kind, text: t(`find_${kind}`) })), asked.kind, (kind) => {
    set("kind", kind, "findKind");
    render();
    el("find-kind").focus();
    if (app.find) find();
  });
  kinds.id = "find-kind";
  const parts = [
    make("div", { class: "field" }, [
      make("label", { text: t("find_kind"), htmlFor: kinds.id }),
      kinds,
      make("p", { class: "quiet", text: t(`find_${asked.kind}_help`) }),
    ]),
  ];
  if (asked.kind === "colour") parts.push(colour());
  const sensitivity = slider(t("sensitivity"), {
    min: 0, max: 1, step: 0.01, value: asked.sensitivity, show: (value) => `${Math.round(100 * value)} %`,
    oninput: (value) => {
      set("sensitivity", value, "sensitivity");
      if (app.find || looked) again();
    },
  });
  sensitivity.append(make("p", { class: "quiet", text: t("sensitivity_help") }));
  parts.push(sensitivity, button(t("find_start"), () => find(), { id: "find", class: "button primary" }), make("div", { id: "found", class: "stack" }));
  panel.replaceChildren(...parts);
  renderFound();
}

function colour() {
  const input = make("input", { type: "color", value: asked.colour, id: newName() });
  input.addEventListener("input", () => {
    set("colour", input.value, "findColour");
    set("pick", null);
    again();
  });
  const pick = iconButton("pick", t("pick"), () => chooseTool(state.name === "pick" ? "brush" : "pick"), { id: "pick", class: "icon-button tip-left", "aria-pressed": state.name === "pick" });
  const said = asked.pick ? t("picked", { x: asked.pick[0], y: asked.pick[1] }) : asked.colour;
  return make("div", { class: "field" }, [
    make("label", { text: t("find_colour_label"), htmlFor: input.id }),
    make("div", { class: "row" }, [input, make("span", { class: "quiet grow", text: said }), pick]),
  ]);
}

on("picked", (place) => {
  set("pick", place);
  chooseTool("brush");
  render();
  find();
});

// What is looked for, as the server takes it.
export function search() {
  const colours = asked.kind === "colour" ? (asked.pick ? { pick: asked.pick } : { colour: asked.colour }) : {};
  return { kind: asked.kind, sensitivity: asked.sensitivity, ...colours };
}

async function find() {
  if (!app.photo) return;
  try {
    if (looked) cancel(looked).catch(() => {});
    looked = begun(await afterQueue("find", search())); // may be over by now
    if (["done", "failed", "cancelled"].includes(app.jobs.get(looked)?.state)) looked = null;
  } catch (error) {
    looked = null;
    fail(error);
  }
}

const again = debounced(find, PAUSE);

on("ended", ({ job, isNew }) => {
  if (job.kind !== "find" || job.photo !== app.photo?.id || !isNew) return;
  if (looked === job.id) looked = null;
  if (job.state === "done") show(job.result);
});

function show(result) {
  app.find = result;
  shownPieces = PAGE;
  threshold = 0;
  view.notes.which = `find-${result.find}`;
  view.tiles.touch(view.notes.which, null, Date.now());
  view.changed();
  if (result.pieces.length) chooseTool("pieces");
  say(t("found", { count: result.pieces.length }));
  renderFound();
}

// Leave the proposal.
export function closeFind() {
  if (!app.find) return;
  settle(app.find.find);
  app.find = lit = null;
  view.notes.which = null;
  view.changed();
  if (state.name === "pieces") chooseTool("brush");
  renderFound();
}

async function change(body) {
  const { find: id } = app.find;
  try {
    const answer = await post(`photos/${app.photo.id}/find/${id}`, body);
    if (app.find?.find !== id) return;
    Object.assign(app.find, answer);
    view.tiles.touch(`find-${id}`, answer.changed ?? null, Date.now());
    if (answer.revision === app.photo.revision + 1) app.photo.revision = answer.revision;
    view.changed();
    say(t("accepted", { accepted: app.find.accepted, count: app.find.count }));
    renderFound();
  } catch (error) {
    fail(error);
  }
}

on("toggle-piece", (place) => change({ toggle: place }));

function renderFound() {
  const box = el("found");
  if (!box) return;
  el("panel-find").classList.toggle("has-found", Boolean(app.find));
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.name : null;
  const scrolled = box.querySelector(".pieces")?.scrollTop ?? 0;
  if (!app.find) {
    box.replaceChildren();
    return;
  }
  const { pieces } = app.find;
  if (!pieces.length) {
    box.replaceChildren(make("hr"), make("p", { text: t("found_none") }));
    return;
  }
  const count = app.find.accepted;
  const parts = [
    make("hr"),
    make("p", {}, [make("b", { text: t("found", { count: app.find.count }) }), make("span", { class: "quiet", text: ` · ${t("accepted", { accepted: count, count: app.find.count })}` })]),
    make("p", { class: "quiet", text: t("pieces_help") }),
    make("div", { class: "row" }, [
      button(t("accept_all"), () => change({ threshold: (threshold = 0) }), { data: { name: "all" } }),
      button(t("accept_none"), () => change({ threshold: NONE }), { data: { name: "none" } }),
    ]),
  ];
  parts.push(slider(t("threshold"), { min: 0, max: 1, step: 0.01, value: threshold, show: (value) => `${Math.round(100 * value)} %`, oninput: above }));
  const list = make("ul", { class: "pieces", "aria-label": t("pieces") }, pieces.slice(0, shownPieces).map(row));
  parts.push(list);
  if (pieces.length > shownPieces) {
    parts.push(button(t("more_pieces", { count: pieces.length - shownPieces }), () => {
      shownPieces += PAGE;
      renderFound();
    }, { data: { name: "more" } }));
  }
  parts.push(
    make("div", { class: "row decide" }, [
      button(t("add_pieces"), add, { class: "button primary", id: "add-pieces", disabled: count === 0, data: { name: "add" } }),
      button(t("discard"), closeFind, { data: { name: "discard" } }),
    ]),
  );
  box.replaceChildren(...parts);
  list.scrollTop = scrolled;
  if (focused) box.querySelector(`[data-name="${focused}"]`)?.focus();
}

const above = debounced((value) => {
  threshold = value;
  change({ threshold: value });
}, PAUSE);

function row(piece, index) {
  const taken = piece.accepted;
  const label = t("piece", { number: index + 1, width: piece.box[2], height: piece.box[3], pixels: pixels(piece.pixels) });
  const box = check(label, taken, (on) => change(on ? { accept: [piece.id] } : { drop: [piece.id] }));
  box.firstChild.dataset.name = `piece-${piece.id}`;
  const go = iconButton("fit", t("show_piece"), () => view.showBox(piece.box), { class: "icon-button tip-left", data: { name: `go-${piece.id}` } });
  const light = (on) => () => {
    lit = on ? piece : null;
    view.marksChanged();
  };
  return make("li", { class: taken ? "piece" : "piece dropped", onmouseenter: light(true), onmouseleave: light(false), onfocusin: light(true), onfocusout: light(false) }, [box, go]);
}

function add() {
  commit({ type: "pieces", layer: "mask", find: app.find.find });
  closeFind();
  emit("tab", "fill");
}

view.marks.push((context) => {
  if (!lit || !app.find) return;
  const [left, top, width, height] = lit.box;
  const margin = (4 * view.ratio) / view.scale + 0.5;
  const [x0, y0] = view.toDevice([left - margin, top - margin]);
  const [x1, y1] = view.toDevice([left + width - 1 + margin, top + height - 1 + margin]);
  outline(context, [[x0, y0], [x1, y0], [x1, y1], [x0, y1]], true);
});

// Another search of this photo has taken its place.
on("resynced", (photo) => {
  if (!app.find || photo.find?.find === app.find.find) return;
  closeFind();
  message(t("find_lost"));
});
on("photo", () => {
  asked.pick = null;
  looked = null;
  lit = null;
  if (app.photo?.find && !isSettled(app.photo.find.find)) show(app.photo.find);
  render();
});
on("tool", () => el("pick")?.setAttribute("aria-pressed", state.name === "pick"));
