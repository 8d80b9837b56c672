// The markdown block: the everyday part of Markdown, as Slack shows it.

import { h } from "./dom.js";
import { emojiNode, linkNode } from "./mentions.js";
import { mrkdwn } from "./mrkdwn.js";

const FENCE = /^\s*(```|~~~)\s*\S*\s*$/;
const HEADING = /^(#{1,6})\s+(.+?)\s*#*$/;
const ITEM = /^(\s*)([-*+]|\d{1,4}[.)])\s+(.*)$/;
const RULE = /^\s*([-*_])(?:\s*\1){2,}\s*$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$/;

export function markdown(text) {
  const reader = { lines: String(text).replace(/\r\n?/g, "\n").split("\n"), at: 0 };
  const out = [];
  while (reader.at < reader.lines.length) {
    const line = reader.lines[reader.at];
    if (!line.trim()) reader.at += 1;
    else out.push(readBlock(reader, line));
  }
  return h("div.markdown", null, out);
}

function readBlock(reader, line) {
  if (FENCE.test(line)) return readFence(reader);
  const heading = HEADING.exec(line);
  if (heading) {
    reader.at += 1;
    return h(
      `h${Math.min(6, heading[1].length + 2)}.markdown-heading`,
      { class: `level-${heading[1].length}` },
      inline(heading[2]),
    );
  }
  if (RULE.test(line)) {
    reader.at += 1;
    return h("hr.divider");
  }
  if (/^\s*>/.test(line)) return h("blockquote", null, [...markdown(take(reader, /^\s*>\s?/, true)).childNodes]);
  if (ITEM.test(line)) return readList(reader);
  if (line.includes("|") && TABLE_RULE.test(reader.lines[reader.at + 1] ?? "")) return readTable(reader);
  return readParagraph(reader);
}

function take(reader, prefix) {
  const out = [];
  while (prefix.test(reader.lines[reader.at] ?? "")) {
    out.push(reader.lines[reader.at].replace(prefix, ""));
    reader.at += 1;
  }
  return out.join("\n");
}

function readFence(reader) {
  const out = [];
  reader.at += 1;
  while (reader.at < reader.lines.length && !FENCE.test(reader.lines[reader.at])) {
    out.push(reader.lines[reader.at]);
    reader.at += 1;
  }
  reader.at += 1;
  return h("pre.code-block", null, out.join("\n"));
}

function readList(reader) {
  const [, indent, sign] = ITEM.exec(reader.lines[reader.at]);
  const ordered = /\d/.test(sign);
  const list = h(ordered ? "ol.list" : "ul.list", { start: ordered ? parseInt(sign, 10) : null });
  while (reader.at < reader.lines.length) {
    const found = ITEM.exec(reader.lines[reader.at]);
    if (!found || found[1].length < indent.length || /\d/.test(found[2]) !== ordered) break;
    if (found[1].length > indent.length + 1 && list.lastChild) {
      list.lastChild.append(readList(reader));
      continue;
    }
    reader.at += 1;
    list.append(listItem(found[3]));
  }
  return list;
}

function listItem(text) {
  const box = /^\[([ xX])\]\s+(.*)$/.exec(text);
  if (!box) return h("li", null, inline(text));
  return h("li.check-item", null, h("span", { "aria-hidden": "true" }, box[1] === " " ? "☐ " : "☑ "), inline(box[2]));
}

function readTable(reader) {
  const cells = (line) =>
    line
      .trim()
      .replace(/^\||\|$/g, "")
      .split("|")
      .map((cell) => cell.trim());
  const head = cells(reader.lines[reader.at]);
  reader.at += 2;
  const rows = [];
  while ((reader.lines[reader.at] ?? "").includes("|")) {
    rows.push(cells(reader.lines[reader.at]));
    reader.at += 1;
  }
  const row = (tag, values) =>
    h(
      "tr",
      null,
      values.map((value) => h(tag, null, inline(value))),
    );
  return h(
    "div.table-scroll",
    null,
    h(
      "table.table",
      null,
      h("thead", null, row("th", head)),
      h(
        "tbody",
        null,
        rows.map((r) => row("td", r)),
      ),
    ),
  );
}

function readParagraph(reader) {
  const out = [];
  while (reader.at < reader.lines.length) {
    const line = reader.lines[reader.at];
    if (
      !line.trim() ||
      (out.length && (FENCE.test(line) || HEADING.test(line) || ITEM.test(line) || /^\s*>/.test(line)))
    )
      break;
    out.push(line);
    reader.at += 1;
  }
  return h("p", null, inline(out.join("\n")));
}

const INLINE = new RegExp(
  [
    /(?<code>`+)(?<codeText>.+?)\k<code>/,
    /!?\[(?<label>[^\]]*)\]\((?<url>[^()\s]+(?:\([^()\s]*\))?)[^)]*\)/,
    /\*\*\*(?=\S)(?<both>.+?)(?<=\S)\*\*\*/,
    /(?<strong>\*\*|__)(?=\S)(?<strongText>.+?)(?<=\S)\k<strong>/,
    /~~(?=\S)(?<struck>.+?)(?<=\S)~~/,
    /(?<![\p{L}\p{N}])(?<em>[*_])(?=\S)(?<emText>[^*_\n]+?)(?<=\S)\k<em>(?![\p{L}\p{N}])/u,
    /(?<token><[^<>\s][^<>]*>|https?:\/\/[^\s<>]+[^\s<>.,;:!?"')\]])/,
    /:(?<emoji>[a-z0-9_+-]+):/,
  ]
    .map((part) => part.source)
    .join("|"),
  "gu",
);

function inline(text) {
  const out = [];
  let last = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > last) out.push(text.slice(last, found.index));
    out.push(inlineNode(found[0], found.groups));
    last = found.index + found[0].length;
  }
  if (last < text.length) out.push(text.slice(last));
  return out;
}

function inlineNode(whole, groups) {
  if (groups.code) return h("code", null, groups.codeText.trim());
  if (groups.url) return linkNode(groups.url, inline(groups.label || groups.url));
  if (groups.both) return h("strong", null, h("em", null, inline(groups.both)));
  if (groups.strong) return h("strong", null, inline(groups.strongText));
  if (groups.struck) return h("s", null, inline(groups.struck));
  if (groups.em) return h("em", null, inline(groups.emText));
  if (groups.token) return h("span", null, mrkdwn(groups.token));
  return emojiNode(groups.emoji);
}
