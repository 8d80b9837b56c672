// The plan block and its task cards: what an app is doing, step by step.

import { h, svg } from "./dom.js";
import { icon } from "./icons.js";
import { linkNode } from "./mentions.js";
import { richText } from "./richtext.js";
import { textObject } from "./mrkdwn.js";

const WORDS = { pending: "Not started", in_progress: "In progress", complete: "Done", error: "Failed" };
const folded = new Set();

export function plan(block, ctx, id) {
  const tasks = block.tasks ?? [];
  const key = `${ctx.place?.channel}:${ctx.place?.ts}:${id}`;
  const done = tasks.filter((task) => task.status === "complete").length;
  const open = !folded.has(key);
  const body = `plan-${key}`.replace(/[^\w-]/g, "_");
  const toggle = (event) => {
    const nowOpen = event.currentTarget.getAttribute("aria-expanded") !== "true";
    event.currentTarget.setAttribute("aria-expanded", String(nowOpen));
    event.currentTarget.nextElementSibling.hidden = !nowOpen;
    if (nowOpen) folded.delete(key);
    else folded.add(key);
  };
  return h(
    "div.plan",
    { "data-testid": "plan" },
    h(
      "button.plan-head",
      { type: "button", "aria-expanded": String(open), "aria-controls": body, onclick: toggle },
      statusIcon(overall(tasks)),
      h("span.plan-title", null, text(block.title)),
      h("span.plan-count", { "aria-label": `${done} of ${tasks.length} done` }, `${done}/${tasks.length}`),
      icon("caret", 18),
    ),
    h(
      "ol.plan-tasks",
      { id: body, hidden: !open },
      tasks.map((task) =>
        h(
          "li.plan-task",
          { "data-key": `task-${task.task_id}`, class: `is-${task.status ?? "pending"}` },
          taskBody(task),
        ),
      ),
    ),
  );
}

export function taskCard(block) {
  return h("div.task-card", { class: `is-${block.status ?? "pending"}` }, taskBody(block));
}

function overall(tasks) {
  const has = (status) => tasks.some((task) => task.status === status);
  if (has("error")) return "error";
  if (has("in_progress")) return "in_progress";
  return tasks.length && tasks.every((task) => task.status === "complete") ? "complete" : "pending";
}

const text = (value) => textObject(typeof value === "string" ? { type: "plain_text", text: value } : value);

function taskBody(task) {
  const status = task.status ?? "pending";
  return h(
    "div.task",
    { "data-task-id": task.task_id, "data-status": status },
    statusIcon(status),
    h(
      "div.task-main",
      null,
      !task.hide_title &&
        h("div.task-title", null, text(task.title), h("span.visually-hidden", null, ` (${WORDS[status] ?? status})`)),
      task.details && h("div.task-details", null, rich(task.details)),
      task.output && h("div.task-output", null, rich(task.output)),
      task.sources?.length && h("div.task-sources", null, task.sources.map(source)),
    ),
  );
}

const rich = (value) => (value.type === "rich_text" ? richText(value) : text(value));

function source(one) {
  const label = typeof one.text === "string" ? one.text : (one.text?.text ?? one.url);
  const link = linkNode(one.url ?? "", [
    h("span.source-face", { "aria-hidden": "true" }, label.trim().charAt(0).toUpperCase()),
    label,
  ]);
  link.classList.add("source");
  return link;
}

/** A circle that says how far: empty, turning, ticked or crossed. The words stand beside it for screen readers. */
export function statusIcon(status) {
  const ring = (extra) => svg("circle", { cx: 10, cy: 10, r: 8, ...extra });
  const shapes = {
    pending: [ring({ class: "ring", "stroke-dasharray": "3 2.6" })],
    in_progress: [ring({ class: "ring" }), svg("path", { d: "M10 2a8 8 0 0 1 8 8", class: "arc" })],
    complete: [ring({ class: "disc" }), svg("path", { d: "m6.2 10.3 2.6 2.6 5-5.4", class: "mark" })],
    error: [ring({ class: "disc" }), svg("path", { d: "m7.2 7.2 5.6 5.6M12.8 7.2l-5.6 5.6", class: "mark" })],
  };
  return svg(
    "svg",
    { viewBox: "0 0 20 20", class: `status status-${status}`, "aria-hidden": "true" },
    ...(shapes[status] ?? shapes.pending),
  );
}
