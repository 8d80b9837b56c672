// Short notices at the edge of the window: what Slack warns of, and what went wrong here.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const SHOWN_MS = { warning: 12_000, error: 12_000, info: 4_000 };

export function toast(text, { kind = "info" } = {}) {
  const box = document.getElementById("toasts");
  const close = () => node.remove();
  const node = h(
    "div.toast",
    { class: `toast-${kind}`, role: kind === "info" ? "status" : "alert", "data-testid": "toast" },
    icon(kind === "info" ? "check" : "warning", 18),
    h("span", null, text),
    h("button.icon-button", { type: "button", "aria-label": "Dismiss", onclick: close }, icon("close", 16)),
  );
  while (box.children.length > 3) box.firstChild.remove();
  box.append(node);
  setTimeout(close, SHOWN_MS[kind]);
}
