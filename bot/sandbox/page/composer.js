// Where a person writes: drafts, formatting, suggestions, files; Enter sends, Shift+Enter starts a line.

import { act, upload } from "./door.js";
import { applyFormat, formatBar, formatOf } from "./formats.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { pickEmoji } from "./emojipicker.js";
import { menu } from "./popover.js";
import { store } from "./store.js";
import { commandOf, suggest, withIds } from "./suggestions.js";
import { toast } from "./toasts.js";

export class Composer {
  /** `testid` names it for tests; `target()` gives {channel, thread_ts?}; `label()` the placeholder; `sent()` hears of it. */
  constructor({ testid, target, label, sent }) {
    this.target = target;
    this.sent = sent;
    this.label = label;
    this.files = [];
    this.suggested = null;
    this.area = h("textarea.composer-text", {
      id: testid,
      rows: 1,
      "data-testid": testid,
      autocomplete: "off",
      "aria-autocomplete": "list",
      "aria-multiline": "true",
      oninput: () => this.changed(),
      onkeydown: (event) => this.onKey(event),
      onblur: () => this.hideSuggestions(),
      onpaste: (event) =>
        event.clipboardData?.files.length && (event.preventDefault(), this.attach(event.clipboardData.files)),
    });
    this.area.addEventListener("click", () => this.offer());
    this.list = h("div.suggestions", { role: "listbox", hidden: true, "aria-label": "Suggestions" });
    this.usage = h("div.usage", { hidden: true });
    this.fileRow = h("div.composer-files", { hidden: true });
    this.send = h(
      "button.send",
      { type: "button", "aria-label": "Send now", title: "Send now", onclick: () => this.submit(), disabled: true },
      icon("send", 18),
    );
    this.extra = h("div.composer-extra");
    this.node = h(
      "div.composer-frame",
      {
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => {
          event.preventDefault();
          this.attach(event.dataTransfer.files);
        },
      },
      this.list,
      this.usage,
      h(
        "div.composer",
        null,
        formatBar((format) => this.format(format)),
        this.area,
        this.fileRow,
        this.extra,
        this.footBar(),
      ),
    );
  }

  key() {
    const { channel, thread_ts: thread } = this.target();
    return `draft:${store.me}:${channel}:${thread ?? ""}`;
  }

  /** Takes up the draft of the channel or thread that is now open. */
  open() {
    this.area.value = sessionStorage.getItem(this.key()) ?? "";
    this.area.placeholder = this.label();
    this.area.setAttribute("aria-label", this.label());
    this.files = [];
    this.showFiles();
    this.hideSuggestions();
    this.refresh();
  }

  focus() {
    this.area.focus({ preventScroll: true });
  }

  changed() {
    if (this.area.value) sessionStorage.setItem(this.key(), this.area.value);
    else sessionStorage.removeItem(this.key());
    this.refresh();
    this.offer();
  }

