// Slack's mrkdwn as DOM nodes: *bold* _italic_ ~struck~ `code`, blocks, quotes, <links>, names and :emoji:.

import { h } from "./dom.js";
import { channelChip, dateNode, emojiNode, everyoneChip, groupChip, linkNode, userChip } from "./mentions.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
const STYLES = { "*": "strong", _: "em", "~": "s" };

/** Slack escapes just these three in the text it stores. */
export const decode = (text) => String(text).replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

/** A text object of Block Kit, or a bare string, as nodes. */
export function textObject(text, { verbatim = false } = {}) {
  if (text === null || text === undefined) return [];
  if (typeof text === "string") return plain(text);
  if (text.type === "mrkdwn") return mrkdwn(text.text ?? "", { verbatim: verbatim || text.verbatim });
  return plain(text.text ?? "", { emoji: text.emoji !== false });
}

/** Plain text: line breaks and, unless turned off, :emoji:. */
export function plain(text, { emoji = true } = {}) {
  return emoji ? splitBy(decode(text), /:([\w+-]+):/g, (found) => emojiOrText(found)) : [decode(text)];
}

export function mrkdwn(text, options = {}) {
  return splitBy(
    String(text).replace(/\r\n?/g, "\n"),
    /```\n?([\s\S]+?)\n?```\n?/g,
    ([, code]) => [h("pre.code-block", null, codeNodes(code))],
    (part) => lines(part, options),
  );
}

// Inside code only links and entities keep their meaning.
function codeNodes(code) {
  return splitBy(
    code,
    /<((?:https?:|mailto:)[^<>|]+)(?:\|([^<>]*))?>/g,
    ([, url, label]) => [decode(label ?? url)],
    (part) => [decode(part)],
  );
}

function lines(text, options) {
  const out = [];
  let quoted = [];
  const flush = () => {
    if (quoted.length) out.push(h("blockquote", null, inline(quoted.join("\n"), options)));
    quoted = [];
  };
  let open = [];
  const say = () => {
    if (open.length) out.push(...inline(open.join("\n"), options));
    open = [];
  };
  for (const line of text.split("\n")) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quote) {
      say();
      quoted.push(quote[1]);
    } else {
      flush();
      open.push(line);
    }
  }
  flush();
  say();
  return out;
}

const TOKEN =
  /`([^`\n]+)`|<([^<>\s][^<>]*)>|:([a-z0-9_+'-]+(?:::skin-tone-\d)?):|\b(https?:\/\/[^\s<>|]+[^\s<>|.,;:!?"')\]])/g;

function inline(text, options) {
  return styled(text, options);
}

/** Finds the first styled span, then looks inside it and behind it. */
function styled(text, options) {
  const span = firstSpan(text);
  if (!span) return tokens(text, options);
  const { start, end, sign } = span;
  const inner = styled(text.slice(start + 1, end), options);
  return [
    ...tokens(text.slice(0, start), options),
    h(STYLES[sign], null, inner),
    ...styled(text.slice(end + 1), options),
  ];
}

// A sign opens after a space or punctuation and before a letter, and closes the other way round, on the same line.
// Code and <…> tokens are opaque: signs within them style nothing.
function firstSpan(text) {
  const opaque = opaqueRanges(text);
  const hidden = (at) => opaque.some(([from, to]) => at >= from && at < to);
  for (let start = 0; start < text.length; start += 1) {
    const sign = text[start];
    if (!(sign in STYLES) || hidden(start) || !opens(text, start)) continue;
    const end = closing(text, start, sign, hidden);
    if (end > 0) return { start, end, sign };
  }
  return null;
}

function opaqueRanges(text) {
  const ranges = [];
  for (const found of text.matchAll(TOKEN)) ranges.push([found.index, found.index + found[0].length]);
  return ranges;
}

const isWord = (letter) => letter !== undefined && /[\p{L}\p{N}]/u.test(letter);
const isSpace = (letter) => letter === undefined || /\s/.test(letter);

function opens(text, at) {
  return !isWord(text[at - 1]) && !isSpace(text[at + 1]) && text[at + 1] !== text[at];
}

function closing(text, start, sign, hidden) {
  for (let at = start + 2; at < text.length; at += 1) {
    if (text[at] === "\n") return -1;
    if (text[at] === sign && !hidden(at) && !isSpace(text[at - 1]) && !isWord(text[at + 1])) return at;
  }
  return -1;
}

function tokens(text, options) {
  return splitBy(
    text,
    TOKEN,
    (found) => tokenNodes(found, options),
    (part) => [decode(part)],
  );
}

function tokenNodes([whole, code, angle, emoji, url], { verbatim }) {
  if (code !== undefined) return [h("code", null, codeNodes(code))];
  if (angle !== undefined) return angleNodes(angle);
  if (emoji !== undefined) return emojiOrText([whole, emoji]);
  return verbatim ? [decode(url)] : [linkNode(decode(url), decode(url))];
}

function angleNodes(inside) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? null : decode(inside.slice(bar + 1));
  if (/^@[UWB]/.test(target)) return [userChip(target.slice(1), label)];
  if (/^#[CGD]/.test(target)) return [channelChip(target.slice(1), label)];
  if (target.startsWith("!")) return special(target.slice(1), label);
  const url = decode(target);
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) return [decode(`<${inside}>`)];
  return [linkNode(url, label ? plain(label) : url.replace(/^mailto:/, ""))];
}

function special(target, label) {
  if (target.startsWith("subteam^")) return [groupChip(target.slice(8), label)];
  if (target.startsWith("date^")) {
    const [, unix, format, url] = target.split("^");
    return [dateNode(unix, format ?? "{date}", url, label)];
  }
  if (["here", "channel", "everyone"].includes(target)) return [everyoneChip(target)];
  return [label ?? `<!${target}>`];
}

function emojiOrText([whole, name]) {
  const node = emojiNode(name);
  return node.classList.contains("emoji-unknown") ? [whole] : [node];
}

function splitBy(text, pattern, nodesOf, rest = (part) => [part]) {
  const out = [];
  let last = 0;
  for (const found of text.matchAll(pattern)) {
    if (found.index > last) out.push(...rest(text.slice(last, found.index)));
    out.push(...nodesOf(found));
    last = found.index + found[0].length;
  }
  if (last < text.length) out.push(...rest(text.slice(last)));
  return out;
}
