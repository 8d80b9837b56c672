// The bar on top: jump to a conversation, open the inspector, and choose whom to act as.

import { arrows, closePopover, popover } from "./popover.js";
import { avatar } from "./avatar.js";
import { badges } from "./profile.js";
import { channelName, me, on, SLACKBOT, store } from "./store.js";
import { fill, h } from "./dom.js";
import { drawer, drawerIsOpen } from "./sidebar.js";
import { go, view } from "./address.js";
import { icon } from "./icons.js";

export class TopBar {
  constructor() {
    this.node = h("header.topbar", { role: "banner" });
    for (const topic of ["state", "view"]) on(topic, () => this.show());
    addEventListener("keydown", (event) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k" && !document.querySelector(".backdrop")) {
        event.preventDefault();
        this.jump(this.node.querySelector(".jump"));
      }
    });
  }

  show() {
    const jump = h(
      "button.jump",
      { type: "button", "aria-haspopup": "dialog", onclick: (event) => this.jump(event.currentTarget) },
      icon("search", 16),
      h("span", null, `Jump to… in ${store.team?.name ?? "the workspace"}`),
      h("kbd", null, "Ctrl K"),
    );
    const inspector = h(
      "button.top-button",
      {
        type: "button",
        "aria-pressed": String(Boolean(view.inspector)),
        "data-testid": "inspector-toggle",
        title: "Every call and delivery between the app and Slack",
        onclick: () => go({ inspector: view.inspector ? null : "1" }, { replace: true }),
      },
      icon("traffic", 18),
      h("span", null, "Inspector"),
    );
    const mark = h("span.sandbox-mark", null, "Sandbox");
    fill(this.node, this.drawerButton(), mark, jump, h("span.top-right", null, inspector, this.actAs()));
  }

  drawerButton() {
    return h(
      "button.drawer-button",
      {
        type: "button",
        "data-testid": "drawer",
        "aria-label": "Channels and conversations",
        "aria-expanded": String(drawerIsOpen()),
        onclick: () => drawer(!drawerIsOpen()),
      },
      icon("menu", 20),
    );
  }

  actAs() {
    const known = me();
    return h(
      "button.act-as",
      {
        type: "button",
        "data-testid": "act-as",
        "data-as": store.me,
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        "aria-label": `Acting as ${known?.real_name ?? store.me}. Choose another person`,
        onclick: (event) => this.choosePerson(event.currentTarget),
      },
      h("span.act-as-label", null, "Act as"),
      avatar(store.me, 26, { presence: true }),
      h("span.act-as-name", null, known?.real_name ?? store.me),
      known && badges(known),
      icon("caret", 16),
    );
  }

  choosePerson(anchor) {
    const people = [...store.people.values()].filter((one) => !one.is_bot && one.id !== SLACKBOT && !one.deleted);
    const row = (one) =>
      h(
        "button.menu-row.person-row",
        {
          type: "button",
          role: "menuitemradio",
          "aria-checked": String(one.id === store.me),
          "data-value": one.id,
          "data-testid": `act-as-${one.id}`,
          onclick: () => choose(one.id),
        },
        avatar(one.id, 32),
        h(
          "span.menu-label",
          null,
          h("strong", null, one.real_name || one.name),
          badges(one),
          h("span.menu-detail", null, one.title ?? ""),
        ),
        one.id === store.me && icon("check", 18),
      );
    const choose = (id) => {
      closePopover();
      go({ as: id });
    };
    popover(anchor, h("div.menu", { onkeydown: arrows }, h("div.menu-title", null, "Act as"), people.map(row)), {
      label: "Act as",
      role: "menu",
      width: "340px",
    });
    document.querySelector(".person-row[aria-checked=true]")?.focus();
  }

  jump(anchor) {
    const list = h("div.menu", { role: "listbox" });
    const field = h("input.picker-search", {
      type: "text",
      placeholder: "Where would you like to go?",
      "aria-label": "Jump to",
      autocomplete: "off",
      oninput: () => search(),
    });
    const leave = (change) => {
      closePopover();
      go({ thread: null, tab: null, ...change });
    };
    const search = () => {
      const typed = field.value.trim().toLowerCase();
      const found = [...store.channels.values()].filter((one) => channelName(one.id).toLowerCase().includes(typed));
      fill(
        list,
        found.map((one) =>
          h(
            "button.menu-row",
            { type: "button", onclick: () => leave({ channel: one.id }) },
            icon(one.kind === "dm" ? "app" : one.kind === "private" ? "lock" : "hash", 16),
            h("span.menu-label", null, channelName(one.id)),
            h("span.menu-detail", null, one.topic ?? ""),
          ),
        ),
      );
    };
    const onKey = (event) => {
      if (event.key === "Enter" && event.target === field) list.querySelector("button")?.click();
      else arrows(event);
    };
    popover(anchor, h("div.jump-box", { onkeydown: onKey }, field, list), {
      label: "Jump to",
      width: `${anchor.offsetWidth}px`,
    });
    field.focus();
    search();
  }
}
