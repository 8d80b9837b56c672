// What the page knows of the workspace as one person sees it, and who wants to hear of changes.

const listeners = new Map();

export const store = {
  me: null,
  team: null,
  app: null,
  banner: null,
  commands: [],
  shortcuts: [],
  people: new Map(),
  usergroups: new Map(),
  channels: new Map(),
  messages: new Map(), // channel id -> root messages, oldest first
  threads: new Map(), // "channel:ts" -> root and replies, oldest first
  unread: new Map(), // channel id -> {count, mentions}
  home: null,
  connected: false,
};

/** Calls `hear(detail)` on every `topic`; returns what stops it. */
export function on(topic, hear) {
  if (!listeners.has(topic)) listeners.set(topic, new Set());
  listeners.get(topic).add(hear);
  return () => listeners.get(topic).delete(hear);
}

export function tell(topic, detail) {
  for (const hear of [...(listeners.get(topic) ?? [])]) hear(detail);
}

export function takeState(state) {
  store.team = typeof state.team === "string" ? { id: state.team, name: state.team } : state.team;
  store.me = typeof state.me === "string" ? state.me : (state.me?.id ?? store.me);
  store.app = state.app ?? null;
  store.banner = state.banner ?? null;
  store.commands = state.commands ?? [];
  store.shortcuts = state.shortcuts ?? [];
  store.people = byId(state.people);
  store.usergroups = byId(state.usergroups);
  store.channels = byId(state.channels);
  for (const channel of store.channels.values()) {
    if (store.unread.has(channel.id)) continue;
    store.unread.set(channel.id, { count: channel.unread ?? 0, mentions: channel.mentions ?? 0 });
  }
  tell("state");
}

/** Forgets what was one person's view, before another person's is loaded. */
export function forgetView() {
  store.messages.clear();
  store.threads.clear();
  store.unread.clear();
  store.home = null;
}

export const person = (id) => store.people.get(id) ?? null;
export const channel = (id) => store.channels.get(id) ?? null;
export const me = () => person(store.me);
export const botUserId = () => store.app?.bot_user_id ?? null;
export const threadKey = (channelId, ts) => `${channelId}:${ts}`;
export const isReply = (message) => Boolean(message.thread_ts) && message.thread_ts !== message.ts;

export const SLACKBOT = "USLACKBOT";

export function personName(id) {
  if (id === SLACKBOT) return "Slackbot";
  const known = person(id);
  return known?.display_name || known?.real_name || known?.name || id;
}

export function otherInDm(dm) {
  return dm.user ?? dm.with ?? botUserId();
}

export function channelName(id) {
  const known = channel(id);
  if (!known) return id;
  return known.kind === "dm" ? personName(otherInDm(known)) : known.name.replace(/^#/, "");
}

/** A message as the page keeps it; the server may mark what one person alone sees in either of two words. */
export const kept = (message) =>
  message.is_ephemeral && !message.ephemeral ? { ...message, ephemeral: true } : message;

/** Puts a message where it belongs by its time, or over the one with the same time. */
export function putMessage(list, message) {
  const at = list.findIndex(
    (known) => known.ts === message.ts && Boolean(known.ephemeral) === Boolean(message.ephemeral),
  );
  if (at >= 0) {
    list[at] = message;
    return;
  }
  const next = list.findIndex((known) => compareTs(known.ts, message.ts) > 0);
  if (next < 0) list.push(message);
  else list.splice(next, 0, message);
}

export function dropMessage(list, ts) {
  const at = list.findIndex((known) => known.ts === ts);
  if (at >= 0) list.splice(at, 1);
}

export function compareTs(left, right) {
  const [leftSeconds, leftRest = ""] = String(left).split(".");
  const [rightSeconds, rightRest = ""] = String(right).split(".");
  return (
    Number(leftSeconds) - Number(rightSeconds) || Number(leftRest.padEnd(6, "0")) - Number(rightRest.padEnd(6, "0"))
  );
}

const byId = (rows) => new Map((rows ?? []).map((row) => [row.id, row]));
