// Controls that several parts of the page are made of.

import { icon, make } from "./bus.js";
import { setTip } from "./texts.js";

let count = 0;
export const newName = () => `control-${(count += 1)}`;

// A label, its control and a line of help.
export function field(label, control, help = "", { inline = false } = {}) {
  control.id ||= newName();
  const parts = [make("label", { text: label, htmlFor: control.id }), control];
  if (help) {
    const text = make("p", { class: "quiet", id: newName(), text: help });
    control.setAttribute("aria-describedby", text.id);
    parts.push(text);
  }
  return make("div", { class: inline ? "field inline" : "field" }, parts);
}

// Radio buttons that look like one bar: [{value, text}]
export function segments(label, choices, value, onchange, { wide = true } = {}) {
  const name = newName();
  const options = choices.map((choice) =>
    make("label", {}, [
      make("input", { type: "radio", name, value: choice.value, checked: choice.value === value, onchange: () => onchange(choice.value) }),
      make("span", { text: choice.text }),
    ]),
  );
  return make("div", { class: wide ? "segments wide" : "segments", role: "radiogroup", "aria-label": label }, options);
}

export function check(text, checked, onchange) {
  const input = make("input", { type: "checkbox", checked, onchange: () => onchange(input.checked) });
  return make("label", { class: "check" }, [input, make("span", { text })]);
}

export function select(choices, value, onchange) {
  const control = make("select", { onchange: () => onchange(control.value) });
  control.append(...choices.map((choice) => make("option", { value: choice.value, text: choice.text, disabled: Boolean(choice.disabled) })));
  control.value = value;
  return control;
}

// A slider with its value beside it.
export function slider(label, { min, max, step, value, show = String, oninput }) {
  const output = make("output", { text: show(value) });
  const input = make("input", { type: "range", min, max, step, value, id: newName() });
  input.setAttribute("aria-valuetext", show(value));
  input.addEventListener("input", () => {
    output.textContent = show(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
    oninput(Number(input.value));
  });
  return make("div", { class: "field" }, [make("label", { text: label, htmlFor: input.id }), make("div", { class: "row" }, [input, output])]);
}

export function iconButton(name, tip, onclick, { keys = "", ...properties } = {}) {
  const button = make("button", { type: "button", class: "icon-button", onclick, ...properties }, [icon(name)]);
  setTip(button, tip, keys);
  return button;
}

export const button = (text, onclick, properties = {}) => make("button", { type: "button", class: "button", text, onclick, ...properties });

// Wait with a call until nothing has come for a while.
export function debounced(call, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), milliseconds);
  };
}
