// Input blocks: a label, one element, a hint, and the error that the app gave under it.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { elementNode } from "./elements.js";
import { textObject } from "./mrkdwn.js";

const GROUPS = new Set(["radio_buttons", "checkboxes"]);

export function inputBlock(block, ctx, blockId) {
  const { element } = block;
  const id = `field-${ctx.where ?? ctx.surface}-${ctx.place.view_id ?? ctx.place.ts}-${blockId}`.replace(
    /[^\w-]/g,
    "_",
  );
  const error = ctx.errors?.[blockId];
  const field = { id, describedBy: `${id}-note`, dispatch: Boolean(block.dispatch_action) };
  const label = [textObject(block.label), block.optional && h("span.optional", null, " (optional)")];
  const caption = GROUPS.has(element?.type)
    ? h("div.field-label", { id: `${id}-label` }, label)
    : h("label.field-label", { for: id, id: `${id}-label` }, label);
  return h(
    "div.field",
    { class: error ? "has-error" : "" },
    caption,
    elementNode(element ?? {}, ctx, blockId, field),
    h(
      "div.field-note",
      { id: `${id}-note` },
      errorNode(error, blockId),
      block.hint && h("div.field-hint", null, textObject(block.hint)),
    ),
  );
}

const errorNode = (error, blockId) =>
  error &&
  h(
    "div.field-error",
    { role: "alert", "data-testid": "field-error", "data-error-for": blockId },
    icon("warning", 16),
    h("span", null, error),
  );

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

/** What Slack's own client objects to before the app is asked: {block_id: text}. */
export function clientErrors(blocks, values) {
  const errors = {};
  for (const block of blocks ?? []) {
    if (block.type === "container") Object.assign(errors, clientErrors(block.child_blocks, values));
    if (block.type !== "input") continue;
    const problem = problemOf(block, values[block.block_id]?.[block.element.action_id]);
    if (problem) errors[block.block_id] = problem;
  }
  return errors;
}

function problemOf({ element, optional }, kept) {
  const value = contentOf(kept);
  const empty = value === null || value === undefined || value === "" || (Array.isArray(value) && !value.length);
  if (empty) return optional ? null : "Please complete this required field.";
  return CHECKS[element.type]?.(value, element) ?? null;
}

function contentOf(kept) {
  const { type, ...rest } = kept ?? {};
  return Object.values(rest)[0];
}

const CHECKS = {
  plain_text_input(value, { min_length: least }) {
    return least && value.length < least ? `Please enter at least ${least} characters.` : null;
  },
  email_text_input: (value) => (EMAIL.test(value) ? null : "Please enter a valid email address."),
  url_text_input: (value) =>
    /^https?:\/\/[^\s/]+/i.test(value) ? null : "Please enter a valid URL, such as https://example.com.",
  number_input(value, { is_decimal_allowed: decimal, min_value: least, max_value: most }) {
    if (!(decimal ? /^-?\d*\.?\d+$/ : /^-?\d+$/).test(value.trim()))
      return decimal ? "Please enter a number." : "Please enter a whole number.";
    if (least !== undefined && Number(value) < Number(least)) return `Please enter a number of at least ${least}.`;
    if (most !== undefined && Number(value) > Number(most)) return `Please enter a number of at most ${most}.`;
    return null;
  },
};
