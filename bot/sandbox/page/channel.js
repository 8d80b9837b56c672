// The main pane: one conversation with its header, messages and composer; for the app also its Home tab.

import { act, askMessages } from "./door.js";
import { avatar } from "./avatar.js";
import {
  botUserId,
  channel as channelOf,
  channelName,
  compareTs,
  kept,
  on,
  otherInDm,
  person,
  personName,
  store,
  tell,
} from "./store.js";
import { Composer } from "./composer.js";
import { Feed } from "./feed.js";
import { fill, h } from "./dom.js";
import { go, view } from "./address.js";
import { Home } from "./home.js";
import { icon } from "./icons.js";
import { popover, arrows } from "./popover.js";
import { showPerson } from "./profile.js";
import { plain } from "./mrkdwn.js";
import { toast } from "./toasts.js";

export class Channel {
  constructor() {
    this.feed = new Feed("channel", { label: "Messages", intro: () => this.intro() });
    this.composer = new Composer({
      testid: "composer",
      label: () => this.placeholder(),
      target: () => ({ channel: this.id }),
      sent: () => this.feed.stick(),
    });
    this.home = new Home();
    this.head = h("header.channel-head");
    this.tabs = h("div.tabs", { role: "tablist" });
    this.closed = h("div.composer-closed", { hidden: true });
    this.talk = h("div.talk", null, this.feed.node, this.composer.node, this.closed);
    this.node = h("main.channel", { id: "channel" }, this.head, this.tabs, this.talk, this.home.node);
    on("messages", ({ channel }) => channel === this.id && this.show());
    on("state", () => this.id && this.showHead());
    on("state", () => this.id && this.show());
    addEventListener("feed-grown", () => this.id && this.show());
  }

  async follow({ again = false } = {}) {
    const { channel: id } = view;
    const fresh = this.id !== id || this.as !== store.me;
    const tab = this.isApp(id) && view.tab === "home" ? "home" : "messages";
    const newTab = fresh || this.tab !== tab;
    Object.assign(this, { id, as: store.me, tab });
    this.showHead();
    if (newTab || again) this.showTab();
    if (fresh) this.start();
    if (fresh || again) await this.load();
    if (fresh && tab === "messages" && !view.thread) this.composer.focus();
  }

  isApp(id) {
    const known = channelOf(id);
    return known?.kind === "dm" && otherInDm(known) === botUserId();
  }

  start() {
    this.newFrom = undefined;
    this.feed.open();
    this.composer.open();
    this.show();
  }

  async load() {
    const { id } = this;
    if (!channelOf(id)) return;
    const unread = store.unread.get(id)?.count ?? 0;
    try {
      const { messages } = await askMessages(id);
      store.messages.set(
        id,
        messages.map(kept).sort((a, b) => compareTs(a.ts, b.ts)),
      );
    } catch (error) {
      toast(error.message, { kind: "error" });
    }
    if (this.id !== id) return;
    this.newFrom ??= this.firstUnread(id, unread);
    this.show();
    markRead(id);
  }

  firstUnread(id, unread) {
    const foreign = (store.messages.get(id) ?? []).filter((message) => message.user !== store.me && !message.ephemeral);
    return unread > 0 && foreign.length > unread ? foreign.at(-unread).ts : null;
  }

  show() {
    const messages = store.messages.get(this.id);
    if (messages) this.feed.show(messages, { channel: this.id, newFrom: this.newFrom });
  }

  placeholder() {
    const known = channelOf(this.id);
    return known?.kind === "dm" ? `Message ${channelName(this.id)}` : `Message #${channelName(this.id)}`;
  }

  // Head and tabs

  showHead() {
    const known = channelOf(this.id);
    if (!known) return fill(this.head, h("h1", null, "No such conversation"));
    const dm = known.kind === "dm";
    const face = dm ? avatar(otherInDm(known), 28) : icon(known.kind === "private" ? "lock" : "hash", 20);
    const title = h(
      "h1.channel-title",
      { "data-testid": "channel-title" },
      h("span.channel-sign", null, face),
      channelName(this.id),
      known.shared && h("span.badge.badge-outside", { title: "Shared with another organisation" }, "SHARED"),
    );
    fill(
      this.head,
      title,
      !dm && known.topic && h("span.topic", { title: known.topic }, plain(known.topic)),
      h("span.bar-gap"),
      !dm && this.members(known),
    );
    this.composer.area.placeholder = this.placeholder();
    const open = known.member !== false;
    this.composer.node.hidden = !open;
    this.closed.hidden = open;
    if (!open)
      fill(
        this.closed,
        "You are viewing ",
        h("strong", null, `#${channelName(this.id)}`),
        ". Only members can write here.",
      );
    document.title = `${channelName(this.id)} - ${store.team?.name ?? "Sandbox"} - Sandbox Slack`;
  }

  members(known) {
    const isBot = (id) => Number(Boolean(person(id).is_bot));
    const ids = (known.members ?? []).filter((id) => person(id)).sort((a, b) => isBot(a) - isBot(b));
    if (!ids.length) return null;
    const row = (id) =>
      h(
        "button.menu-row",
        { type: "button", onclick: (event) => showPerson(id, event.currentTarget) },
        avatar(id, 24),
        h("span.menu-label", null, personName(id)),
        h("span.menu-detail", null, person(id).title ?? ""),
      );
    const open = (event) =>
      popover(
        event.currentTarget,
        h("div.menu", { onkeydown: arrows }, h("div.menu-title", null, `${ids.length} members`), ids.map(row)),
        { label: "Members", width: "340px" },
      );
    return h(
      "button.members",
      { type: "button", title: "View all members", "aria-label": `${ids.length} members`, onclick: open },
      h(
        "span.faces",
        null,
        ids.slice(0, 3).map((id) => avatar(id, 24)),
      ),
      h("span", null, String(ids.length)),
    );
  }

  showTab() {
    const app = this.isApp(this.id) && store.app?.home !== false;
    this.tabs.hidden = !app;
    const tab = (name, label) =>
      h(
        "button.tab",
        {
          type: "button",
          role: "tab",
          "aria-selected": String(this.tab === name),
          "data-tab": name,
          onclick: () => go({ tab: name, thread: null }),
        },
        label,
      );
    fill(this.tabs, app && [tab("home", "Home"), tab("messages", "Messages")]);
    this.talk.hidden = this.tab === "home";
    this.home.node.hidden = this.tab !== "home";
    if (this.tab === "home") this.home.open();
    else if (app) act("open_home", { tab: "messages" }).catch(() => {});
  }

  intro() {
    const known = channelOf(this.id);
    if (!known) return null;
    if (known.kind === "dm") {
      const other = otherInDm(known);
      return [
        avatar(other, 72),
        h("h2", null, personName(other)),
        h(
          "p",
          null,
          other === botUserId()
            ? `This is the beginning of your conversation with ${personName(other)}. Try writing “help”.`
            : `This conversation is just between you and ${personName(other)}.`,
        ),
      ];
    }
    return [
      h("h2", null, `# ${channelName(this.id)}`),
      h(
        "p",
        null,
        `This is the very beginning of the #${channelName(this.id)} channel.`,
        known.topic ? ` ${known.topic}` : "",
      ),
    ];
  }
}

export function markRead(id) {
  const known = store.unread.get(id);
  if (known && known.count === 0 && known.mentions === 0) return;
  store.unread.set(id, { count: 0, mentions: 0 });
  tell("unread");
  act("read", { channel: id }).catch(() => {});
}
