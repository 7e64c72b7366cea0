// The line to the server: what happens there comes as server-sent events. When the server is gone the page says so,
// asks until it is back, and takes up what it has missed.

import { ApiError, get, withImages } from "./api.js";
import { app, emit } from "./bus.js";

const ASK_AGAIN = 1000; // ms
const HIDDEN = 60_000; // ms until a tab that nobody sees gives up its line: a browser opens only six to a server

let source = null;
let waiting = 0;
export let isGone = false;

export function connect() {
  source?.close();
  source = new EventSource("/api/events");
  for (const kind of ["job", "photo", "folder"]) {
    source.addEventListener(kind, (event) => pass(kind, JSON.parse(event.data)));
  }
  source.onopen = () => emit("connected");
  source.onerror = () => lost();
}

// One after another, as they come: a change waits until its pixels are decoded, and what follows it waits, too.
let passing = Promise.resolve();
function pass(kind, content) {
  const ready = withImages(content);
  passing = passing.then(async () => emit(`server:${kind}`, await ready)).catch((error) => emit("error", error));
}

// The server does not answer: say so, and ask again and again.
export function lost() {
  source?.close();
  if (!isGone) emit("gone", (isGone = true));
  if (!waiting) waiting = setTimeout(askAgain, ASK_AGAIN);
}

async function askAgain() {
  waiting = 0;
  try {
    app.state = await get("state");
  } catch (error) {
    if (error instanceof ApiError && [401, 403].includes(error.status)) emit("locked");
    lost();
    return;
  }
  isGone = false;
  connect();
  emit("back");
}

let leaving = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(leaving);
  if (document.hidden) leaving = setTimeout(() => source?.close(), HIDDEN);
  else if (source?.readyState === EventSource.CLOSED && !isGone) connect();
});
