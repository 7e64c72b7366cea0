// What the parts of the page say to one another, and what they all look at.

const bus = new EventTarget();

export const on = (name, listener) => bus.addEventListener(name, (event) => listener(event.detail));
export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

export const app = {
  state: null, // the server's /api/state
  methods: [], // its /api/methods
  photo: null, // the open photo, as /api/photos/P gives it
  jobs: new Map(), // id -> job
  layer: "mask", // the layer that is painted on
  find: null, // {id, pieces, accepted} of the proposal that is shown
  candidates: null, // {job, list, shown} of the fills to choose from
};

const settings = "inpaintkit:settings";

// What a person has set stays set: brush, sensitivity, method and the like.
export function setting(name, fallback) {
  const value = JSON.parse(localStorage.getItem(settings) ?? "{}")[name];
  return value === undefined ? fallback : value;
}

export function keep(name, value) {
  const all = JSON.parse(localStorage.getItem(settings) ?? "{}");
  localStorage.setItem(settings, JSON.stringify({ ...all, [name]: value }));
}

const settledKey = "inpaintkit:settled";
const MAX_SETTLED = 100;
const settled = () => JSON.parse(localStorage.getItem(settledKey) ?? "[]");

// A proposal that was taken or put away does not come again after a reload.
export const isSettled = (id) => settled().includes(id);

export function settle(id) {
  localStorage.setItem(settledKey, JSON.stringify([...settled().filter((each) => each !== id), id].slice(-MAX_SETTLED)));
}

// A further page of a file is a photo of its own, named after the first one.
const PAGE = "-page-";
export const fileOf = (id) => id.split(PAGE)[0];
export const pageOf = (file, page) => (page > 1 ? `${file}${PAGE}${page}` : file);

export const el = (id) => document.getElementById(id);

// An element with properties and children: make("button", {type: "button", class: "small", text: "OK"}, [icon("check")])
export function make(tag, properties = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const image = document.createElementNS(space, "svg");
  image.setAttribute("class", "icon");
  image.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  image.append(use);
  return image;
}
