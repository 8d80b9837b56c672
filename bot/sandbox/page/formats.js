// The signs that dress a text: the bar above the composer, its shortcuts, and what they do to the chosen words.

import { h } from "./dom.js";
import { icon } from "./icons.js";

const FORMATS = [
  { name: "bold", label: "Bold", sign: "*", key: "b" },
  { name: "italic", label: "Italic", sign: "_", key: "i" },
  { name: "strike", label: "Strikethrough", sign: "~" },
  null,
  { name: "bullets", label: "Bulleted list", sign: "• ", eachLine: true },
  { name: "quote", label: "Quote", sign: "> ", eachLine: true },
  null,
  { name: "code", label: "Code", sign: "`", key: "e" },
  { name: "codeBlock", label: "Code block", sign: "```" },
];

/** The format that a key with Ctrl or ⌘ stands for, or undefined. */
export function formatOf(event) {
  if (!event.metaKey && !event.ctrlKey) return undefined;
  return FORMATS.find((format) => format?.key === event.key.toLowerCase());
}

export function formatBar(use) {
  const one = (format) =>
    format === null
      ? h("span.bar-line")
      : h(
          "button.icon-button",
          {
            type: "button",
            tabindex: "-1",
            title: format.label,
            "aria-label": format.label,
            onmousedown: (event) => event.preventDefault(),
            onclick: () => use(format),
          },
          icon(format.name, 18),
        );
  return h("div.composer-bar.format-bar", { role: "toolbar", "aria-label": "Formatting" }, FORMATS.map(one));
}

/** Dresses what is chosen in a text area and keeps it chosen. */
export function applyFormat(area, { sign, eachLine }) {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const chosen = value.slice(start, end);
  const dressed = eachLine
    ? chosen
        .split("\n")
        .map((line) => sign + line)
        .join("\n")
    : sign + chosen + sign;
  area.setRangeText(dressed, start, end, "end");
  const to = eachLine ? start + dressed.length : start + sign.length + chosen.length;
  area.setSelectionRange(start + sign.length, to);
}
