// A scrolling list of messages that stays where the reader is: at the bottom, or at what they read.

import { append, h, morph } from "./dom.js";
import { authorOf, keyOf, messageNode } from "./messages.js";
import { compareTs, store } from "./store.js";
import { dayKey, dayLabel } from "./times.js";
import { icon } from "./icons.js";

const GROUP_S = 5 * 60;
const SHOWN_MAX = 200;
const NEAR_BOTTOM_PX = 48;

export class Feed {
  /** `where` is "channel" or "thread"; `intro` gives what stands above the first message. */
  constructor(where, { intro = () => null, label }) {
    this.where = where;
    this.intro = intro;
    this.built = new Map(); // key -> {stamp, node}
    this.shownCount = SHOWN_MAX;
    this.stuck = true;
    this.lastTop = 0;
    this.list = h("div.feed-list", { role: "list", "aria-label": label });
    this.pill = h(
      "button.new-pill",
      { type: "button", hidden: true, onclick: () => this.toBottom(true) },
      icon("down", 16),
      "New messages",
    );
    this.scroller = h("div.feed", { onscroll: () => this.onScroll(), tabindex: "-1" }, h("div.feed-space"), this.list);
    this.node = h("div.feed-frame", null, this.scroller, this.pill);
    new ResizeObserver(() => this.stuck && this.toBottom()).observe(this.list);
    new ResizeObserver(() => this.stuck && this.toBottom()).observe(this.scroller);
  }

  /** Starts over for another channel or thread. */
  open() {
    this.built.clear();
    this.list.replaceChildren();
    this.shownCount = SHOWN_MAX;
    this.stuck = true;
    this.lastKey = null;
    this.pill.hidden = true;
  }

  show(messages, { channel, newFrom = null } = {}) {
    const shown = messages.slice(-this.shownCount);
    const rows = [this.introRow(messages, shown), ...this.rows(shown, { channel, newFrom })];
    const lastBefore = this.lastKey;
    this.lastKey = shown.length ? keyOf(shown.at(-1)) : null;
    this.arrange(rows);
    if (this.stuck) this.toBottom();
    else if (lastBefore && this.lastKey !== lastBefore) this.pill.hidden = false;
  }

  introRow(messages, shown) {
    if (shown.length === messages.length)
      return { key: "intro", stamp: null, build: () => h("div.feed-intro", { "data-key": "intro" }, this.intro()) };
    const more = () => {
      const height = this.scroller.scrollHeight;
      this.shownCount += SHOWN_MAX;
      this.stuck = false;
      dispatchEvent(new CustomEvent("feed-grown"));
      this.scroller.scrollTop += this.scroller.scrollHeight - height;
    };
    return {
      key: "more",
      stamp: shown.length,
      build: () =>
        h(
          "div.feed-more",
          { "data-key": "more" },
          h("button.button", { type: "button", onclick: more }, "Show earlier messages"),
        ),
    };
  }

  rows(messages, { channel, newFrom }) {
    const out = [];
    let before = null;
    for (const message of messages) {
      const newDay = !before || dayKey(before.ts) !== dayKey(message.ts);
      if (newDay && this.where === "channel")
        out.push(divider(`day-${dayKey(message.ts)}`, "day-divider", dayLabel(message.ts)));
      if (newFrom === message.ts) out.push(divider("new-line", "new-divider", "New"));
      const grouped = !newDay && newFrom !== message.ts && belongsTo(before, message);
      out.push(this.row(message, { channel, where: this.where, grouped }));
      if (this.where === "thread" && !before) out.push(replyLine(messages.length - 1));
      before = this.where === "thread" && !before ? { ts: message.ts } : message;
    }
    return out;
  }

  row(message, options) {
    return {
      key: keyOf(message),
      stamp: [message, options.grouped, store.people, store.me],
      build: () => messageNode(message, options),
    };
  }

  // Only what changed is built anew; what is there is patched in place.
  arrange(rows) {
    const kept = new Map();
    let cursor = this.list.firstChild;
    for (const row of rows) {
      const known = this.built.get(row.key);
      let node = known?.node;
      if (!known) node = row.build();
      else if (!sameStamp(known.stamp, row.stamp)) node = morph(known.node, row.build());
      if (node !== cursor) this.list.insertBefore(node, cursor);
      else cursor = cursor.nextSibling;
      kept.set(row.key, { stamp: row.stamp, node });
    }
    for (const [key, { node }] of this.built) if (!kept.has(key)) node.remove();
    this.built = kept;
  }

  onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // Only the reader's own move upwards lets go of the bottom; growing content does not.
    if (scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM_PX) this.stuck = true;
    else if (scrollTop < this.lastTop - 1) this.stuck = false;
    this.lastTop = scrollTop;
    if (this.stuck) this.pill.hidden = true;
  }

  /** Goes to the bottom and stays there, as one's own message comes next. */
  stick() {
    this.stuck = true;
    this.toBottom();
  }

  toBottom(smooth = false) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth && !calm ? "smooth" : "instant" });
    this.pill.hidden = true;
  }

  /** Brings a message into view and lights it up; gives whether it is here. */
  reveal(ts) {
    const node = this.list.querySelector(`[data-ts="${CSS.escape(ts)}"]`);
    if (!node) return false;
    this.stuck = false;
    node.scrollIntoView({ block: "center" });
    node.classList.remove("is-lit");
    requestAnimationFrame(() => node.classList.add("is-lit"));
    return true;
  }
}

const sameStamp = (left, right) =>
  left === right || (Array.isArray(left) && Array.isArray(right) && left.every((one, at) => one === right[at]));

function belongsTo(before, message) {
  if (!before || authorOf(before) !== authorOf(message) || before.username !== message.username) return false;
  if (Boolean(before.ephemeral) !== Boolean(message.ephemeral) || message.ephemeral) return false;
  if (before.subtype || message.subtype === "thread_broadcast" || before.reply_count) return false;
  return compareTs(message.ts, before.ts) < GROUP_S;
}

function divider(key, kind, label) {
  return {
    key,
    stamp: label,
    build: () => h(`div.${kind}`, { role: "separator", "aria-label": label, "data-key": key }, h("span", null, label)),
  };
}

function replyLine(count) {
  const label = count === 0 ? "" : `${count} ${count === 1 ? "reply" : "replies"}`;
  return {
    key: "reply-line",
    stamp: label,
    build: () =>
      append(h("div.reply-line", { "data-key": "reply-line", hidden: count === 0 }), [h("span", null, label)]),
  };
}
