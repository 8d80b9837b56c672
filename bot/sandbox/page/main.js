// Opens the workspace: builds the panes, follows the address, and keeps both in step with the server.

import { askState } from "./door.js";
import { Channel, markRead } from "./channel.js";
import { fill, h } from "./dom.js";
import { botUserId, forgetView, on, otherInDm, store, takeState } from "./store.js";
import { go, view } from "./address.js";
import { icon } from "./icons.js";
import { Inspector } from "./inspector.js";
import { listen } from "./live.js";
import { drawer, Sidebar } from "./sidebar.js";
import { showViews, startModals } from "./modal.js";
import { Thread } from "./thread.js";
import { toast } from "./toasts.js";
import { TopBar } from "./topbar.js";

const FIRST_PERSON = "mina"; // who starts things; the others decide
const LAST_PERSON = "last-person";
const AGAIN_MS = 2_000;

let entries = 0;

const panes = {
  top: new TopBar(),
  side: new Sidebar(),
  channel: new Channel(),
  thread: new Thread(),
  inspector: new Inspector(),
};
const banner = h("div.banner", { role: "note", hidden: true, "data-testid": "banner" });
const app = document.getElementById("app");

async function start() {
  build();
  startModals();
  on("state", showBanner);
  on("view", () => drawer(false));
  on("view", follow);
  on("read", ({ channel }) => markRead(channel));
  document.addEventListener(
    "visibilitychange",
    () => document.visibilityState === "visible" && view.channel && markRead(view.channel),
  );
  addEventListener("keydown", (event) => event.key === "Escape" && drawer(false));
  await enter(view.as);
  app.removeAttribute("aria-busy");
}

function build() {
  fill(
    app,
    banner,
    panes.top.node,
    h(
      "div.workspace-frame",
      null,
      panes.side.node,
      h("div.scrim", { onclick: () => drawer(false) }),
      h("div.desk", null, h("div.panes", null, panes.channel.node, panes.thread.node), panes.inspector.node),
    ),
  );
}

/** Comes in as a person: all that was another's view is forgotten first. A newer entry overtakes an older one. */
async function enter(as) {
  const mine = (entries += 1);
  forgetView();
  showViews([]);
  let views = [];
  try {
    views = await load(as ?? localStorage.getItem(LAST_PERSON) ?? FIRST_PERSON, () => mine === entries);
  } catch (error) {
    return mine === entries && enterAgain(as, error);
  }
  if (mine !== entries) return;
  localStorage.setItem(LAST_PERSON, store.me);
  listen(store.me, { reload, looking: () => (view.tab === "home" ? null : view.channel) });
  const channel = knownChannel();
  const same = channel === view.channel;
  go(
    { as: store.me, channel, thread: same ? view.thread : null, message: same ? view.message : null },
    { replace: true },
  );
  await follow();
  showViews(views);
  panes.inspector.follow();
}

// Somebody the workspace does not know becomes someone it knows; a server that is not there yet is asked again.
async function enterAgain(as, error) {
  toast(error.message, { kind: "error" });
  const known = localStorage.getItem(LAST_PERSON);
  if (error.answered) localStorage.removeItem(LAST_PERSON);
  if (!error.answered || (!as && !known)) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  return enter(error.answered ? null : as);
}

async function load(as, wanted = () => true) {
  const state = await askState(as);
  if (!wanted()) return [];
  takeState(state);
  store.home = state.home ?? null;
  return state.views ?? [];
}

function knownChannel() {
  if (store.channels.has(view.channel)) return view.channel;
  if (view.channel?.startsWith("D")) return ownAppChannel();
  const rooms = [...store.channels.values()].filter((one) => one.kind !== "dm" && one.member !== false);
  const general = rooms.find((one) => one.name === "general") ?? rooms[0];
  return (general ?? [...store.channels.values()].find((one) => otherInDm(one)))?.id ?? null;
}

const ownAppChannel = () =>
  [...store.channels.values()].find((one) => one.kind === "dm" && otherInDm(one) === botUserId())?.id ?? null;

async function follow() {
  if (view.as && view.as !== store.me) return enter(view.as);
  await Promise.all([panes.channel.follow(), panes.thread.follow()]);
  if (!view.message) return;
  const pane = view.thread ? panes.thread : panes.channel;
  pane.feed.reveal(view.message);
}

/** Reads everything again after a lost line; `quiet`: just people and places, as the workspace itself changed. */
async function reload({ quiet = false } = {}) {
  try {
    if (!quiet) store.unread.clear();
    const views = await load(store.me);
    if (!quiet) showViews(views);
  } catch (error) {
    return toast(error.message, { kind: "error" });
  }
  if (quiet) return;
  await Promise.all([panes.channel.follow({ again: true }), panes.thread.follow({ again: true })]);
}

function showBanner() {
  banner.hidden = !store.banner;
  fill(banner, icon("info", 16), h("span", null, store.banner ?? ""));
}

start();
