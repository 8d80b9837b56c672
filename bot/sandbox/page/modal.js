// Modals: a stack of up to three views of the app, with its inputs, errors and waiting.

import { view as address } from "./address.js";
import { act } from "./door.js";
import { avatar } from "./avatar.js";
import { blockNodes } from "./blocks.js";
import { clientErrors } from "./inputs.js";
import { focusable, h, morph, trapFocus } from "./dom.js";
import { forgetValues, valuesOf, valuesShown } from "./values.js";
import { icon } from "./icons.js";
import { botUserId, on, personName } from "./store.js";
import { textObject } from "./mrkdwn.js";
import { toast } from "./toasts.js";

const stack = []; // views, the topmost last
let layer = null;
let giveBack = null;

export function startModals() {
  on("view_opened", ({ view }) => view.type !== "home" && (has(view) ? replace(view) : push(view)));
  on("view_updated", ({ view }) => view.type !== "home" && replace(view));
  on("warning", warn);
  on("view_closed", ({ view, view_id: id }) => drop(view?.id ?? id));
}

// What Slack complains of stands in the modal that is open, else at the edge of the window.
function warn(text) {
  if (!stack.length) return toast(text, { kind: "warning" });
  top().trouble = text;
  render();
}

const has = (view) => stack.some((one) => one.view.id === view.id);
const top = () => stack.at(-1);

/** Shows just these views, e.g. those another person has open; the topmost last. */
export function showViews(views) {
  stack.splice(0, stack.length, ...views.map((view) => ({ view, errors: {}, busy: false })));
  render();
}

function push(view) {
  stack.push({ view, errors: {}, busy: false });
  render();
}

function replace(view) {
  const known = stack.find((one) => one.view.id === view.id);
  if (!known) return;
  forgetGoneInputs(known.view, view);
  known.view = view;
  known.errors = {};
  known.busy = false;
  known.trouble = null;
  render();
}

// Slack keeps what was typed only where block_id and action_id stay the same.
function forgetGoneInputs(before, after) {
  const ids = (view) =>
    new Set((view.blocks ?? []).map((block) => `${block.block_id}/${block.element?.action_id ?? ""}`));
  const left = ids(after);
  const values = valuesOf({ view_id: after.id });
  for (const block of before.blocks ?? [])
    if (!left.has(`${block.block_id}/${block.element?.action_id ?? ""}`)) delete values[block.block_id];
}

function drop(id) {
  const at = stack.findIndex((one) => one.view.id === id);
  if (at < 0) return;
  stack.splice(at, 1);
  forgetValues({ view_id: id });
  render();
}

function render() {
  if (!stack.length) return closeLayer();
  const { view } = top();
  const fresh = dialog(top());
  if (layer?.firstChild?.dataset.viewId === view.id) {
    const at = layer.querySelector(".dialog-body").scrollTop;
    morph(layer.firstChild, fresh);
    layer.querySelector(".dialog-body").scrollTop = at;
    return;
  }
  if (!layer) openLayer();
  layer.replaceChildren(fresh);
  focusFirst(fresh);
}

function openLayer() {
  layer = h("div.backdrop", { onkeydown: onKey });
  layer.addEventListener("value-changed", ({ detail }) => forgive(detail.blockId));
  document.getElementById("overlays").prepend(layer);
  giveBack = trapFocus(layer);
  document.getElementById("app").inert = true;
}

// A field that is being mended is no longer blamed.
function forgive(blockId) {
  const entry = top();
  if (!entry?.errors[blockId]) return;
  const { [blockId]: _, ...left } = entry.errors;
  entry.errors = left;
  render();
}

function closeLayer() {
  layer?.remove();
  layer = null;
  document.getElementById("app").inert = false;
  giveBack?.();
  giveBack = null;
}

function focusFirst(box) {
  const wanted =
    box.querySelector("[data-focus-on-load]") ??
    box.querySelector(".dialog-body input:not([type=file]), .dialog-body textarea, .dialog-body .picker");
  (wanted ?? focusable(box).at(-1) ?? box).focus();
}

