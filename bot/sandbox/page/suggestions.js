// What the composer offers while one types: commands after "/", people after "@", channels after "#", emoji after ":".

import { h } from "./dom.js";
import { act } from "./door.js";
import { avatar } from "./avatar.js";
import { findEmoji } from "./emoji.js";
import { icon } from "./icons.js";
import { channelName, personName, SLACKBOT, store } from "./store.js";

const SHOWN_MAX = 14;
const BUILT_IN = [
  { id: "here", about: "Notify everyone who is active" },
  { id: "channel", about: "Notify everyone in this channel" },
];

/** Finds what is being typed before the caret: {from, rows, hint}, or null. `from` is where the replacement starts. */
export function suggest(text, caret) {
  const before = text.slice(0, caret);
  const slash = /^\/[\w-]*$/.exec(before);
  if (slash) return { from: 0, rows: commands(before), title: "Commands" };
  const word = /(?:^|[\s(])([@#:])([\p{L}\p{N}_.+-]*)$/u.exec(before);
  if (word) {
    const [, sign, typed] = word;
    const rows = { "@": names, "#": channels, ":": emoji }[sign](typed.toLowerCase());
    return rows.length
      ? { from: caret - typed.length - 1, rows, title: { "@": "People", "#": "Channels", ":": "Emoji" }[sign] }
      : null;
  }
  return null;
}

/** The command that a line starts with. One that nobody knows is a command too, and Slack will say so. */
export function commandOf(text) {
  const name = /^(\/[\w-]+)(?:\s|$)/.exec(text)?.[1];
  if (!name) return null;
  return (
    store.commands.find((one) => one.command === name) ??
    (name === INVITE.command ? INVITE : { command: name, should_escape: true })
  );
}

const INVITE = {
  command: "/invite",
  usage_hint: "@someone",
  description: "Bring someone into this channel",
  app: "Slack",
};

function commands(typed) {
  const known = [...store.commands, ...(store.commands.some((one) => one.command === INVITE.command) ? [] : [INVITE])];
  const rows = known
    .filter((one) => one.command.startsWith(typed))
    .map((one) => ({
      insert: `${one.command} `,
      value: one.command,
      node: [
        h("span.avatar-slot", null, one.app ? icon("people", 20) : avatar(store.app?.bot_user_id, 24)),
        h(
          "span.suggestion-text",
          null,
          h("strong", null, one.command),
          h("span.suggestion-usage", null, ` ${one.usage_hint ?? ""}`),
          h("span.suggestion-about", null, one.description ?? ""),
        ),
        h("span.suggestion-app", null, one.app ?? store.app?.name),
      ],
    }));
  return [...rows, ...shortcuts(typed.slice(1).toLowerCase())];
}

function shortcuts(typed) {
  return store.shortcuts
    .filter((one) => (one.kind ?? one.type) === "global" && one.name.toLowerCase().includes(typed))
    .map((one) => ({
      run: () => act("shortcut", { callback_id: one.callback_id }),
      value: one.callback_id,
      node: [
        h("span.avatar-slot", null, icon("bolt", 20)),
        h(
          "span.suggestion-text",
          null,
          h("strong", null, one.name),
          h("span.suggestion-about", null, one.description ?? ""),
        ),
        h("span.suggestion-app", null, store.app?.name),
      ],
    }));
}

const starts = (typed, ...texts) =>
  texts.some(
    (text) =>
      String(text ?? "")
        .toLowerCase()
        .split(/[\s.]/)
        .some((part) => part.startsWith(typed)) ||
      String(text ?? "")
        .toLowerCase()
        .startsWith(typed),
  );

function names(typed) {
  const people = [...store.people.values()].filter(
    (one) => one.id !== SLACKBOT && starts(typed, one.name, one.real_name, one.display_name),
  );
  const groups = [...store.usergroups.values()].filter((one) => starts(typed, one.handle, one.name));
  const everyone = typed ? BUILT_IN.filter((one) => one.id.startsWith(typed)) : [];
  return [
    ...people.map((one) => ({
      insert: `@${personName(one.id)} `,
      value: one.id,
      node: [
        avatar(one.id, 24),
        h(
          "span.suggestion-text",
          null,
          h("strong", null, personName(one.id)),
          h("span.suggestion-about", null, one.title || one.name),
        ),
      ],
    })),
    ...groups.map((one) => ({
      insert: `@${one.handle} `,
      value: one.id,
      node: [
        h("span.avatar-slot", null, icon("people", 20)),
        h(
          "span.suggestion-text",
          null,
          h("strong", null, `@${one.handle}`),
          h("span.suggestion-about", null, `${one.name} · ${one.users?.length ?? 0} people`),
        ),
      ],
    })),
    ...everyone.map((one) => ({
      insert: `@${one.id} `,
      value: one.id,
      node: [
        h("span.avatar-slot", null, icon("people", 20)),
        h("span.suggestion-text", null, h("strong", null, `@${one.id}`), h("span.suggestion-about", null, one.about)),
      ],
    })),
  ].slice(0, SHOWN_MAX);
}

function channels(typed) {
  return [...store.channels.values()]
    .filter((one) => one.kind !== "dm" && starts(typed, channelName(one.id)))
    .slice(0, SHOWN_MAX)
    .map((one) => ({
      insert: `#${channelName(one.id)} `,
      value: one.id,
      node: [
        h("span.avatar-slot", null, icon(one.kind === "private" ? "lock" : "hash", 18)),
        h(
          "span.suggestion-text",
          null,
          h("strong", null, channelName(one.id)),
          h("span.suggestion-about", null, one.topic ?? ""),
        ),
      ],
    }));
}

function emoji(typed) {
  if (typed.length < 2) return [];
  return findEmoji(typed, SHOWN_MAX).map((one) => ({
    insert: `${one.text} `,
    value: one.name,
    node: [h("span.avatar-slot", null, one.text), h("span.suggestion-text", null, `:${one.name}:`)],
  }));
}

/** Names in a typed text become ids, and what merely looks like an id stays text; the server does the rest. */
export function withIds(text, { labels = false } = {}) {
  const known = knownNames(labels);
  const keys = [...known.keys()]
    .sort((a, b) => b.length - a.length)
    .map((key) => key.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_.@&])(?:${keys.join("|")})(?![\\p{L}\\p{N}_])`, "giu");
  return String(text)
    .replace(/<([@#!][^<>]+)>/g, "&lt;$1&gt;")
    .split(/(```[\s\S]*?```|`[^`\n]+`)/)
    .map((part, at) => (at % 2 ? part : part.replace(pattern, (name) => known.get(name.toLowerCase()))))
    .join("");
}

function knownNames(labels) {
  const known = new Map([
    ["@here", "<!here>"],
    ["@channel", "<!channel>"],
    ["@everyone", "<!everyone>"],
  ]);
  for (const one of store.usergroups.values())
    known.set(`@${one.handle}`.toLowerCase(), labels ? `<!subteam^${one.id}|@${one.handle}>` : `<!subteam^${one.id}>`);
  for (const one of store.people.values()) {
    const token = labels ? `<@${one.id}|${one.name}>` : `<@${one.id}>`;
    for (const name of [one.name, one.real_name, one.display_name])
      if (name) known.set(`@${name}`.toLowerCase(), token);
  }
  for (const one of store.channels.values())
    if (one.kind !== "dm") known.set(`#${channelName(one.id)}`.toLowerCase(), `<#${one.id}|${channelName(one.id)}>`);
  return known;
}
