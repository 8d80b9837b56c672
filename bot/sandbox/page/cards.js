// Blocks with a frame of their own: cards, carousels, containers, alerts.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { elementNode, safeSource } from "./elements.js";
import { richText } from "./richtext.js";
import { textObject } from "./mrkdwn.js";

const picture = (image, name) =>
  image && h(`img.${name}`, { src: safeSource(image.image_url), alt: image.alt_text ?? "" });
const text = (value) =>
  value?.type === "rich_text"
    ? richText(value)
    : textObject(typeof value === "string" ? { type: "plain_text", text: value } : value);

export function card(block, ctx, id) {
  return h(
    "article.card",
    null,
    picture(block.hero_image, "card-hero"),
    h(
      "div.card-main",
      null,
      (block.icon || block.title || block.subtitle) &&
        h(
          "div.card-head",
          null,
          picture(block.icon, "card-icon"),
          h(
            "div",
            null,
            block.title && h("div.card-title", null, text(block.title)),
            block.subtitle && h("div.card-subtitle", null, text(block.subtitle)),
          ),
        ),
      block.body && h("div.card-body", null, text(block.body)),
      block.actions?.length &&
        h(
          "div.actions",
          null,
          block.actions.map((element) => elementNode(element, ctx, id)),
        ),
    ),
  );
}

export function carousel(block, ctx, id) {
  const cards = block.elements ?? block.cards ?? [];
  return h(
    "div.carousel",
    { role: "group", "aria-roledescription": "carousel", tabindex: "0" },
    cards.map((one) => card(one, ctx, one.block_id ?? id)),
  );
}

const toggled = new Map();

export function container(block, ctx, id) {
  const key = `${ctx.place?.channel}:${ctx.place?.ts ?? ctx.place?.view_id}:${id}`;
  const open = !block.is_collapsible || (toggled.get(key) ?? !block.default_collapsed);
  const heading = [
    h("span.container-title", null, block.rich_text_title ? richText(block.rich_text_title) : text(block.title)),
    block.subtitle && h("span.container-subtitle", null, text(block.subtitle)),
  ];
  const toggle = (event) => {
    const nowOpen = event.currentTarget.getAttribute("aria-expanded") !== "true";
    event.currentTarget.setAttribute("aria-expanded", String(nowOpen));
    event.currentTarget.nextElementSibling.hidden = !nowOpen;
    toggled.set(key, nowOpen);
  };
  return h(
    "section.container",
    { class: `width-${block.width ?? "standard"}` },
    block.is_collapsible
      ? h(
          "button.container-head",
          { type: "button", "aria-expanded": String(open), onclick: toggle },
          h("span.container-words", null, heading),
          icon("caret", 18),
        )
      : h(
          "div.container-head",
          { class: block.has_header_divider ? "with-line" : "" },
          h("span.container-words", null, heading),
        ),
    h("div.container-body", { hidden: !open }, ctx.blocks(block.child_blocks, ctx)),
  );
}

const ALERT_ICONS = { default: "info", info: "info", warning: "warning", error: "warning", success: "check" };

export function alertBlock(block) {
  const level = ALERT_ICONS[block.level] ? block.level : "default";
  return h(
    "div.alert",
    { class: `alert-${level}`, role: level === "error" ? "alert" : "note" },
    icon(ALERT_ICONS[level], 18),
    h("div", null, text(block.text)),
  );
}
