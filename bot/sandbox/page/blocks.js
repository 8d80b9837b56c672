// Block Kit as the reader sees it: one function a block type, and a labelled box for what is not known.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { elementNode, safeSource } from "./elements.js";
import { card, carousel, container, alertBlock } from "./cards.js";
import { chart } from "./chart.js";
import { inputBlock } from "./inputs.js";
import { markdown } from "./markdown.js";
import { plan, taskCard } from "./plan.js";
import { richText } from "./richtext.js";
import { dataTable, table } from "./tables.js";
import { textObject } from "./mrkdwn.js";

const RENDER = {
  section,
  header,
  context,
  actions,
  image,
  video,
  file,
  call,
  divider: () => h("hr.divider"),
  input: inputBlock,
  rich_text: richText,
  markdown: (block) => markdown(block.text ?? ""),
  table,
  data_table: dataTable,
  data_visualization: chart,
  plan,
  task_card: taskCard,
  card,
  carousel,
  container,
  alert: alertBlock,
  context_actions: contextActions,
};

/**
 * Blocks as nodes. `ctx` carries where they stand: {place, values, surface, channel, errors?}, so that
 * their elements can act and keep what was typed.
 */
export function blockNodes(blocks, ctx) {
  const seen = new Map();
  return (blocks ?? []).map((block, index) => {
    const count = (seen.get(block?.type) ?? 0) + 1;
    seen.set(block?.type, count);
    return blockNode(block, ctx, index, `${block?.type}-${count}`);
  });
}

// The key is "the second section", not the block_id, which changes with every edit of a message.
function blockNode(block, ctx, index, key) {
  const render = RENDER[block?.type] ?? unknown;
  const id = block?.block_id ?? `block-${index}`;
  const inner = render(block, { ...ctx, blocks: blockNodes }, id);
  return h(
    "div.block",
    { class: `block-${String(block?.type ?? "unknown").replaceAll("_", "-")}`, "data-block-id": id, "data-key": key },
    inner,
  );
}

function section(block, ctx, id) {
  const text = block.text && clamp(h("div.section-text", null, textObject(block.text)), block, ctx);
  const fields =
    block.fields?.length &&
    h(
      "div.section-fields",
      null,
      block.fields.map((field) => h("div.section-field", null, textObject(field))),
    );
  const accessory = block.accessory && elementNode(block.accessory, ctx, id);
  if (!accessory) return [text, fields].filter(Boolean);
  const side = block.accessory.type === "image" ? "accessory-image" : "";
  return h(
    "div.section-row",
    null,
    h("div.section-main", null, text, fields),
    h("div.accessory", { class: side }, accessory),
  );
}

const opened = new Set();

// Long section texts are folded in messages, as Slack does, unless the app asks for all of it.
function clamp(node, block, ctx) {
  const long = node.textContent.length > 700 || (block.text?.text ?? "").split("\n").length > 16;
  if (!long || block.expand || ctx.surface !== "message") return node;
  const key = `${ctx.place.channel}:${ctx.place.ts}:${block.block_id}`;
  const box = h("div.clamp", { class: opened.has(key) ? "" : "is-clamped" }, node);
  const toggle = (event) => {
    const closed = event.currentTarget.previousElementSibling.classList.toggle("is-clamped");
    event.currentTarget.textContent = closed ? "See more" : "See less";
    if (closed) opened.delete(key);
    else opened.add(key);
  };
  return h(
    "div",
    null,
    box,
    h("button.link-button", { type: "button", onclick: toggle }, opened.has(key) ? "See less" : "See more"),
  );
}

function header(block) {
  const level = Math.min(Math.max(Number(block.level) || 3, 1), 6);
  return h(`h${level}.header-text`, { class: block.level ? `level-${level}` : "" }, textObject(block.text));
}

function context(block) {
  const part = (element) =>
    element.type === "image"
      ? h("img.context-image", { src: safeSource(element.image_url), alt: element.alt_text ?? "" })
      : h("span.context-text", null, textObject(element));
  return h("div.context", null, (block.elements ?? []).map(part));
}

function actions(block, ctx, id) {
  return h(
    "div.actions",
    { role: "group", "aria-label": "Actions" },
    (block.elements ?? []).map((element) => elementNode(element, ctx, id)),
  );
}

function contextActions(block, ctx, id) {
  return h(
    "div.context-actions",
    null,
    (block.elements ?? []).map((element) => elementNode(element, ctx, id)),
  );
}

function image(block) {
  const source = safeSource(block.image_url ?? block.slack_file?.url);
  return h(
    "figure.image",
    null,
    block.title && h("figcaption", null, textObject(block.title)),
    source
      ? h("img", { src: source, alt: block.alt_text ?? "", loading: "lazy" })
      : placeholder("file", block.alt_text || "Image"),
  );
}

function video(block) {
  return h(
    "div.video",
    null,
    h(
      "div.video-title",
      null,
      block.title_url
        ? h("a", { href: safeSource(block.title_url), target: "_blank", rel: "noopener" }, textObject(block.title))
        : textObject(block.title),
    ),
    block.author_name && h("div.video-author", null, block.author_name),
    block.description && h("div.video-description", null, textObject(block.description)),
    placeholder("play_video", block.alt_text || "Video"),
  );
}

function file(block) {
  return placeholder("file", `File ${block.external_id ?? ""}`);
}

function call(block) {
  return placeholder("people", `Call ${block.call_id ?? ""}`);
}

function placeholder(name, label) {
  return h("div.placeholder", null, icon(name, 24), h("span", null, label));
}

function unknown(block) {
  return h(
    "div.unknown-block",
    { role: "note" },
    h("strong", null, `Block of unknown type “${block?.type ?? "none"}”`),
    h("pre", null, JSON.stringify(block, null, 2)),
  );
}
