// The view in the address bar: #as=U0ADA&channel=C0CONTENT&thread=…, so that a view can be linked to and reloaded.

import { tell } from "./store.js";

const KEYS = ["as", "channel", "tab", "thread", "message", "inspector"];

export let view = read();
let arrivedAt = location.hash;

function read() {
  const parts = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(KEYS.map((key) => [key, parts.get(key)]));
}

function write(next) {
  const parts = new URLSearchParams();
  for (const key of KEYS) if (next[key]) parts.set(key, next[key]);
  return `#${parts}`;
}

/**
 * Changes parts of the view; null takes a part away, and so does going on from a linked message.
 * `replace` leaves no entry in the browser's history.
 */
export function go(change, { replace = false } = {}) {
  const next = { ...view, message: null, ...change };
  const hash = write(next);
  if (hash === write(view)) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  arrive();
}

export function linkTo(change) {
  return write({ ...view, message: null, ...change });
}

// One step of the browser may be told twice, as hashchange and as popstate.
function arrive() {
  if (arrivedAt === location.hash) return;
  arrivedAt = location.hash;
  view = read();
  tell("view");
}

addEventListener("hashchange", arrive);
addEventListener("popstate", arrive);
