// The pane on the right: one thread, its root on top, with a composer of its own.

import { askMessages } from "./door.js";
import { channelName, compareTs, kept, channel as channelOf, on, store, threadKey } from "./store.js";
import { Composer } from "./composer.js";
import { Feed } from "./feed.js";
import { fill, h } from "./dom.js";
import { go, view } from "./address.js";
import { icon } from "./icons.js";
import { toast } from "./toasts.js";

export class Thread {
  constructor() {
    this.feed = new Feed("thread", { label: "Thread" });
    this.composer = new Composer({
      testid: "thread-composer",
      label: () => "Reply…",
      target: () => ({ channel: this.channel, thread_ts: this.ts }),
      sent: () => this.feed.stick(),
    });
    this.place = h("button.thread-place", { type: "button", onclick: () => go({ channel: this.channel, tab: null }) });
    this.node = h(
      "aside.thread",
      {
        "aria-label": "Thread",
        hidden: true,
        "data-testid": "thread",
        onkeydown: (event) => event.key === "Escape" && !event.defaultPrevented && this.close(),
      },
      h(
        "header.thread-head",
        null,
        h("h2", null, "Thread"),
        this.place,
        h(
          "button.icon-button",
          { type: "button", "aria-label": "Close thread", title: "Close", onclick: () => this.close() },
          icon("close", 20),
        ),
      ),
      this.feed.node,
      this.composer.node,
    );
    on("messages", ({ channel, thread_ts: ts }) => channel === this.channel && (!ts || ts === this.ts) && this.show());
    on("state", () => this.ts && this.show());
    addEventListener("feed-grown", () => this.ts && this.show());
  }

  close() {
    const from = this.ts;
    go({ thread: null });
    document.querySelector(`.channel [data-ts="${CSS.escape(from)}"] .thread-summary`)?.focus();
  }

  /** Follows the address: opens, changes or closes. */
  async follow({ again = false } = {}) {
    const { channel, thread: ts } = view;
    this.node.hidden = !ts;
    if (!ts) {
      this.ts = null;
      return;
    }
    if (!again && this.ts === ts && this.channel === channel && this.as === store.me) return;
    const fresh = this.ts !== ts || this.channel !== channel || this.as !== store.me;
    Object.assign(this, { channel, ts, as: store.me });
    if (fresh) this.start();
    await this.load();
  }

  start() {
    const dm = channelOf(this.channel)?.kind === "dm";
    fill(this.place, dm ? channelName(this.channel) : `# ${channelName(this.channel)}`);
    fill(
      this.composer.extra,
      !dm && h("label.also-send", null, h("input", { type: "checkbox" }), `Also send to #${channelName(this.channel)}`),
    );
    this.feed.open();
    this.composer.open();
    this.show();
  }

  async load() {
    const { channel, ts } = this;
    try {
      const { messages } = await askMessages(channel, ts);
      store.threads.set(
        threadKey(channel, ts),
        messages.map(kept).sort((a, b) => compareTs(a.ts, b.ts)),
      );
    } catch (error) {
      toast(error.message, { kind: "error" });
    }
    if (this.ts === ts) this.show();
  }

  show() {
    if (!this.ts) return;
    const known = store.threads.get(threadKey(this.channel, this.ts)) ?? this.rootOnly();
    this.feed.show(known, { channel: this.channel });
  }

  rootOnly() {
    return (store.messages.get(this.channel) ?? []).filter((message) => message.ts === this.ts);
  }
}
