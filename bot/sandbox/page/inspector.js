// The drawer that lists every exchange between the app and Slack, to be filtered, paused and opened.

import { askTraffic } from "./door.js";
import { fill, h } from "./dom.js";
import { go, view } from "./address.js";
import { Faults } from "./faults.js";
import { icon } from "./icons.js";
import { jsonNode } from "./json.js";
import { on } from "./store.js";

const KEPT_MAX = 2_000;
const SHOWN_MAX = 300;
const HEIGHT = "inspector-height";

export class Inspector {
  constructor() {
    this.entries = new Map(); // number -> entry
    this.opened = new Set();
    this.rows = new Map(); // number -> {entry, node}
    this.faults = new Faults();
    this.tab = "traffic";
    this.list = h("ol.traffic", { "data-testid": "traffic", tabindex: "-1" });
    this.count = h("span.traffic-count", { "aria-live": "off" });
    this.filter = h("input.picker-search", {
      type: "search",
      placeholder: "Filter by method, status or content",
      "aria-label": "Filter",
      oninput: () => this.show(),
    });
    this.kind = h(
      "select.small-select",
      { "aria-label": "Kind", onchange: () => this.show() },
      [
        ["", "Everything"],
        ["to_slack", "App → Slack"],
        ["to_app", "Slack → app"],
        ["bad", "Only problems"],
      ].map(([value, label]) => h("option", { value }, label)),
    );
    this.pauseButton = h("button.icon-button", {
      type: "button",
      "aria-pressed": "false",
      onclick: () => this.pause(),
    });
    this.node = h(
      "section.inspector",
      {
        "aria-label": "Inspector",
        hidden: true,
        "data-testid": "inspector",
        style: { height: localStorage.getItem(HEIGHT) ?? "38vh" },
      },
      this.grip(),
      h(
        "header.inspector-head",
        null,
        (this.tabs = h("div.inspector-tabs", { role: "tablist" })),
        this.tools(),
        h(
          "button.icon-button",
          {
            type: "button",
            "aria-label": "Close the inspector",
            onclick: () => go({ inspector: null }, { replace: true }),
          },
          icon("close", 18),
        ),
      ),
      this.list,
      this.faults.node,
    );
    this.paused = false;
    on("traffic", (entry) => this.take([entry]));
    on("view", () => this.follow());
  }

  tools() {
    this.bar = h(
      "div.inspector-tools",
      null,
      this.filter,
      this.kind,
      this.count,
      this.pauseButton,
      h(
        "button.icon-button",
        { type: "button", title: "Clear the list", "aria-label": "Clear the list", onclick: () => this.clear() },
        icon("trash", 18),
      ),
    );
    return this.bar;
  }

  follow() {
    const open = Boolean(view.inspector);
    const before = this.node.hidden;
    this.node.hidden = !open;
    if (!open || !before) return;
    this.showTabs();
    this.load();
  }

  showTabs() {
    const tab = (name, label) =>
      h(
        "button.tab",
        {
          type: "button",
          role: "tab",
          "aria-selected": String(this.tab === name),
          onclick: () => {
            this.tab = name;
            this.showTabs();
          },
        },
        label,
      );
    fill(this.tabs, tab("traffic", "Traffic"), tab("faults", "Faults"));
    this.list.hidden = this.bar.hidden = this.tab !== "traffic";
    this.faults.node.hidden = this.tab !== "faults";
    if (this.tab === "faults") this.faults.load();
    this.showPause();
  }

  async load() {
    try {
      const answer = await askTraffic([...this.entries.keys()].at(-1) ?? 0);
      this.take(Array.isArray(answer) ? answer : (answer.traffic ?? answer.entries ?? []));
    } catch {
      // The toast of the lost connection says enough.
    }
  }

  take(entries) {
    for (const entry of entries) this.entries.set(numberOf(entry), entry);
    for (const key of this.entries.keys()) {
      if (this.entries.size <= KEPT_MAX) break;
      this.entries.delete(key);
    }
    if (!this.paused && !this.node.hidden) this.soon();
  }

  // Many entries in one moment are drawn once.
  soon() {
    if (this.due) return;
    this.due = requestAnimationFrame(() => {
      this.due = null;
      this.show();
    });
  }

  pause() {
    this.paused = !this.paused;
    this.showPause();
    if (!this.paused) this.show();
  }

  showPause() {
    fill(this.pauseButton, icon(this.paused ? "play" : "pause", 18));
    this.pauseButton.setAttribute("aria-pressed", String(this.paused));
    this.pauseButton.title = this.paused ? "Go on" : "Pause";
    this.pauseButton.setAttribute("aria-label", this.pauseButton.title);
  }

  clear() {
    this.entries.clear();
    this.show();
  }

  show() {
    const typed = this.filter.value.trim().toLowerCase();
    const found = [...this.entries.values()]
      .filter((entry) => this.wanted(entry, typed))
      .sort((a, b) => numberOf(a) - numberOf(b));
    const shown = found.slice(-SHOWN_MAX);
    const atBottom = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < 40;
    this.count.textContent = `${found.length} of ${this.entries.size}`;
    const nodes = shown.map((entry) => this.row(entry));
    if (!nodes.length)
      nodes.push(
        h("li.traffic-none", null, this.entries.size ? "Nothing matches the filter." : "Nothing was said yet."),
      );
    const wanted = new Set(nodes);
    for (const node of [...this.list.children]) if (!wanted.has(node)) node.remove();
    nodes.forEach(
      (node, at) => this.list.children[at] !== node && this.list.insertBefore(node, this.list.children[at] ?? null),
    );
    if (atBottom) this.list.scrollTop = this.list.scrollHeight;
  }

