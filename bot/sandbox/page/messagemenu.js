// What can be done with a message: the little bar that appears over it, and the menu behind its dots.

import { act } from "./door.js";
import { go, linkTo } from "./address.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { isReply, store } from "./store.js";
import { menu } from "./popover.js";
import { showJson } from "./json.js";
import { toast } from "./toasts.js";

/** Where a message stands, as parts of the address. */
export const placeOf = (message, channel) => ({
  channel,
  tab: null,
  thread: isReply(message) ? message.thread_ts : null,
  message: message.ts,
});
export const permalink = (message, channel) => linkTo(placeOf(message, channel));

export function toolbar(message, channel, where) {
  if (message.subtype === "tombstone") return null;
  const reply =
    where === "channel" &&
    !message.ephemeral &&
    h(
      "button.icon-button",
      {
        type: "button",
        title: "Reply in thread",
        "aria-label": "Reply in thread",
        "data-testid": "reply-in-thread",
        onclick: () => go({ channel, thread: message.thread_ts ?? message.ts }),
      },
      icon("thread", 18),
    );
  const more = h(
    "button.icon-button",
    {
      type: "button",
      title: "More actions",
      "aria-label": "More actions",
      "aria-haspopup": "menu",
      onclick: (event) => openMore(event.currentTarget, message, channel),
    },
    icon("more", 18),
  );
  return h("div.toolbar", { role: "toolbar", "aria-label": "Message actions" }, reply, more);
}

function openMore(anchor, message, channel) {
  const shortcuts = store.shortcuts.filter((one) => (one.kind ?? one.type) === "message" && !message.ephemeral);
  const runShortcut = (one) =>
    act("shortcut", { callback_id: one.callback_id, channel, ts: message.ts }).catch((error) =>
      toast(error.message, { kind: "error" }),
    );
  menu(
    anchor,
    [
      {
        label: "Copy link",
        icon: icon("link", 18),
        run: () => copy(location.origin + location.pathname + permalink(message, channel)),
      },
      { label: "Copy text", icon: icon("copy", 18), run: () => copy(message.text ?? "") },
      { label: "View as JSON", icon: icon("braces", 18), run: () => showJson(message, `Message ${message.ts}`) },
      ...(shortcuts.length ? [null] : []),
      ...shortcuts.map((one) => ({
        label: one.name,
        detail: store.app?.name,
        icon: icon("bolt", 18),
        value: one.callback_id,
        run: () => runShortcut(one),
      })),
    ],
    { label: "More message actions" },
  );
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("The browser does not allow copying here.", { kind: "error" });
  }
}
