// JSON for people: indented, coloured, and in a dialog when asked for.

import { h, trapFocus } from "./dom.js";
import { icon } from "./icons.js";

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g;
const SHOWN_MAX = 60_000;

export function jsonNode(value) {
  const text = typeof value === "string" ? value : (JSON.stringify(value, null, 2) ?? "undefined");
  const shown =
    text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}\n… ${text.length - SHOWN_MAX} more characters` : text;
  return h("pre.json", { tabindex: "0" }, coloured(shown));
}

function coloured(text) {
  const out = [];
  let last = 0;
  for (const found of text.matchAll(TOKEN)) {
    const [whole, string, colon, word] = found;
    if (found.index > last) out.push(text.slice(last, found.index));
    const kind = string ? (colon ? "json-key" : "json-string") : word ? "json-word" : "json-number";
    out.push(h(`span.${kind}`, null, string ?? whole), colon ?? "");
    last = found.index + whole.length;
  }
  out.push(text.slice(last));
  return out;
}

export function showJson(value, title) {
  const close = () => {
    backdrop.remove();
    giveBack();
  };
  const box = h(
    "div.dialog.dialog-wide",
    { role: "dialog", "aria-modal": "true", "aria-label": title },
    h(
      "header.dialog-head",
      null,
      h("h2", null, title),
      h("button.icon-button", { type: "button", "aria-label": "Close", onclick: close }, icon("close", 20)),
    ),
    h("div.dialog-body", null, jsonNode(value)),
  );
  const backdrop = h(
    "div.backdrop.backdrop-top",
    {
      onkeydown: (event) => event.key === "Escape" && close(),
      onclick: (event) => event.target === backdrop && close(),
    },
    box,
  );
  document.getElementById("overlays").append(backdrop);
  const giveBack = trapFocus(box);
  box.querySelector("button").focus();
}
