// The server's REST interface. Errors come as the one line that the server says.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

// The server does not answer at all: what was asked may be asked again.
export class Gone extends Error {}

async function ask(method, path, options = {}) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, { method, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Gone(error.message);
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new ApiError(body.error ?? `${answer.status} ${answer.statusText}`, answer.status);
}

const json = async (answer) => ((await answer).status === 204 ? null : (await answer).json());

export const get = (path) => json(ask("GET", path));
export const remove = (path) => json(ask("DELETE", path));
export const blob = async (path, signal) => (await ask("GET", path, { signal })).blob();

// A file with the name that the server gives it.
export async function file(path) {
  const answer = await ask("GET", path);
  const said = answer.headers.get("content-disposition") ?? "";
  const name = decodeURIComponent(/filename\*=UTF-8''([^;]+)/.exec(said)?.[1] ?? "inpaintkit");
  return { data: await answer.blob(), name };
}

export function post(path, body = {}) {
  return json(ask("POST", path, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }));
}

export function upload(path, fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return json(ask("POST", path, { body: form }));
}

// What would be selected: an image, and the box that it lies in.
export async function selected(photo, event, signal) {
  const body = JSON.stringify(event);
  const answer = await ask("POST", `photos/${photo}/select`, { body, signal, headers: { "Content-Type": "application/json" } });
  return { data: await answer.blob(), box: answer.headers.get("x-box").split(",").map(Number) };
}

// A change with the pixels it came with as images; they are decoded beside the page's own work.
export async function withImages(change) {
  const { pixels, ...rest } = change;
  if (!pixels) return change;
  const made = Object.entries(pixels).map(async ([which, png]) => [which, await decoded(png)]);
  return { ...rest, images: Object.fromEntries(await Promise.all(made)) };
}

const decoded = (png) => image(new Blob([Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0))]));
export const image = (data) => createImageBitmap(data, { colorSpaceConversion: "none" });

export const tilePath = (photo, which, level, column, row, version) =>
  `photos/${photo}/tiles/${encodeURIComponent(which)}/${level}/${column}/${row}?v=${version}`;

export const thumbnail = (photo, version) => `/api/photos/${photo}/thumbnail.png?v=${version}`;
