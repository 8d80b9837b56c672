// Tables: the plain one, and the data table with pages, sorting and search.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { elementNode } from "./elements.js";
import { inlines, richText } from "./richtext.js";
import { decode, textObject } from "./mrkdwn.js";

export function table(block) {
  const [head, ...rows] = block.rows ?? [];
  const settings = block.column_settings ?? [];
  const cell = (tag, scope) => (content, at) =>
    h(
      tag,
      {
        scope,
        class: [settings[at]?.align && `align-${settings[at].align}`, settings[at]?.is_wrapped && "is-wrapped"]
          .filter(Boolean)
          .join(" "),
      },
      cellNode(content),
    );
  return h(
    "div.table-scroll",
    null,
    h(
      "table.table",
      null,
      head && h("thead", null, h("tr", null, head.map(cell("th", "col")))),
      h(
        "tbody",
        null,
        rows.map((row) => h("tr", null, row.map(cell("td", null)))),
      ),
    ),
  );
}

function cellNode(cell, ctx, blockId) {
  if (cell === null || cell === undefined) return "";
  if (typeof cell !== "object") return String(cell);
  if (cell.type === "rich_text") return richText(cell);
  if (cell.type === "rich_text_section") return inlines(cell.elements);
  if (cell.type === "action_cell" && ctx)
    return (cell.elements ?? [cell.element]).map((element) => element && elementNode(element, ctx, blockId));
  if (cell.type === "raw_number") return cell.text ?? String(cell.value ?? cell.number ?? "");
  if (cell.type === "mrkdwn" || cell.type === "plain_text") return textObject(cell);
  return decode(cell.text ?? cell.value ?? "");
}

const plainCell = (cell) =>
  typeof cell === "object" && cell ? String(cell.text ?? cell.value ?? "") : String(cell ?? "");
const views = new Map();

/** Page, order and search are the reader's own and outlive an edit of the message. */
export function dataTable(block, ctx, id) {
  const key = `${ctx.place?.channel}:${ctx.place?.ts ?? ctx.place?.view_id}:${id}`;
  const view = views.get(key) ?? { page: 0, sort: null, down: false };
  views.set(key, view);
  const box = h("div.data-table", { "data-whole": `${id}/${JSON.stringify(block)}` });
  const show = () => box.replaceChildren(...dataTableParts(block, ctx, id, view, show));
  show();
  return box;
}

function dataTableParts(block, ctx, id, view, show) {
  const [head = [], ...all] = block.rows ?? [];
  const rows = view.sort === null ? all : [...all].sort(byColumn(view));
  const size = block.page_size ?? 5;
  const pages = Math.max(1, Math.ceil(rows.length / size));
  view.page = Math.min(view.page, pages - 1);
  const turn = (step) => () => {
    view.page += step;
    show();
  };
  const sortBy = (at) => () => {
    view.down = view.sort === at && !view.down;
    view.sort = at;
    show();
  };
  const headCell = (cell, at) =>
    h(
      "th",
      { scope: "col", "aria-sort": view.sort === at ? (view.down ? "descending" : "ascending") : null },
      h(
        "button.sort",
        { type: "button", onclick: sortBy(at) },
        cellNode(cell),
        view.sort === at ? (view.down ? " ↓" : " ↑") : "",
      ),
    );
  const bodyCell = (cell, at) =>
    h(
      at === block.row_header_column_index ? "th" : "td",
      {
        scope: at === block.row_header_column_index ? "row" : null,
        class: cell?.type === "raw_number" ? "align-right" : "",
      },
      cellNode(cell, ctx, id),
    );
  return [
    block.caption &&
      h("div.data-table-caption", null, typeof block.caption === "string" ? block.caption : textObject(block.caption)),
    h(
      "div.table-scroll",
      null,
      h(
        "table.table",
        null,
        h("thead", null, h("tr", null, head.map(headCell))),
        h(
          "tbody",
          null,
          rows.slice(view.page * size, (view.page + 1) * size).map((row) => h("tr", null, row.map(bodyCell))),
        ),
      ),
    ),
    pages > 1 &&
      h(
        "div.data-table-pages",
        null,
        h(
          "button.icon-button",
          { type: "button", "aria-label": "Earlier rows", disabled: view.page === 0, onclick: turn(-1) },
          icon("caret", 18),
        ),
        `${view.page * size + 1}–${Math.min(rows.length, (view.page + 1) * size)} of ${rows.length}`,
        h(
          "button.icon-button",
          { type: "button", "aria-label": "Later rows", disabled: view.page >= pages - 1, onclick: turn(1) },
          icon("caret", 18),
        ),
      ),
  ].filter(Boolean);
}

function byColumn({ sort, down }) {
  return (left, right) => {
    const [a, b] = [plainCell(left[sort]), plainCell(right[sort])];
    const numbers = a !== "" && b !== "" && !Number.isNaN(Number(a)) && !Number.isNaN(Number(b));
    return (numbers ? Number(a) - Number(b) : a.localeCompare(b)) * (down ? -1 : 1);
  };
}