function onKey(event) {
  if (event.key === "Escape") {
    event.stopPropagation();
    close();
  }
  const inArea = event.target.tagName === "TEXTAREA";
  const inInput = event.target.matches("input.text-input");
  if (
    event.key === "Enter" &&
    !event.defaultPrevented &&
    ((inArea && (event.metaKey || event.ctrlKey)) || inInput) &&
    top().view.submit
  ) {
    event.preventDefault();
    submit();
  }
}

function dialog(entry) {
  const { view, errors, busy } = entry;
  const ctx = {
    place: { view_id: view.id },
    values: valuesOf({ view_id: view.id }),
    surface: "modal",
    shown: view.blocks,
    errors,
    channel: address.channel,
  };
  const pushed = stack.length > 1;
  const title = `modal-title-${view.id}`;
  const submitText =
    view.submit &&
    h(
      "button.button.primary",
      { type: "button", onclick: submit, "data-testid": "modal-submit", "aria-busy": busy ? "true" : null },
      textObject(view.submit),
    );
  const closeText = h(
    "button.button",
    { type: "button", onclick: () => close(), "data-testid": "modal-close" },
    view.close ? textObject(view.close) : view.submit ? "Cancel" : "Close",
  );
  return h(
    "div.dialog",
    {
      role: "dialog",
      "aria-modal": "true",
      "aria-labelledby": title,
      "data-testid": "modal",
      "data-view-id": view.id,
      "data-callback-id": view.callback_id ?? "",
    },
    h(
      "header.dialog-head",
      null,
      pushed &&
        h(
          "button.icon-button",
          { type: "button", "aria-label": "Back", onclick: () => close() },
          h("span.turned", null, icon("caret", 20)),
        ),
      avatar(botUserId(), 28),
      h("h2", { id: title }, textObject(view.title)),
      h(
        "button.icon-button",
        { type: "button", "aria-label": "Close all", onclick: () => close({ all: true }) },
        icon("close", 20),
      ),
    ),
    h(
      "div.dialog-body",
      { tabindex: "-1" },
      entry.trouble && h("div.error-count", { role: "alert", "data-testid": "modal-trouble" }, entry.trouble),
      Object.keys(errors).length > 1 &&
        h("div.error-count", { role: "alert" }, `${Object.keys(errors).length} fields need another look.`),
      blockNodes(view.blocks, ctx),
    ),
    h(
      "footer.dialog-foot",
      null,
      h("span.dialog-app", null, `${personName(botUserId())} · App`),
      closeText,
      submitText,
    ),
  );
}

async function submit() {
  const entry = top();
  if (entry.busy) return;
  const { view } = entry;
  const values = valuesOf({ view_id: view.id });
  if (!showErrors(entry, clientErrors(view.blocks, values))) return;
  entry.busy = true;
  entry.trouble = null;
  render();
  try {
    const answer = await act("submit_view", { view_id: view.id, values: valuesShown(view.blocks, values) });
    entry.busy = false;
    if (answer.errors && Object.keys(answer.errors).length) showErrors(entry, answer.errors);
    else if (answer.closed || answer.cleared) drop(view.id);
    else if (stack.length) {
      if (answer.ok === false) entry.trouble ??= `We had some trouble connecting (${answer.error}). Try again?`;
      render();
    }
  } catch (error) {
    entry.busy = false;
    if (stack.length) render();
    toast(error.message, { kind: "error" });
  }
}

/** Gives whether there is nothing to complain about; else shows it and goes to the first field. */
function showErrors(entry, errors) {
  entry.errors = errors;
  render();
  const first = Object.keys(errors)[0];
  if (first === undefined) return true;
  const block = layer?.querySelector(`[data-block-id="${CSS.escape(first)}"]`);
  block?.scrollIntoView({ block: "nearest" });
  block?.querySelector("input, textarea, button")?.focus();
  return false;
}

async function close({ all = false } = {}) {
  const { view } = top();
  const ids = all ? stack.map((one) => one.view.id).reverse() : [view.id];
  for (const id of ids) drop(id);
  try {
    await act("close_view", { view_id: view.id, is_cleared: all });
  } catch (error) {
    toast(error.message, { kind: "error" });
  }
}