  wanted(entry, typed) {
    const kind = this.kind.value;
    if (kind === "bad" ? isGood(entry) : kind && directionOf(entry) !== kind) return false;
    if (!typed) return true;
    return (
      `${entry.method ?? entry.type} ${entry.status} ${entry.kind}`.toLowerCase().includes(typed) ||
      JSON.stringify([entry.request, entry.response]).toLowerCase().includes(typed)
    );
  }

  row(entry) {
    const number = numberOf(entry);
    const known = this.rows.get(number);
    if (known?.entry === entry) return known.node;
    const node = this.rowNode(entry);
    this.rows.set(number, { entry, node });
    if (this.rows.size > KEPT_MAX * 2) this.rows.delete(this.rows.keys().next().value);
    return node;
  }

  rowNode(entry) {
    const out = directionOf(entry) === "to_slack";
    const detail = h("div.traffic-detail", { hidden: true });
    const toggle = (event) => {
      const open = detail.hidden;
      detail.hidden = !open;
      event.currentTarget.setAttribute("aria-expanded", String(open));
      if (open && !detail.firstChild)
        fill(
          detail,
          h("div", null, h("h4", null, out ? "Request" : "Delivered"), jsonNode(entry.request ?? null)),
          h("div", null, h("h4", null, out ? "Answer" : "Acknowledged with"), jsonNode(entry.response ?? null)),
        );
      const entryNode = detail.parentElement;
      const tall = entryNode.offsetHeight > this.list.clientHeight;
      if (open) entryNode.scrollIntoView({ block: tall ? "start" : "nearest" });
    };
    return h(
      "li.traffic-entry",
      { class: `is-${tone(entry)}`, "data-method": entry.method ?? entry.type, "data-status": String(entry.status) },
      h(
        "button.traffic-row",
        { type: "button", "aria-expanded": "false", onclick: toggle },
        icon("caretRight", 14),
        h("time", null, clockOf(entry.at)),
        h(
          "span.direction",
          { title: out ? "App → Slack" : "Slack → app", class: out ? "to-slack" : "to-app" },
          out ? "→ Slack" : "→ app",
        ),
        h("span.traffic-kind", null, entry.kind ?? ""),
        h("span.traffic-method", null, entry.method ?? entry.type ?? ""),
        h("span.traffic-summary", null, summaryOf(entry)),
        entry.ms !== undefined && h("span.traffic-ms", null, `${entry.ms} ms`),
        h("span.status-pill", null, String(entry.status ?? "")),
      ),
      detail,
    );
  }

  // The drawer's upper edge is dragged, or moved with the arrow keys.
  grip() {
    const set = (height) => {
      const value = `${Math.round(Math.max(120, Math.min(height, innerHeight * 0.8)))}px`;
      this.node.style.height = value;
      localStorage.setItem(HEIGHT, value);
    };
    const grip = h("div.grip", {
      role: "separator",
      "aria-orientation": "horizontal",
      "aria-label": "Height of the inspector",
      tabindex: "0",
      onkeydown: (event) => {
        const step = { ArrowUp: 24, ArrowDown: -24 }[event.key];
        if (step) set(this.node.offsetHeight + step);
      },
    });
    grip.addEventListener("pointerdown", (event) => {
      grip.setPointerCapture(event.pointerId);
      grip.onpointermove = (move) => set(this.node.getBoundingClientRect().bottom - move.clientY);
      grip.onpointerup = () => (grip.onpointermove = null);
    });
    return grip;
  }
}

const numberOf = (entry) => entry.n ?? entry.id ?? entry.seq ?? entry.at;
const directionOf = (entry) => (["to_slack", "in", "call"].includes(entry.direction) ? "to_slack" : "to_app");
const isGood = (entry) => tone(entry) === "good";

function tone({ status, response }) {
  const text = String(status ?? "").toLowerCase();
  if (/^(ok|acked|ack|200|201|204|sent|open|connected|delivered|true)\b/.test(text)) return "good";
  if (/^(pending|waiting|retry|retried|late|ratelimited|429|duplicate|closed|refresh)/.test(text)) return "warn";
  if (!text) return response?.ok === false ? "bad" : "good";
  return "bad";
}

function clockOf(at) {
  const date = new Date(typeof at === "number" ? at : Date.parse(at));
  if (Number.isNaN(date.getTime())) return String(at ?? "");
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** The few words of a call that tell it from its neighbours: where, who, what. */
function summaryOf({ request, response }) {
  const body = request?.payload ?? request ?? {};
  const event = body.event ?? {};
  const parts = [
    body.channel ?? body.channel_id ?? body.channel?.id ?? event.channel,
    body.user_id ?? body.user?.id ?? event.user,
    event.type,
    body.command && `${body.command} ${body.text ?? ""}`,
    request?.retry_attempt > 0 && `retry ${request.retry_attempt} (${request.retry_reason})`,
    body.actions?.[0]?.action_id,
    body.view?.callback_id,
    body.text ?? event.text,
    response?.error,
  ];
  const words = parts.filter((part) => typeof part === "string" && part).map((part) => part.replace(/\s+/g, " "));
  return [...new Set(words)].join(" · ").slice(0, 160);
}
