// Names inside text: people, channels, groups, everyone; as chips that lead somewhere.

import { go } from "./address.js";
import { h } from "./dom.js";
import { formatDate, fullTime } from "./times.js";
import { channel, channelName, person, personName, store } from "./store.js";
import { emojiText } from "./emoji.js";
import { showPerson } from "./profile.js";

export function userChip(id, label) {
  const mine = id === store.me;
  const name = person(id) ? personName(id) : label || id;
  return h(
    "button.mention",
    {
      type: "button",
      class: mine ? "mention-me" : "",
      "data-user": id,
      onclick: (event) => showPerson(id, event.currentTarget),
    },
    `@${name}`,
  );
}

export function channelChip(id, label) {
  const known = channel(id);
  const open = known ? () => go({ channel: id, tab: null, thread: null }) : null;
  const sign = known?.kind === "private" ? "🔒" : "#";
  return h(
    "button.mention",
    { type: "button", disabled: !open, onclick: open, "data-channel-mention": id },
    `${sign}${known ? channelName(id) : label || id}`,
  );
}

export function groupChip(id, label) {
  const group = store.usergroups.get(id);
  const mine = group?.users?.includes(store.me);
  const names = group?.users?.map(personName).join(", ");
  const handle = group?.handle ?? String(label ?? id).replace(/^@/, "");
  return h(
    "span.mention",
    { class: mine ? "mention-me" : "", title: names ? `${group.name}: ${names}` : null },
    `@${handle}`,
  );
}

export const everyoneChip = (range) => h("span.mention.mention-me", null, `@${range}`);

export function linkNode(url, children) {
  const safe = /^(https?:|mailto:|tel:|slack:)/i.test(url);
  if (!safe) return h("span", { title: url }, children);
  const own = localView(url);
  if (own) return h("a", { href: own.href, onclick: (event) => follow(event, own) }, children);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, children);
}

// A permalink of this workspace (…/archives/C0CONTENT/p1700000000000100?thread_ts=…) opens in this page.
function localView(url) {
  const found = /\/archives\/(\w+)(?:\/p(\d{10})(\d{6}))?(?:\?(?:.*&)?thread_ts=([\d.]+))?/.exec(url);
  if (!found || !channel(found[1])) return null;
  const [, id, seconds, rest, parent] = found;
  const ts = seconds ? `${seconds}.${rest}` : null;
  return { href: url, view: { channel: id, tab: null, thread: parent ?? null, message: ts } };
}

function follow(event, { view }) {
  if (event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  go(view);
}

export function emojiNode(name, unicode) {
  const text = unicodeText(unicode) ?? emojiText(name);
  if (!text) return h("span.emoji-unknown", null, `:${name}:`);
  return h("span.emoji", { role: "img", "aria-label": `${name.replaceAll("_", " ")} emoji`, title: `:${name}:` }, text);
}

function unicodeText(codes) {
  const points = codes ? codes.split("-").map((code) => parseInt(code, 16)) : [];
  return points.length && points.every((point) => point > 0 && point <= 0x10ffff)
    ? String.fromCodePoint(...points)
    : null;
}

export function dateNode(unix, format, url, fallback) {
  const text = formatDate(unix, format, fallback);
  const shown = h("time", { datetime: isoOf(unix), title: fullTitle(unix) }, text);
  return url ? linkNode(url, shown) : shown;
}

const valid = (unix) => !Number.isNaN(new Date(Number(unix) * 1000).getTime());
const isoOf = (unix) => (valid(unix) ? new Date(Number(unix) * 1000).toISOString() : null);
const fullTitle = (unix) => (valid(unix) ? fullTime(unix) : null);
