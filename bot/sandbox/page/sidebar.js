// The workspace's sidebar: channels, conversations and the app, bold with a badge when something is new.

import { avatar } from "./avatar.js";
import { botUserId, channelName, on, otherInDm, personName, store } from "./store.js";
import { go, linkTo, view } from "./address.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";

const FOLDED = "folded-sections";

export class Sidebar {
  constructor() {
    this.node = h("nav.sidebar", { "aria-label": "Channels and conversations", "data-testid": "sidebar" });
    for (const topic of ["state", "unread", "view", "connected"]) on(topic, () => this.show());
  }

  show() {
    const at = this.node.querySelector(".sidebar-scroll")?.scrollTop ?? 0;
    const focused = document.activeElement?.closest?.(".sidebar [data-channel]")?.dataset.channel;
    const channels = [...store.channels.values()];
    const rooms = channels
      .filter((one) => one.kind !== "dm" && one.member !== false)
      .sort((a, b) => a.name.localeCompare(b.name));
    const other = channels
      .filter((one) => one.kind !== "dm" && one.member === false)
      .sort((a, b) => a.name.localeCompare(b.name));
    const dms = channels.filter((one) => one.kind === "dm" && otherInDm(one) !== botUserId());
    const apps = channels.filter((one) => one.kind === "dm" && otherInDm(one) === botUserId());
    fill(
      this.node,
      h(
        "header.workspace",
        null,
        h("h2", null, store.team?.name ?? "…"),
        !store.connected && h("span.offline", { role: "status", title: "Connecting again…" }, "offline"),
      ),
      h(
        "div.sidebar-scroll",
        null,
        this.section("Channels", rooms),
        other.length > 0 && this.section("Other channels", other),
        this.section("Direct messages", dms, [this.self()]),
        this.section("Apps", apps),
      ),
    );
    this.node.querySelector(".sidebar-scroll").scrollTop = at;
    if (focused) this.node.querySelector(`[data-channel="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  section(title, channels, extra = []) {
    if (!channels.length && !extra.some(Boolean)) return null;
    const folded = foldedSections();
    const open = !folded.includes(title);
    const toggle = () => {
      localStorage.setItem(FOLDED, JSON.stringify(open ? [...folded, title] : folded.filter((one) => one !== title)));
      this.show();
    };
    // A folded section still shows what is open or unread.
    const shown = open
      ? channels
      : channels.filter((one) => one.id === view.channel || (store.unread.get(one.id)?.count ?? 0) > 0);
    return h(
      "section.side-section",
      null,
      h(
        "button.side-title",
        { type: "button", "aria-expanded": String(open), onclick: toggle },
        icon(open ? "caret" : "caretRight", 16),
        title,
      ),
      h(
        "ul",
        null,
        shown.map((one) => h("li", null, this.row(one))),
        open && extra.map((one) => one && h("li", null, one)),
      ),
    );
  }

  row(channel) {
    const { count = 0, mentions = 0 } = store.unread.get(channel.id) ?? {};
    const dm = channel.kind === "dm";
    const active = view.channel === channel.id;
    const badge = dm ? count : mentions;
    const name = channelName(channel.id);
    const spoken = `${name}${count ? `, ${count} unread` : ""}${dm ? "" : ", channel"}`;
    const change = { channel: channel.id, thread: null, tab: null };
    return h(
      "a.side-row",
      {
        href: linkTo(change),
        class: [active && "is-active", count > 0 && !active && "is-unread", channel.member === false && "is-other"]
          .filter(Boolean)
          .join(" "),
        "data-channel": channel.id,
        "aria-current": active ? "page" : null,
        "aria-label": spoken,
        onclick: (event) => {
          event.preventDefault();
          go(change);
        },
      },
      dm
        ? avatar(otherInDm(channel), 20, { presence: true })
        : h("span.side-sign", null, icon(channel.kind === "private" ? "lock" : "hash", 16)),
      h("span.side-name", null, name),
      channel.shared && h("span.side-tag", { title: "Shared with another organisation" }, "EXT"),
      badge > 0 && !active && h("span.unread-badge", { "data-testid": "unread" }, String(badge)),
    );
  }

  self() {
    if (!store.me) return null;
    return h(
      "div.side-row.is-self",
      null,
      avatar(store.me, 20, { presence: true }),
      h("span.side-name", null, personName(store.me)),
      h("span.side-you", null, "you"),
    );
  }
}

/** Shows or hides the sidebar where the window is too narrow for it to stand beside the panes. */
export function drawer(open) {
  document.getElementById("app").classList.toggle("is-drawer-open", open);
  document.querySelector(".drawer-button")?.setAttribute("aria-expanded", String(open));
}

export const drawerIsOpen = () => document.getElementById("app").classList.contains("is-drawer-open");

function foldedSections() {
  try {
    return JSON.parse(localStorage.getItem(FOLDED)) ?? [];
  } catch {
    return [];
  }
}
