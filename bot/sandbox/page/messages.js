// One message: who said it and when, what it says, and what hangs on it.

import { h } from "./dom.js";
import { act } from "./door.js";
import { attachment } from "./attachments.js";
import { avatar } from "./avatar.js";
import { badges, showPerson } from "./profile.js";
import { blockNodes } from "./blocks.js";
import { emojiNode } from "./mentions.js";
import { fileNodes } from "./files.js";
import { fullTime, gutterTime, lastReplyLabel, timeOf } from "./times.js";
import { go } from "./address.js";
import { icon } from "./icons.js";
import { isOnlyEmoji } from "./emoji.js";
import { botUserId, dropMessage, person, personName, store, tell } from "./store.js";
import { mrkdwn, textObject } from "./mrkdwn.js";
import { permalink, placeOf, toolbar } from "./messagemenu.js";
import { valuesOf } from "./values.js";

const SYSTEM = new Set([
  "channel_join",
  "channel_leave",
  "channel_topic",
  "channel_purpose",
  "channel_name",
  "channel_archive",
]);

export const authorOf = (message) => message.user ?? (message.bot_id ? botUserId() : null);

/** `where` is "channel" or "thread"; `grouped` leaves face and name out, as they stand above. */
export function messageNode(message, { channel, where, grouped }) {
  const place = { channel, ts: message.ts, ...(message.ephemeral ? { ephemeral: true } : {}) };
  const summary = where === "channel" && message.reply_count > 0 && threadSummary(message, channel);
  return h(
    "article.message",
    {
      class: [grouped && "is-grouped", message.ephemeral && "is-ephemeral"].filter(Boolean).join(" "),
      role: "listitem",
      "data-ts": message.ts,
      "data-key": keyOf(message),
      "data-author": authorOf(message),
      tabindex: "-1",
      "data-ephemeral": message.ephemeral ? "true" : null,
      "aria-label": `${nameOf(message)}, ${timeOf(message.ts)}`,
    },
    message.ephemeral && onlyYou(message, channel),
    message.subtype === "thread_broadcast" && broadcastNote(message, channel, where),
    h(
      "div.message-row",
      null,
      gutter(message, grouped),
      h("div.message-main", null, !grouped && head(message, channel), body(message, place, where), summary),
    ),
    toolbar(message, channel, where),
  );
}

export const keyOf = (message) => `${message.ephemeral ? "e" : "m"}${message.ts}`;

function nameOf(message) {
  return message.username ?? personName(authorOf(message));
}

function gutter(message, grouped) {
  if (grouped)
    return h("div.gutter", null, h("time.gutter-time", { title: fullTime(message.ts) }, gutterTime(message.ts)));
  const id = authorOf(message);
  return h(
    "div.gutter",
    null,
    h(
      "button.face",
      {
        type: "button",
        tabindex: "-1",
        "aria-label": `Profile of ${nameOf(message)}`,
        onclick: (event) => showPerson(id, event.currentTarget),
      },
      avatar(id),
    ),
  );
}

function head(message, channel) {
  const id = authorOf(message);
  const known = person(id) ?? {};
  return h(
    "div.message-head",
    null,
    h("button.author", { type: "button", onclick: (event) => showPerson(id, event.currentTarget) }, nameOf(message)),
    badges(known),
    h(
      "a.time",
      {
        href: permalink(message, channel),
        title: fullTime(message.ts),
        onclick: (event) => openHere(event, message, channel),
      },
      h("time", null, timeOf(message.ts)),
    ),
  );
}

function openHere(event, message, channel) {
  if (event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  go(placeOf(message, channel));
}

function body(message, place, where) {
  if (message.subtype === "tombstone") return h("div.message-text.tombstone", null, "This message was deleted.");
  if (SYSTEM.has(message.subtype)) return h("div.message-text.system", null, mrkdwn(message.text ?? ""));
  const ctx = {
    place,
    channel: place.channel,
    values: valuesOf(place),
    surface: "message",
    where,
    shown: message.blocks,
  };
  const said =
    message.blocks?.length && !isTyped(message)
      ? h("div.blocks", null, blockNodes(message.blocks, ctx))
      : textBody(message);
  return [
    said,
    (message.attachments ?? []).map((one, at) => attachment(one, ctx, at)),
    fileNodes(message.files),
    reactions(message),
  ];
}

// What a person typed is shown from its text, which holds their *signs* as they wrote them.
function isTyped(message) {
  return Boolean(message.text) && !message.bot_id && message.blocks.every((block) => block.type === "rich_text");
}

function textBody(message) {
  if (!message.text) return null;
  const edited =
    message.edited && h("span.edited", { title: message.edited.ts ? fullTime(message.edited.ts) : null }, " (edited)");
  const format = message.mrkdwn === false ? (text) => textObject(text) : mrkdwn;
  return h("div.message-text", { class: isOnlyEmoji(message.text) ? "only-emoji" : "" }, format(message.text), edited);
}

function reactions(message) {
  if (!message.reactions?.length) return null;
  const chip = (one) => {
    const mine = one.users?.includes(store.me);
    const names = (one.users ?? []).map(personName).join(", ");
    return h(
      "span.reaction",
      { class: mine ? "is-mine" : "", title: `${names} reacted with :${one.name}:` },
      emojiNode(one.name),
      h("span", null, String(one.count ?? one.users?.length ?? 1)),
    );
  };
  return h("div.reactions", { "aria-label": "Reactions" }, message.reactions.map(chip));
}

function onlyYou(message, channel) {
  const dismiss = () => {
    for (const list of [...store.messages.values(), ...store.threads.values()]) dropMessage(list, message.ts);
    tell("messages", { channel });
    act("dismiss", { channel, ts: message.ts }).catch(() => {});
  };
  return h(
    "div.only-you",
    null,
    icon("eye", 16),
    h("span", null, "Only visible to you"),
    h("button.link-button", { type: "button", onclick: dismiss, "data-testid": "dismiss" }, "Dismiss"),
  );
}

function broadcastNote(message, channel, where) {
  const open = () => go({ channel, thread: message.thread_ts });
  if (where === "thread") return h("div.only-you", null, icon("thread", 16), "Also sent to the channel");
  return h(
    "div.only-you",
    null,
    icon("thread", 16),
    "replied to a thread",
    h("button.link-button", { type: "button", onclick: open }, "Open thread"),
  );
}

function threadSummary(message, channel) {
  const open = () => go({ channel, thread: message.ts });
  const count = message.reply_count;
  return h(
    "button.thread-summary",
    { type: "button", onclick: open, "data-testid": "thread-summary", "data-key": "summary" },
    h(
      "span.faces",
      null,
      (message.reply_users ?? []).slice(0, 5).map((id) => avatar(id, 24)),
    ),
    h("span.reply-count", null, `${count} ${count === 1 ? "reply" : "replies"}`),
    message.latest_reply &&
      h(
        "span.last-reply",
        null,
        h("span.when", null, `Last reply ${lastReplyLabel(message.latest_reply)}`),
        h("span.view-thread", null, "View thread"),
      ),
    icon("caretRight", 18),
  );
}