  refresh() {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(this.area.scrollHeight, 320)}px`;
    this.send.disabled = !this.area.value.trim() && !this.files.length;
    const command = commandOf(this.area.value);
    this.usage.hidden = !command?.usage_hint || !/\s/.test(this.area.value);
    if (command)
      this.usage.replaceChildren(
        h("strong", null, command.command),
        ` ${command.usage_hint ?? ""}`,
        h("span.usage-about", null, command.description ?? ""),
      );
  }

  // Suggestions

  offer() {
    const found =
      this.area.selectionStart === this.area.selectionEnd ? suggest(this.area.value, this.area.selectionStart) : null;
    this.suggested = found?.rows.length ? { ...found, at: 0 } : null;
    if (!this.suggested) return this.hideSuggestions();
    this.usage.hidden = true;
    const row = (one, at) =>
      h(
        "div.suggestion",
        {
          role: "option",
          id: `${this.area.id}-option-${at}`,
          "data-value": one.value,
          "aria-selected": String(at === 0),
          onmousedown: (event) => {
            event.preventDefault();
            this.accept(at);
          },
        },
        one.node,
      );
    this.list.replaceChildren(
      h(
        "div.suggestions-title",
        { role: "presentation" },
        found.title,
        h("span", null, "↑↓ to move · ⏎ to choose · esc to close"),
      ),
      ...found.rows.map(row),
    );
    this.list.hidden = false;
    this.area.setAttribute("aria-activedescendant", `${this.area.id}-option-0`);
  }

  hideSuggestions() {
    this.suggested = null;
    this.list.hidden = true;
    this.area.removeAttribute("aria-activedescendant");
  }

  moveSuggestion(step) {
    const { rows, at } = this.suggested;
    this.suggested.at = (at + step + rows.length) % rows.length;
    [...this.list.querySelectorAll("[role=option]")].forEach((node, index) => {
      node.setAttribute("aria-selected", String(index === this.suggested.at));
      if (index === this.suggested.at) node.scrollIntoView({ block: "nearest" });
    });
    this.area.setAttribute("aria-activedescendant", `${this.area.id}-option-${this.suggested.at}`);
  }

  accept(at) {
    const { from, rows } = this.suggested;
    if (rows[at].run) return this.runShortcut(rows[at]);
    this.area.setRangeText(rows[at].insert, from, this.area.selectionEnd, "end");
    this.hideSuggestions();
    this.area.focus();
    this.changed();
  }

  runShortcut(row) {
    this.hideSuggestions();
    this.clear();
    row.run().catch((error) => toast(error.message, { kind: "error" }));
  }

  onKey(event) {
    if (event.isComposing) return;
    if (this.suggested && this.onSuggestionKey(event)) return event.preventDefault();
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      return this.submit();
    }
    const format = formatOf(event);
    if (format) {
      event.preventDefault();
      this.format(format);
    }
  }

  onSuggestionKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.moveSuggestion(step);
    else if (event.key === "Escape") this.hideSuggestions();
    else if (event.key === "Tab") this.accept(this.suggested.at);
    else if (event.key === "Enter" && !event.shiftKey && !this.isWholeCommand()) this.accept(this.suggested.at);
    else return false;
    event.stopPropagation();
    return true;
  }

  // A command typed to its last letter is sent by Enter at once.
  isWholeCommand() {
    return store.commands.some((one) => one.command === this.area.value.trim());
  }

  // Sending

  async submit() {
    const text = this.area.value.trim();
    if (!text && !this.files.length) return;
    const command = commandOf(text);
    const { thread_ts: thread, ...place } = this.target();
    if (command && thread) return toast(`${command.command} is not supported in threads. Sorry!`, { kind: "warning" });
    const kept = { text: this.area.value, files: this.files };
    this.clear();
    this.sent();
    try {
      if (command)
        await act("command", {
          ...place,
          text: command.should_escape === false ? text : withIds(text, { labels: true }),
        });
      else
        await act("say", {
          ...place,
          ...(thread ? { thread_ts: thread, reply_broadcast: this.broadcast() } : {}),
          text: withIds(text),
          files: kept.files.map((file) => file.id),
        });
    } catch (error) {
      this.area.value = kept.text;
      this.files = kept.files;
      this.showFiles();
      this.changed();
      toast(error.message, { kind: "error" });
    }
  }

  broadcast() {
    const box = this.extra.querySelector("input[type=checkbox]");
    const on = Boolean(box?.checked);
    if (box) box.checked = false;
    return on;
  }

  clear() {
    this.area.value = "";
    this.files = [];
    this.showFiles();
    this.changed();
  }

  // Files

  async attach(files) {
    for (const file of files) {
      try {
        this.files.push(await upload(file));
      } catch (error) {
        toast(error.message, { kind: "error" });
      }
    }
    this.showFiles();
    this.refresh();
  }

  showFiles() {
    const drop = (file) => () => {
      this.files = this.files.filter((one) => one !== file);
      this.showFiles();
      this.refresh();
    };
    this.fileRow.hidden = !this.files.length;
    this.fileRow.replaceChildren(
      ...this.files.map((file) =>
        h(
          "span.composer-file",
          null,
          icon("file", 18),
          file.name ?? file.id,
          h(
            "button.icon-button",
            { type: "button", "aria-label": `Remove ${file.name}`, onclick: drop(file) },
            icon("close", 14),
          ),
        ),
      ),
    );
  }

  // Bars

  footBar() {
    const picker = h("input.visually-hidden", {
      type: "file",
      multiple: true,
      tabindex: "-1",
      "aria-label": "Attach files",
      onchange: () => {
        this.attach([...picker.files]);
        picker.value = "";
      },
    });
    const tool = (name, label, run) =>
      h(
        "button.icon-button",
        {
          type: "button",
          title: label,
          "aria-label": label,
          onmousedown: (event) => event.preventDefault(),
          onclick: run,
        },
        icon(name, 18),
      );
    return h(
      "div.composer-bar.foot-bar",
      null,
      picker,
      tool("plus", "Attach a file", () => picker.click()),
      tool("smile", "Emoji", (event) => pickEmoji(event.currentTarget, (text) => this.type(`${text} `))),
      tool("at", "Mention someone", () => this.type("@")),
      tool("slash", "Run a command", () => this.startCommand()),
      tool("bolt", "Shortcuts", (event) => this.openShortcuts(event.currentTarget)),
      h("span.bar-gap"),
      this.send,
    );
  }

  type(text) {
    const { selectionStart: start, value } = this.area;
    const space = start > 0 && !/\s/.test(value[start - 1]) ? " " : "";
    this.area.setRangeText(space + text, start, this.area.selectionEnd, "end");
    this.focus();
    this.changed();
  }

  openShortcuts(anchor) {
    const rows = store.shortcuts
      .filter((one) => one.kind === "global")
      .map((one) => ({
        label: one.name,
        detail: store.app?.name,
        icon: icon("bolt", 18),
        value: one.callback_id,
        run: () =>
          act("shortcut", { callback_id: one.callback_id }).catch((error) => toast(error.message, { kind: "error" })),
      }));
    if (rows.length) menu(anchor, rows, { label: "Shortcuts", prefer: "above" });
    else toast("This app has no shortcuts.");
  }

  startCommand() {
    if (!this.area.value.startsWith("/")) this.area.setRangeText("/", 0, 0, "end");
    this.area.setSelectionRange(1, 1);
    this.focus();
    this.changed();
  }

  format(format) {
    applyFormat(this.area, format);
    this.focus();
    this.changed();
  }
}
