// The live line to the server: what changed is taken in here; a broken line is mended by reading everything again.

import { compareTs, dropMessage, isReply, kept, me, putMessage, store, tell, threadKey } from "./store.js";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

let socket = null;
let wait = FIRST_WAIT_MS;
let watching = () => null;

/** Listens as `as`; `reload` is called whenever something may have been missed. `looking` gives the open channel. */
export function listen(as, { reload, looking }) {
  watching = looking;
  socket?.close();
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const mine = (socket = new WebSocket(`${scheme}//${location.host}/sandbox/live?as=${encodeURIComponent(as)}`));
  let wasOpen = false;
  mine.onopen = () => {
    if (mine !== socket) return;
    wasOpen = true;
    const again = wait !== FIRST_WAIT_MS;
    wait = FIRST_WAIT_MS;
    connected(true);
    if (again) reload();
  };
  mine.onmessage = ({ data }) => mine === socket && take(JSON.parse(data), reload);
  mine.onclose = () => {
    if (mine !== socket) return;
    connected(false);
    setTimeout(() => mine === socket && listen(as, { reload, looking }), wait);
    wait = Math.min(wait * (wasOpen ? 1.5 : 2), LONGEST_WAIT_MS);
  };
}

function connected(yes) {
  store.connected = yes;
  tell("connected", yes);
}

const TAKE = {
  message: ({ channel, message }) => came(channel, kept(message)),
  ephemeral: ({ channel, message }) => came(channel, { ...message, ephemeral: true }),
  message_changed: ({ channel, message }) => edited(channel, kept(message)),
  message_deleted: ({ channel, ts }) => gone(channel, ts),
  view_opened: (item) => tell("view_opened", item),
  view_updated: (item) => tell(item.view?.type === "home" ? "home" : "view_updated", takeHome(item)),
  view_closed: (item) => tell("view_closed", item),
  home: (item) => tell("home", takeHome(item)),
  warning: ({ text }) => tell("warning", text),
  traffic: ({ entry }) => tell("traffic", entry),
};

function take(item, reload) {
  if (item.type === "state") reload({ quiet: true });
  else TAKE[item.type]?.(item.type === "traffic" && !item.entry ? { entry: item } : item);
}

function takeHome(item) {
  if (item.type === "home" || item.view?.type === "home") store.home = item.view;
  return item;
}

/** The kept lists in which a message stands: its thread's, its channel's, or both. */
function lists(channel, message) {
  const reply = isReply(message);
  const thread = store.threads.get(threadKey(channel, message.thread_ts ?? message.ts));
  const inChannel = !reply || message.subtype === "thread_broadcast";
  return [inChannel && store.messages.get(channel), (reply || thread?.length) && thread].filter(Boolean);
}

function came(channel, message) {
  for (const list of lists(channel, message)) putMessage(list, message);
  if (isReply(message) && !message.ephemeral) countReply(channel, message);
  if (message.user !== store.me) countUnread(channel, message);
  tell("messages", { channel });
}

function edited(channel, message) {
  for (const list of lists(channel, message)) putMessage(list, message);
  tell("messages", { channel });
}

function gone(channel, ts) {
  const threads = [...store.threads].filter(([key]) => key.startsWith(`${channel}:`)).map(([, list]) => list);
  for (const list of [store.messages.get(channel) ?? [], ...threads]) dropMessage(list, ts);
  tell("messages", { channel });
}

// The root's summary follows at once, also when its own update comes later or is lost.
function countReply(channel, reply) {
  const roots = store.messages.get(channel) ?? [];
  const at = roots.findIndex((message) => message.ts === reply.thread_ts && !message.ephemeral);
  if (at < 0 || compareTs(roots[at].latest_reply ?? "0", reply.ts) >= 0) return;
  const root = roots[at];
  const users = [...new Set([...(root.reply_users ?? []), reply.user])].filter(Boolean);
  roots[at] = { ...root, reply_count: (root.reply_count ?? 0) + 1, reply_users: users, latest_reply: reply.ts };
}

function countUnread(channel, message) {
  const reads = watching() === channel && document.visibilityState === "visible" && !isReply(message);
  if (reads) return tell("read", { channel });
  const mine = mentions(message);
  if (isReply(message) && !mine && message.subtype !== "thread_broadcast") return;
  const { count = 0, mentions: seen = 0 } = store.unread.get(channel) ?? {};
  store.unread.set(channel, { count: count + 1, mentions: seen + (mine ? 1 : 0) });
  tell("unread");
}

function mentions(message) {
  const text = JSON.stringify([message.text, message.blocks, message.attachments]);
  const groups = [...store.usergroups.values()].filter((group) => group.users?.includes(store.me));
  const names = [
    `<@${store.me}>`,
    `"user_id":"${store.me}"`,
    ...groups.flatMap((group) => [`<!subteam^${group.id}`, `"usergroup_id":"${group.id}"`]),
  ];
  return Boolean(me()) && names.some((name) => text.includes(name));
}
