// Every sentence of the page comes from one file of texts, so that another language is another file.

let texts = {};
let plural = new Intl.PluralRules("en");

export async function loadTexts(language = "en") {
  texts = await (await fetch(`/static/texts.${language}.json`)).json();
  plural = new Intl.PluralRules(language);
  document.documentElement.lang = language;
}

// The text of a key with {names} replaced; where `count` is given, the key's own form for that number.
export function t(key, values = {}) {
  let text = texts[key];
  if (text !== null && typeof text === "object") text = text[plural.select(values.count)] ?? text.other;
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

// Put texts where the HTML asks for them: data-t the content, data-t-tip a tooltip that is the label too,
// data-t-label a label alone, data-t-placeholder what an empty field shows.
export function fillTexts(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", t(element.dataset.tLabel));
  for (const element of root.querySelectorAll("[data-t-placeholder]")) element.placeholder = t(element.dataset.tPlaceholder);
  for (const element of root.querySelectorAll("[data-t-tip]")) setTip(element, t(element.dataset.tTip), element.dataset.keys);
}

export function setTip(element, text, keys = "") {
  element.setAttribute("aria-label", text);
  element.dataset.tip = keys ? `${text} (${keys})` : text;
  if (keys) element.setAttribute("aria-keyshortcuts", keys.replace("Ctrl", "Control").replaceAll(" ", ""));
}

export function seconds(value) {
  if (value < 0.995) return t("seconds", { n: value.toFixed(2) });
  if (value < 9.95) return t("seconds", { n: value.toFixed(1) });
  if (value < 90) return t("seconds", { n: Math.round(value) });
  return t("minutes", { n: Math.round(value / 60) });
}

export function pixels(value) {
  return value.toLocaleString(document.documentElement.lang);
}
