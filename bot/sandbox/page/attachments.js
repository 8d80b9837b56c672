// Attachments: the older way to dress a message, with a coloured bar; they may hold blocks too.

import { blockNodes } from "./blocks.js";
import { h } from "./dom.js";
import { mrkdwn } from "./mrkdwn.js";
import { safeSource } from "./elements.js";
import { timeOf } from "./times.js";

export function attachment(one, ctx, at) {
  const colour =
    { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" }[one.color] ??
    (one.color ? `#${one.color.replace("#", "")}` : null);
  const title =
    one.title &&
    h(
      "div.attachment-title",
      null,
      one.title_link
        ? h("a", { href: safeSource(one.title_link), target: "_blank", rel: "noopener" }, mrkdwn(one.title))
        : mrkdwn(one.title),
    );
  const fields =
    one.fields?.length &&
    h(
      "div.attachment-fields",
      null,
      one.fields.map((field) =>
        h(
          "div",
          { class: field.short ? "is-short" : "" },
          h("strong", null, field.title),
          h("div", null, mrkdwn(String(field.value ?? ""))),
        ),
      ),
    );
  return [
    one.pretext && h("div.message-text", null, mrkdwn(one.pretext)),
    h(
      "div.attachment",
      { style: colour ? { "--bar": colour } : {}, "data-key": `attachment-${at}` },
      one.author_name && h("div.attachment-author", null, one.author_name),
      title,
      one.text && h("div", null, mrkdwn(one.text)),
      fields,
      one.blocks?.length && h("div.blocks", null, blockNodes(one.blocks, ctx)),
      one.image_url && h("img.attachment-image", { src: safeSource(one.image_url), alt: one.fallback ?? "" }),
      (one.footer || one.ts) &&
        h("div.attachment-footer", null, one.footer, one.footer && one.ts ? " | " : "", one.ts && timeOf(one.ts)),
    ),
  ];
}
