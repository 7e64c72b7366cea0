// What the page has to say: errors stay until somebody has read them, the rest is said once.

import { Gone } from "./api.js";
import { app, el, fileOf, make, on } from "./bus.js";
import { lost } from "./connection.js";
import { iconButton } from "./controls.js";
import { seconds, t } from "./texts.js";

const STAYS = 8000; // ms
const MAX_SHOWN = 6;

export function message(text, kind = "note") {
  const box = el("messages");
  const same = [...box.children].find((each) => each.dataset.text === text);
  same?.remove();
  const shown = make("div", { class: `message ${kind}`, data: { text } }, [make("p", { text })]);
  shown.append(iconButton("close", t("close"), () => shown.remove(), { class: "icon-button tip-left" }));
  box.append(shown);
  const notes = [...box.querySelectorAll(".message:not(.error)")];
  for (const note of notes.slice(0, Math.max(notes.length - MAX_SHOWN, 0))) note.remove();
  if (kind !== "error") setTimeout(() => shown.remove(), STAYS);
  shown.scrollIntoView?.({ block: "nearest" });
}

// Said to those who do not see the page.
export function say(text) {
  el("live").textContent = text;
}

// Say what went wrong. That the server does not answer is said by the banner, as long as it lasts.
export function fail(error) {
  if (error instanceof Gone) lost();
  message(error instanceof Gone ? t("gone_now") : error.message || String(error), "error");
}

// What was said of one photo is not left lying over the next.
on("photo", () => el("messages").querySelectorAll(".message:not(.error)").forEach((each) => each.remove()));

on("error", fail);
on("say", say);

on("gone", () => banner(t("gone")));
on("locked", () => banner(t("locked")));
on("back", () => {
  el("banner").hidden = true;
  say(t("back"));
});

function banner(text) {
  el("banner").querySelector("span").textContent = text;
  el("banner").hidden = false;
}

// Nothing that goes wrong is silent.
addEventListener("unhandledrejection", (event) => fail(event.reason));
addEventListener("error", (event) => {
  if (event.error) fail(event.error);
});

export const progressText = (job) => {
  if (job.state === "waiting") return t("job_waiting", { count: job.place });
  const share = job.total ? `${Math.floor((100 * job.done) / job.total)} %` : "";
  const left = job.left === null || job.left === undefined ? seconds(job.seconds) : t("job_left", { left: seconds(job.left) });
  return [share, left, job.remark].filter(Boolean).join(" · ");
};

export const photoName = (id) => (app.photo?.id === id ? app.photo.name : (photos().find((photo) => photo.id === fileOf(id ?? ""))?.name ?? ""));
export const photos = () => [...(app.state?.folder?.photos ?? []), ...(app.state?.photos ?? [])];
