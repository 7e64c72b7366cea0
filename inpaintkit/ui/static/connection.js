// The line to the server: what happens there comes as server-sent events. When the server is gone the page says so,
// asks until it is back, and takes up what it has missed.

import { ApiError, get } from "./api.js";
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
    source.addEventListener(kind, (event) => emit(`server:${kind}`, JSON.parse(event.data)));
  }
  source.onopen = () => emit("connected");
  source.onerror = () => lost();
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
