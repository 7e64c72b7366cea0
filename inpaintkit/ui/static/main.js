// The page: texts, what the server has, the parts, and the line to the server.

import { get, Gone } from "./api.js";
import { app, el, emit, keep, on, setting } from "./bus.js";
import { connect } from "./connection.js";
import { takeAll } from "./jobs.js";
import { buildHelp } from "./keys.js";
import { fail, message } from "./messages.js";
import { begin, showPhoto } from "./open.js";
import "./panel-find.js";
import { render as renderFill } from "./panel-fill.js";
import "./panel-result.js";
import { resync } from "./photo.js";
import "./pointers.js";
import "./save.js";
import { fillTexts, loadTexts } from "./texts.js";
import { build } from "./toolbar.js";

const TABS = ["find", "fill", "result"];

function showTab(name, focus = false) {
  for (const each of TABS) {
    const chosen = each === name;
    el(`tab-${each}`).setAttribute("aria-selected", chosen);
    el(`tab-${each}`).tabIndex = chosen ? 0 : -1;
    el(`panel-${each}`).hidden = !chosen;
  }
  if (focus) el(`tab-${name}`).focus();
  emit("tab-shown", name);
  keep("tab", name);
}

TABS.forEach((name, index) => {
  el(`tab-${name}`).addEventListener("click", () => showTab(name));
  el(`tab-${name}`).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    showTab(TABS[(index + step + TABS.length) % TABS.length], true);
  });
});
on("tab", showTab);

// The server is back, or hears this page now: what was missed is asked for.
on("back", () => {
  takeAll(app.state.jobs);
  emit("state");
});
on("connected", () => resync().catch((error) => error instanceof Gone || fail(error)));

async function start() {
  await loadTexts();
  fillTexts(document);
  try {
    [app.state, app.methods] = await Promise.all([get("state"), get("methods")]);
  } catch (error) {
    document.body.classList.replace("loading", "empty");
    el("empty").hidden = false;
    fail(error);
    return;
  }
  for (const notice of app.state.notices ?? []) message(notice);
  build();
  buildHelp();
  renderFill();
  showTab(setting("tab", "fill"));
  showPhoto();
  document.body.classList.remove("loading");
  takeAll(app.state.jobs ?? []);
  await begin();
  connect();
  document.body.dataset.ready = "true";
}

start();
