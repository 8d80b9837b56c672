// Interactive elements of Block Kit. Each gets its state from `ctx.values` and speaks through `interact`.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { linkNode } from "./mentions.js";
import { interact } from "./interaction.js";
import { menu } from "./popover.js";
import { isPicker, picker } from "./picker.js";
import { dateElement, fileElement, isTextual, textElement } from "./fields.js";
import { getValue, setValue } from "./values.js";
import { store } from "./store.js";
import { textObject } from "./mrkdwn.js";

/**
 * One element as a node, or null when this person may not see it. `field` is set inside an input block:
 * {id, describedBy, dispatch}; there a change is only kept, and sent when `dispatch` says so.
 */
export function elementNode(element, ctx, blockId, field = null) {
  if (element.visible_to_user_ids && !element.visible_to_user_ids.includes(store.me)) return null;
  const slot = { element, ctx, blockId, field };
  const node = build(slot);
  const holder = node?.classList?.contains("text-counted") ? node.querySelector("input, textarea") : node;
  if (holder && element.action_id) holder.dataset.actionId = element.action_id;
  return node;
}

function build(slot) {
  const { element } = slot;
  if (isPicker(element.type)) return whole(slot, picker(slot));
  if (isTextual(element.type)) return whole(slot, textElement(slot));
  switch (element.type) {
    case "button":
    case "workflow_button":
      return button(slot);
    case "overflow":
      return overflow(slot);
    case "datepicker":
    case "timepicker":
    case "datetimepicker":
      return whole(slot, dateElement(slot));
    case "radio_buttons":
    case "checkboxes":
      return whole(slot, choices(slot));
    case "file_input":
      return whole(slot, fileElement(slot));
    case "feedback_buttons":
      return feedback(slot);
    case "icon_button":
      return iconButton(slot);
    case "image":
      return h("img.element-image", { src: safeSource(element.image_url), alt: element.alt_text ?? "" });
    default:
      return h("span.unknown-inline", { title: JSON.stringify(element, null, 2) }, `[${element.type}]`);
  }
}

// A stateful element stays as it is until its definition changes.
function whole({ element, blockId }, node) {
  node.dataset.whole = `${blockId}/${JSON.stringify(element)}`;
  return node;
}

export const safeSource = (url) => (/^(https?:|data:image\/|\/)/i.test(url ?? "") ? url : null);

/** Keeps a changed value, and sends it when the element acts by itself. */
export function changed({ element, ctx, blockId, field }, value, node) {
  setValue(ctx, blockId, element, value);
  node?.dispatchEvent(new CustomEvent("value-changed", { bubbles: true, detail: { blockId } }));
  if (!field || field.dispatch) return interact(ctx, blockId, element, value, node);
  return Promise.resolve(false);
}

function button({ element, ctx, blockId }) {
  const press = async (event) => {
    const node = event.currentTarget;
    if (node.getAttribute("aria-busy") === "true") return;
    if (element.url) linkNode(element.url, "").click();
    await interact(ctx, blockId, element, { value: element.value ?? null }, node);
  };
  return h(
    "button.button",
    {
      type: "button",
      class: element.style ?? "",
      onclick: press,
      "data-key": `button-${element.action_id ?? ""}-${element.value ?? ""}`,
      "aria-label": element.accessibility_label ?? null,
    },
    h("span.button-label", null, textObject(element.text)),
  );
}

function overflow({ element, ctx, blockId }) {
  const choose = (option, node) => {
    if (option.url) linkNode(option.url, "").click();
    interact(ctx, blockId, element, { selected_option: option }, node);
  };
  const open = (event) => {
    const node = event.currentTarget;
    const rows = (element.options ?? []).map((option) => ({
      label: textObject(option.text),
      detail: option.description ? textObject(option.description) : null,
      value: option.value,
      run: () => choose(option, node),
    }));
    menu(node, rows, { label: "More actions" });
  };
  return h(
    "button.button.button-overflow",
    { type: "button", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false", onclick: open },
    icon("more", 18),
  );
}

function choices(slot) {
  const { element, ctx, blockId, field } = slot;
  const many = element.type === "checkboxes";
  const kept = getValue(ctx, blockId, element.action_id);
  const initial = many ? (element.initial_options ?? []) : [element.initial_option].filter(Boolean);
  const chosen = kept ? (many ? kept.selected_options : [kept.selected_option].filter(Boolean)) : initial;
  if (!kept)
    setValue(ctx, blockId, element, many ? { selected_options: initial } : { selected_option: initial[0] ?? null });
  // The same message may stand in the channel and in its thread at once.
  const name = `${ctx.where ?? ctx.surface}-${ctx.place.view_id ?? ctx.place.ts}-${blockId}-${element.action_id}`;
  const group = h(
    "div.choices",
    {
      role: many ? "group" : "radiogroup",
      id: field?.id,
      "aria-describedby": field?.describedBy,
      "aria-labelledby": field ? `${field.id}-label` : null,
      tabindex: "-1",
    },
    (element.options ?? []).map((option) =>
      h(
        "label.choice",
        null,
        h("input", {
          type: many ? "checkbox" : "radio",
          name,
          value: option.value,
          onchange: () => take(),
          checked: chosen.some((one) => one.value === option.value),
        }),
        h(
          "span.choice-text",
          null,
          textObject(option.text),
          option.description && h("span.choice-description", null, textObject(option.description)),
        ),
      ),
    ),
  );
  const take = () => {
    const ticked = [...group.querySelectorAll("input:checked")].map((input) =>
      element.options.find((option) => option.value === input.value),
    );
    changed(slot, many ? { selected_options: ticked } : { selected_option: ticked[0] ?? null }, group);
  };
  return group;
}

function feedback({ element, ctx, blockId }) {
  const press = (side, selected) => (event) =>
    interact(ctx, blockId, element, { value: side.value, selected }, event.currentTarget);
  const one = (side, name, selected) =>
    side &&
    h(
      "button.icon-button",
      {
        type: "button",
        "aria-label": side.accessibility_label ?? side.text?.text,
        title: side.text?.text,
        onclick: press(side, selected),
      },
      icon(name, 18),
    );
  return h(
    "span.feedback",
    null,
    one(element.positive_button, "thumbUp", "positive"),
    one(element.negative_button, "thumbDown", "negative"),
  );
}

function iconButton({ element, ctx, blockId }) {
  const press = (event) => interact(ctx, blockId, element, { value: element.value ?? null }, event.currentTarget);
  const label = element.accessibility_label ?? element.text?.text ?? element.icon;
  return h(
    "button.icon-button",
    { type: "button", "aria-label": label, title: element.text?.text ?? label, onclick: press },
    icon(element.icon === "trash" ? "trash" : "more", 18),
  );
}
