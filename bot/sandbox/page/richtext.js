// rich_text blocks: sections, lists, quotes, code, and every inline element.

import { h } from "./dom.js";
import { channelChip, dateNode, emojiNode, everyoneChip, groupChip, linkNode, userChip } from "./mentions.js";
import { decode } from "./mrkdwn.js";

const BULLETS = ["disc", "circle", "square"];
const NUMBERS = ["decimal", "lower-alpha", "lower-roman"];

export function richText(block) {
  return h("div.rich-text", null, lists(block.elements ?? []));
}

// Slack sends a nested list as separate lists of rising indent; here they are only pushed in, as Slack does.
function lists(elements) {
  return elements.map((element) => part(element));
}

function part(element) {
  switch (element.type) {
    case "rich_text_section":
      return h("div.rich-section", null, inlines(element.elements));
    case "rich_text_list":
      return list(element);
    case "rich_text_quote":
      return h("blockquote", null, inlines(element.elements));
    case "rich_text_preformatted":
      return h("pre.code-block", { class: element.border ? "bordered" : "" }, inlines(element.elements));
    default:
      return unknown(element);
  }
}

function list(element) {
  const indent = element.indent ?? 0;
  const ordered = element.style === "ordered";
  return h(
    ordered ? "ol.list" : "ul.list",
    {
      start: ordered && element.offset ? element.offset + 1 : null,
      class: element.border ? "bordered" : "",
      style: { "--indent": indent, "list-style-type": (ordered ? NUMBERS : BULLETS)[indent % 3] },
    },
    (element.elements ?? []).map((item) =>
      h("li", null, item.type === "rich_text_section" ? inlines(item.elements) : part(item)),
    ),
  );
}

export function inlines(elements) {
  return (elements ?? []).map((element) => dress(inlineNode(element), element.style));
}

function inlineNode(element) {
  switch (element.type) {
    case "text":
      return decode(element.text ?? "");
    case "link":
      return linkNode(element.url ?? "", decode(element.text || element.url || ""));
    case "user":
      return userChip(element.user_id);
    case "usergroup":
      return groupChip(element.usergroup_id);
    case "channel":
      return channelChip(element.channel_id);
    case "emoji":
      return emojiNode(element.name ?? "", element.unicode);
    case "date":
      return dateNode(element.timestamp, element.format ?? "{date}", element.url, element.fallback);
    case "broadcast":
      return everyoneChip(element.range ?? "channel");
    case "team":
      return h("span.mention", null, element.team_id);
    case "color":
      return h(
        "span.colour",
        null,
        h("span.colour-box", { style: { background: colour(element.value) } }),
        element.value,
      );
    case "tag":
      return h("span.tag", null, element.text ?? element.label ?? element.name ?? "");
    case "citation":
      return linkNode(
        element.url ?? "",
        h("sup.citation", { title: element.title ?? element.text ?? null }, element.label ?? element.index ?? "↗"),
      );
    default:
      return unknown(element);
  }
}

const colour = (value) => (/^#?[0-9a-f]{3,8}$/i.test(value ?? "") ? `#${value.replace("#", "")}` : "transparent");

function dress(node, style) {
  if (!style) return node;
  let out = node;
  if (style.code) out = h("code", null, out);
  if (style.bold) out = h("strong", null, out);
  if (style.italic) out = h("em", null, out);
  if (style.strike) out = h("s", null, out);
  if (style.underline) out = h("u", null, out);
  return out;
}

function unknown(element) {
  return h("span.unknown-inline", { title: JSON.stringify(element) }, `[${element.type ?? "element"}]`);
}
