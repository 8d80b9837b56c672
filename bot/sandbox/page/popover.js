// One floating layer at a time, placed beside what opened it: menus, pickers, profiles.

import { h, trapFocus } from "./dom.js";

let closeOpen = null;

export const closePopover = () => closeOpen?.();

/** Shows `content` by `anchor`; returns what closes it. `prefer` is where it opens when there is room for either. */
export function popover(
  anchor,
  content,
  { label, prefer = "below", role = "dialog", onClose = null, width = null } = {},
) {
  closePopover();
  const box = h("div.popover", { role, "aria-label": label, tabindex: "-1", style: width ? { width } : {} }, content);
  document.getElementById("overlays").append(box);
  const giveBack = trapFocus(box);
  place(box, anchor, prefer);
  const resized = new ResizeObserver(() => place(box, anchor, prefer)); // what is loaded later needs room too
  resized.observe(box);
  anchor.setAttribute("aria-expanded", "true");

  const close = ({ refocus = true } = {}) => {
    if (closeOpen !== close) return;
    closeOpen = null;
    resized.disconnect();
    removeEventListener("pointerdown", outside, true);
    removeEventListener("resize", close);
    box.remove();
    anchor.setAttribute("aria-expanded", "false");
    onClose?.();
    if (refocus) anchor.isConnected ? anchor.focus({ preventScroll: true }) : giveBack();
  };
  const outside = (event) => {
    if (!box.contains(event.target) && !anchor.contains(event.target)) close({ refocus: false });
  };
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  addEventListener("pointerdown", outside, true);
  addEventListener("resize", close);
  closeOpen = close;
  return close;
}

function place(box, anchor, prefer) {
  const at = anchor.getBoundingClientRect();
  const { width, height } = box.getBoundingClientRect();
  const room = { below: innerHeight - at.bottom - 12, above: at.top - 12 };
  const other = prefer === "below" ? "above" : "below";
  const side = room[prefer] >= height || room[prefer] >= room[other] ? prefer : other;
  const top = side === "below" ? at.bottom + 6 : at.top - height - 6;
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  box.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  box.style.maxHeight = `${innerHeight - 16}px`;
}

/** A menu of choices: rows {label, icon?, detail?, danger?, run} or null for a line between groups. */
export function menu(anchor, rows, { label, prefer } = {}) {
  let close = null;
  const entry = (row) =>
    row === null
      ? h("hr.menu-line")
      : h(
          "button.menu-row",
          {
            type: "button",
            role: "menuitem",
            class: row.danger ? "danger" : "",
            "data-value": row.value ?? null,
            onclick: () => {
              close();
              row.run?.();
            },
          },
          row.icon,
          h("span.menu-label", null, row.label),
          row.detail && h("span.menu-detail", null, row.detail),
        );
  const list = h("div.menu", { onkeydown: arrows }, rows.map(entry));
  close = popover(anchor, list, { label, prefer, role: "menu" });
  list.querySelector("button")?.focus();
  return close;
}

/** Up and Down walk through the rows of a list. */
export function arrows(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const rows = [...event.currentTarget.querySelectorAll("button:not(:disabled), input")].filter(
    (row) => row.offsetParent !== null,
  );
  const at = rows.indexOf(document.activeElement);
  rows[(at + step + rows.length) % rows.length]?.focus();
}
