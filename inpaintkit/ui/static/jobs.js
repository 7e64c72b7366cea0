// The line of jobs: what runs, with its progress and the time left, what waits, and a button that stops each.

import { remove } from "./api.js";
import { app, el, emit, make, on } from "./bus.js";
import { iconButton } from "./controls.js";
import { message, photoName, progressText, say } from "./messages.js";
import { t } from "./texts.js";

const isOver = (job) => ["done", "failed", "cancelled"].includes(job.state);
const rows = new Map();
const SAID = 25; // percent between two announcements of progress

// Take up a job. What ends now is told once; of what ended before the page was opened only the result counts.
export function take(job) {
  const before = app.jobs.get(job.id);
  app.jobs.set(job.id, job);
  show(job);
  if (isOver(job) && (!before || !isOver(before))) ended(job, Boolean(before) || started.has(job.id));
  emit("jobs");
}

const started = new Set();

// The page asked for this job itself.
export function begun({ job }) {
  started.add(job);
  const known = app.jobs.get(job);
  if (known && isOver(known)) ended(known, true);
  say(t("job_started"));
  return job;
}

const told = new Set();

function ended(job, isNew) {
  emit("ended", { job, isNew });
  if (!isNew || told.has(job.id)) return;
  told.add(job.id);
  const kind = t(`job_${job.kind}`);
  if (job.state === "failed") message(t("job_failed", { kind, error: job.error }), "error");
  if (job.state === "cancelled") message(t("job_cancelled", { kind }));
  if (job.state === "done") say(t("job_done", { kind }));
  for (const warning of job.warnings ?? []) message(warning);
}

function show(job) {
  let row = rows.get(job.id);
  if (isOver(job)) {
    row?.remove();
    rows.delete(job.id);
    return;
  }
  if (!row) {
    const name = photoName(job.photo);
    const stop = iconButton("close", t("cancel_job"), () => cancel(job.id), { class: "icon-button tip-left" });
    row = make("li", { class: "job", data: { job: job.id } }, [
      make("p", { text: name ? `${t(`job_${job.kind}`)} · ${name}` : t(`job_${job.kind}`) }),
      stop,
      make("p", { class: "quiet" }),
      make("progress", { "aria-label": t("progress") }),
    ]);
    rows.set(job.id, row);
    el("jobs").append(row);
  }
  row.querySelector(".quiet").textContent = progressText(job);
  const bar = row.querySelector("progress");
  if (job.state === "running" && job.total) {
    bar.value = job.done / job.total;
    const quarter = Math.floor((100 * bar.value) / SAID);
    if (quarter > Number(row.dataset.said ?? 0)) say(progressText(job));
    row.dataset.said = quarter;
  } else if (job.state === "waiting") bar.value = 0;
  else bar.removeAttribute("value");
}

// A method may be silent for a while: the time goes on all the same.
const TICK = 1; // s
setInterval(() => {
  for (const job of app.jobs.values()) {
    if (job.state !== "running") continue;
    job.seconds += TICK;
    if (job.left) job.left = Math.max(job.left - TICK, TICK);
    show(job);
  }
}, 1000 * TICK);

export const cancel = (id) => remove(`jobs/${id}`);

// All jobs of a server that has started anew are those it says there are.
export function takeAll(jobs) {
  const known = new Set(jobs.map((job) => job.id));
  for (const [id, job] of app.jobs) {
    if (known.has(id)) continue;
    app.jobs.delete(id);
    rows.get(id)?.remove();
    rows.delete(id);
    if (!isOver(job)) {
      ended({ ...job, state: "lost" }, false);
      message(t("job_lost", { kind: t(`job_${job.kind}`) }), "error");
    }
  }
  for (const job of jobs) take(job);
}

on("server:job", take);

export const running = () => [...app.jobs.values()].filter((job) => !isOver(job));
