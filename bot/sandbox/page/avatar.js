// Faces: coloured initials for people, a drawn signal for the app.

import { h, svg } from "./dom.js";
import { botUserId, person, personName } from "./store.js";

const COLOURS = [
  "#d9622b",
  "#2f7ea8",
  "#5f8f3e",
  "#8a4fa3",
  "#c2406b",
  "#3a6ea5",
  "#a0742b",
  "#377e6e",
  "#6b5bb0",
  "#b3452f",
];

export function colourOf(id) {
  const known = person(id)?.avatar_color;
  if (known) return `#${known.replace("#", "")}`;
  let sum = 0;
  for (const letter of String(id)) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return COLOURS[sum % COLOURS.length];
}

export function initials(name) {
  const words = String(name).trim().split(/\s+/).filter(Boolean);
  if (!words.length) return "?";
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0].toUpperCase()).join("");
}

/** A rounded square of `size` pixels; decorative, as the name always stands beside it. */
export function avatar(id, size = 36, { presence = false } = {}) {
  const known = person(id);
  const isApp = id === botUserId();
  const name = known?.real_name || known?.name || personName(id);
  return h(
    "span.avatar",
    {
      "aria-hidden": "true",
      class: isApp ? "avatar-app" : "",
      style: { "--size": `${size}px`, "--colour": colourOf(id) },
    },
    isApp ? signal() : initials(name),
    presence && h("span.presence", { class: isApp ? "presence-app" : "" }),
  );
}

// A railway signal at "go" over two rails: what a pointsman tends.
function signal() {
  return svg(
    "svg",
    { viewBox: "0 0 36 36", class: "avatar-signal" },
    svg("rect", { x: 13, y: 5, width: 10, height: 19, rx: 5, fill: "#1d1c1d" }),
    svg("circle", { cx: 18, cy: 10.4, r: 2.9, fill: "#7a2230" }),
    svg("circle", { cx: 18, cy: 18.4, r: 2.9, fill: "#4be39a" }),
    svg("path", { d: "M18 24v7M9 31h18", stroke: "#1d1c1d", "stroke-width": 2.6, "stroke-linecap": "round" }),
  );
}
