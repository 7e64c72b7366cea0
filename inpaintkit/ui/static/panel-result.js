// The panel of results: fills to choose from, what the last one was, what error to expect, and what was done before.

import { blob, get, Gone, post, tilePath, withImages } from "./api.js";
import { app, el, emit, isSettled, make, on, settle } from "./bus.js";
import { button, check, debounced } from "./controls.js";
import { fail, message } from "./messages.js";
import { apply, view } from "./photo.js";
import { SIDE } from "./tiles.js";
import { pixels, seconds, t } from "./texts.js";

let showsExpected = false;

const whichOf = (index) => `candidate-${app.candidates.job}-${app.candidates.list[index].k}`;

on("ended", ({ job, isNew }) => {
  if (job.photo !== app.photo?.id || job.state !== "done") return;
  if (job.kind !== "fill" || !isNew) return;
  for (const { label, error } of job.result.failed ?? []) message(`${label}: ${error}`, "error");
  if (job.result.candidates?.length) show({ job: job.id, ...job.result });
  else {
    emit("tab", "result");
    render();
  }
});

function show({ job, candidates: list }) {
  const methods = list.every((each) => app.methods.some((method) => method.name === each.label));
  app.candidates = { job, list, shown: 0, side: methods };
  look(0, app.candidates.side);
  emit("tab", "result");
}

// Show one of the candidates in place of the photo, or all of them side by side.
function look(index, side = app.candidates.side) {
  Object.assign(app.candidates, { shown: index, side });
  view.which = whichOf(index);
  view.panels = side ? app.candidates.list.map((each, place) => ({ which: whichOf(place), label: each.label })) : null;
  if (view.fitted) view.fit();
  view.changed();
  labels();
  render();
  emit("tool");
}

function labels() {
  const box = el("labels");
  if (!view.panels) {
    box.replaceChildren();
    return;
  }
  const rects = view.panelRects();
  box.replaceChildren(
    ...view.panels.map(({ label }, index) => {
      const tag = make("button", { type: "button", class: index === app.candidates.shown ? "tag chosen" : "tag", text: label, "aria-pressed": index === app.candidates.shown, onclick: () => emit("panel", index) });
      tag.style.left = `${rects[index][0] / view.ratio + 8}px`;
      tag.style.top = `${rects[index][1] / view.ratio + 8}px`;
      return tag;
    }),
  );
}

on("view", labels);
new ResizeObserver(labels).observe(el("stage"));
on("panel", (index) => app.candidates && look(index));

export function closeCandidates() {
  if (!app.candidates) return;
  settle(app.candidates.job);
  app.candidates = null;
  view.which = "now";
  view.panels = null;
  if (view.fitted) view.fit();
  view.changed();
  labels();
  render();
  emit("tool");
}

// What was offered fits only the picture that it was made from.
on("resynced", (photo) => {
  if (!app.candidates || photo.offer?.job === app.candidates.job) return;
  closeCandidates();
  message(t("candidates_lost"), "error");
});

async function choose() {
  const { job, list, shown } = app.candidates;
  try {
    apply(await withImages(await post(`photos/${app.photo.id}/choose`, { job, k: list[shown].k })));
    closeCandidates();
  } catch (error) {
    fail(error);
  }
}

// ---- what the panel shows

export function render() {
  const panel = el("panel-result");
  const focused = panel.contains(document.activeElement) ? document.activeElement.dataset.name : null;
  const open = Boolean(panel.querySelector("details[open]"));
  const parts = app.candidates ? candidates() : [];
  const { events = [], cursor = 0 } = app.photo ?? {};
  const fills = events.map((event, index) => ({ event, index })).filter(({ event }) => event.type === "fill");
  const last = fills.filter(({ index }) => index < cursor).at(-1);
  if (last && !app.candidates) parts.push(facts(last.event), make("hr"), expected(last.event));
  if (!last && !app.candidates) parts.push(make("p", { class: "quiet", text: t("result_none") }));
  if (events.length) parts.push(make("hr"), past(events, cursor));
  panel.classList.toggle("has-offer", Boolean(app.candidates));
  panel.replaceChildren(...parts);
  if (open) panel.querySelector("details")?.setAttribute("open", "");
  if (focused) panel.querySelector(`[data-name="${focused}"]`)?.focus();
}

function candidates() {
  const { list, shown, side } = app.candidates;
  const row = make("div", { class: "candidates", role: "radiogroup", "aria-label": t("candidates") });
  list.forEach((each, index) => {
    const canvas = make("canvas", { width: 248, height: 186 });
    const card = make("button", { type: "button", class: "candidate", role: "radio", "aria-checked": index === shown, tabIndex: index === shown ? 0 : -1, data: { name: `candidate-${index}` }, onclick: () => look(index) }, [
      canvas,
      make("span", { text: each.label }),
      make("span", { class: "quiet", text: seconds(each.seconds) }),
    ]);
    card.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = (index + step + list.length) % list.length;
      look(next);
      el("panel-result").querySelector(`[data-name="candidate-${next}"]`)?.focus();
    });
    thumbnail(canvas, whichOf(index), each.box);
    row.append(card);
  });
  return [
    make("p", { text: t("candidates_help") }),
    row,
    check(t("side_by_side"), side, (on) => look(shown, on)),
    make("div", { class: "row decide" }, [
      button(t("use_candidate"), choose, { class: "button primary", id: "choose", data: { name: "choose" } }),
      button(t("discard"), closeCandidates, { data: { name: "discard" } }),
    ]),
  ];
}

