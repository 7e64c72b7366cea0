// What is done to a photo goes to the server in its order, one after another, and is kept here until the server has it:
// what is drawn while the server is away is sent when it is back.

import { ApiError, get, Gone, post, withImages } from "./api.js";
import { app, emit, on } from "./bus.js";
import { lost } from "./connection.js";

const key = (photo) => `inpaintkit:queue:${photo}`;

export class Queue {
  constructor(photo) {
    this.photo = photo;
    this.items = JSON.parse(localStorage.getItem(key(photo)) ?? "[]").filter(Boolean);
    this.running = false;
    this.idle = Promise.resolve();
  }

  // Send a body to a path below the photo; `live` is what is drawn until the server's answer is shown, `undoFirst` undoes
  // the last step before it, as one change.
  add(path, body, { live = null, undoFirst = false } = {}) {
    const item = { path, body, undoFirst };
    this.items.push(item);
    Object.defineProperty(item, "live", { value: live, writable: true }); // not to be stored
    this.store();
    this.run();
    return item;
  }

  store() {
    if (this.items.length) localStorage.setItem(key(this.photo), JSON.stringify(this.items));
    else localStorage.removeItem(key(this.photo));
    emit("queue", this.items.length);
  }

  run() {
    if (!this.running) this.idle = this.send();
    return this.idle;
  }

  async send() {
    this.running = true;
    try {
      while (this.items.length) {
        const item = this.items[0];
        const changes = [];
        try {
          if (item.undoFirst) {
            changes.push(await this.step(item, "undo", {}));
            item.undoFirst = false;
          }
          changes.push(await this.step(item, item.path, item.body, changes.at(-1)?.cursor));
        } catch (error) {
          if (error instanceof Gone) {
            lost();
            return;
          }
          if (!(error instanceof ApiError)) throw error;
          emit("error", error);
        }
        this.items.shift();
        this.store();
        emit("sent", { photo: this.photo, item, changes });
      }
    } finally {
      this.running = false;
    }
  }

  // One step of the history. Where the server went away before it answered, the step may have been done all the same:
  // then its history has moved on from where it was.
  async step(item, path, body, cursor = app.photo.cursor) {
    if (item.from !== undefined) {
      const now = await get(`photos/${this.photo}`);
      if (now.cursor !== item.from) {
        delete item.from;
        return { ...now, changed: {} };
      }
    }
    item.from = cursor;
    this.store();
    const change = await withImages(await post(`photos/${this.photo}/${path}`, body));
    delete item.from;
    return change;
  }
}

let current = null;

// The queue of the photo that is open.
export function queueOf(photo) {
  if (current?.photo !== photo) current = new Queue(photo);
  return current;
}

on("back", () => current?.run());
