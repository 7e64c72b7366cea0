// What is done to a photo goes to the server in its order, one after another, and is kept here until the server has it:
// what is drawn while the server is away is sent when it is back.

import { ApiError, Gone, newId, post } from "./api.js";
import { emit, on } from "./bus.js";
import { lost } from "./connection.js";

const key = (photo) => `inpaintkit:queue:${photo}`;

export class Queue {
  constructor(photo) {
    this.photo = photo;
    this.items = JSON.parse(localStorage.getItem(key(photo)) ?? "[]").filter(Boolean);
    this.running = false;
    this.idle = Promise.resolve();
  }

  // Send {path, body, undoFirst}; `live` is what is drawn until the server's answer is shown.
  add(path, body, { live = null, undoFirst = false } = {}) {
    const item = { id: newId(), path, body, undoFirst };
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
            changes.push(await post(`photos/${this.photo}/undo`, { id: `${item.id}u` }));
            item.undoFirst = false;
            this.store();
          }
          changes.push(await post(`photos/${this.photo}/${item.path}`, { ...item.body, id: item.id }));
        } catch (error) {
          if (error instanceof Gone) {
            lost();
            return;
          }
          if (!(error instanceof ApiError)) throw error;
          emit("error", error);
          emit("refused", item);
        }
        this.items.shift();
        this.store();
        emit("sent", { photo: this.photo, item, changes });
      }
    } finally {
      this.running = false;
    }
  }
}

let current = null;

// The queue of the photo that is open.
export function queueOf(photo) {
  if (current?.photo !== photo) current = new Queue(photo);
  return current;
}

on("back", () => current?.run());