const drawn = new Map(); // which -> canvas, so that a row drawn again is not fetched again

// A small picture of a candidate: the filled box and some of what is around it.
async function thumbnail(canvas, which, [left, top, width, height]) {
  const context = canvas.getContext("2d");
  if (drawn.has(which)) {
    context.drawImage(drawn.get(which), 0, 0);
    return;
  }
  const across = Math.max(width * 1.4, height * 1.4 * (4 / 3), 32);
  const down = across * (3 / 4);
  const inside = (side, from, whole) => Math.max(Math.min(from, whole - side), 0);
  const x0 = inside(across, left + width / 2 - across / 2, app.photo.width);
  const y0 = inside(down, top + height / 2 - down / 2, app.photo.height);
  const scale = canvas.width / across;
  const level = Math.min(Math.max(Math.floor(Math.log2(1 / scale)), 0), app.photo.levels - 1);
  const side = SIDE * 2 ** level;
  const last = [Math.min(x0 + across, app.photo.width - 1), Math.min(y0 + down, app.photo.height - 1)];
  try {
    for (let row = Math.max(Math.floor(y0 / side), 0); row * side <= last[1]; row += 1) {
      for (let column = Math.max(Math.floor(x0 / side), 0); column * side <= last[0]; column += 1) {
        const image = await createImageBitmap(await blob(tilePath(app.photo.id, which, level, column, row, app.photo.revision)));
        const size = 2 ** level * scale;
        context.drawImage(image, (column * side - x0) * scale, (row * side - y0) * scale, image.width * size, image.height * size);
        image.close();
      }
    }
    drawn.set(which, canvas);
    if (drawn.size > 40) drawn.delete(drawn.keys().next().value);
  } catch (error) {
    fail(error);
  }
}

function facts(event) {
  const box = event.box ?? null;
  const rows = [
    [t("method"), event.method],
    [t("took"), event.seconds === undefined ? null : seconds(event.seconds)],
    [t("filled"), event.pixels === undefined ? null : t("pixels", { pixels: pixels(event.pixels) })],
    [t("used"), event.used?.join(", ") === event.method ? null : event.used?.join(", ")],
    [t("area"), box && `${box[2]} × ${box[3]}`],
    [t("expected_psnr"), event.expected_psnr === null || event.expected_psnr === undefined ? null : `${event.expected_psnr.toFixed(1)} dB`],
    [t("seed"), event.seed],
    ...Object.entries(event.options ?? {}).map(([name, value]) => [name, String(value)]),
  ].filter(([, value]) => value !== null && value !== undefined);
  return make("div", { class: "field" }, [
    make("h3", { text: t("last_fill") }),
    make("dl", { class: "facts" }, rows.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })])),
  ]);
}

function expected(event) {
  const known = event.expected_psnr !== null && event.expected_psnr !== undefined;
  const box = check(t("expected"), showsExpected && Boolean(known), (on) => {
    showsExpected = on;
    showExpected();
  });
  box.firstChild.id = "expected";
  box.firstChild.disabled = !known;
  return make("div", { class: "field" }, [box, make("p", { class: "quiet", text: known ? t("expected_help") : t("expected_none") })]);
}

function showExpected() {
  if (app.find) return;
  view.notes.which = showsExpected ? "expected" : null;
  el("legend").hidden = !showsExpected;
  el("legend").replaceChildren(
    make("b", { text: t("expected") }),
    make("div", { class: "bar" }),
    make("div", { class: "ends quiet" }, [make("span", { text: "0 %" }), make("span", { text: t("expected_most") })]),
  );
  view.changed();
}

function past(events, cursor) {
  const items = events
    .map((event, index) => make("li", { class: index < cursor ? "" : "undone" }, [make("span", { text: described(event) }), make("span", { class: "quiet", text: event.type === "fill" && event.seconds !== undefined ? seconds(event.seconds) : "" })]))
    .reverse();
  return make("details", { data: { name: "past" } }, [make("summary", { text: t("past", { count: events.length }) }), make("ol", { class: "past" }, items)]);
}

function described(event) {
  if (event.type === "fill") return t("did_fill", { method: event.method });
  const what = t(event.mode === "erase" ? `did_${event.type}_erase` : `did_${event.type}`);
  const known = what.startsWith("did_") ? t(`did_${event.type}`) : what;
  return event.layer && event.layer !== "mask" ? `${known} (${event.layer})` : known;
}

on("photo", () => {
  showsExpected = false;
  el("legend").hidden = true;
  labels();
  render();
  const offer = app.photo?.offer;
  if (offer && !isSettled(offer.job)) show(offer);
});

// What was done is a list that only the photo itself has.
const renew = debounced(async () => {
  const { photo } = app;
  if (!photo || el("panel-result").hidden) return;
  try {
    const { events, cursor } = await get(`photos/${photo.id}`);
    if (app.photo !== photo) return;
    Object.assign(photo, { events, cursor });
    if (!app.candidates) render();
  } catch (error) {
    if (!(error instanceof Gone)) fail(error);
  }
}, 150);
on("changed", renew);
on("tab-shown", renew);
