// The box of emoji to choose from.

import { emojiGroups } from "./emoji.js";
import { h } from "./dom.js";
import { popover } from "./popover.js";

export function pickEmoji(anchor, put) {
  const choose = (text) => {
    close();
    put(text);
  };
  const choice = ({ name, text }) =>
    h(
      "button.emoji-choice",
      { type: "button", title: `:${name}:`, "aria-label": name.replaceAll("_", " "), onclick: () => choose(text) },
      text,
    );
  const group = ({ name, emoji }) => [h("div.emoji-group", null, name), h("div.emoji-grid", null, emoji.map(choice))];
  const close = popover(anchor, h("div.emoji-picker", null, emojiGroups.map(group)), {
    label: "Emoji",
    prefer: "above",
  });
}
