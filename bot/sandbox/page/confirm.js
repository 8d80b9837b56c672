// The small dialog that asks "Are you sure?" before a press counts.

import { h, trapFocus } from "./dom.js";
import { textObject } from "./mrkdwn.js";

/** Shows a confirm object of Block Kit; resolves to whether the person went on. */
export function confirmDialog(confirm) {
  return new Promise((resolve) => {
    const answer = (yes) => {
      backdrop.remove();
      giveBack();
      resolve(yes);
    };
    const deny = h(
      "button.button",
      { type: "button", onclick: () => answer(false), "data-testid": "confirm-deny" },
      textObject(confirm.deny ?? "Cancel"),
    );
    const go = h(
      "button.button",
      {
        type: "button",
        class: confirm.style === "danger" ? "danger" : "primary",
        onclick: () => answer(true),
        "data-testid": "confirm-accept",
      },
      textObject(confirm.confirm ?? "Yes"),
    );
    const box = h(
      "div.dialog.dialog-small",
      {
        role: "alertdialog",
        "aria-modal": "true",
        "aria-labelledby": "confirm-title",
        "aria-describedby": "confirm-text",
        "data-testid": "confirm",
      },
      h("header.dialog-head", null, h("h2", { id: "confirm-title" }, textObject(confirm.title ?? "Are you sure?"))),
      h("div.dialog-body.dialog-text", { id: "confirm-text" }, textObject(confirm.text)),
      h("footer.dialog-foot", null, deny, go),
    );
    const backdrop = h(
      "div.backdrop.backdrop-top",
      { onkeydown: (event) => event.key === "Escape" && (event.stopPropagation(), answer(false)) },
      box,
    );
    document.getElementById("overlays").append(backdrop);
    const giveBack = trapFocus(box);
    (confirm.style === "danger" ? deny : go).focus();
  });
}
