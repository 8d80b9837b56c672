// The app's Home tab: the view it published for this person, with working elements.

import { act } from "./door.js";
import { blockNodes } from "./blocks.js";
import { h, morph } from "./dom.js";
import { on, store } from "./store.js";
import { toast } from "./toasts.js";
import { valuesOf } from "./values.js";

export class Home {
  constructor() {
    this.body = h("div.home-body");
    this.node = h(
      "div.home",
      { role: "tabpanel", "aria-label": "Home", "data-testid": "home", tabindex: "-1" },
      this.body,
    );
    on("home", () => this.show());
  }

  /** A person came to the tab: the app hears of it and may publish. */
  async open() {
    this.show();
    try {
      const answer = await act("open_home");
      if (answer.view) store.home = answer.view;
    } catch (error) {
      toast(error.message, { kind: "error" });
    }
    this.asked = true;
    this.show();
  }

  show() {
    morph(this.body, h("div.home-body", null, this.content()));
    this.body = this.node.firstChild;
  }

  content() {
    const view = store.home;
    if (view?.blocks?.length) {
      const place = { view_id: view.id ?? `home-${store.me}` };
      return h(
        "div.blocks",
        { "data-view-id": view.id },
        blockNodes(view.blocks, { place, values: valuesOf(place), surface: "home", shown: view.blocks }),
      );
    }
    if (!this.asked) return h("div.home-empty", { role: "status" }, h("span.spinner"), "Loading…");
    return h(
      "div.home-empty",
      null,
      h("strong", null, `${store.app?.name ?? "This app"} has published nothing here yet.`),
      h("p", null, "When the app publishes a Home view for you, it shows here."),
    );
  }
}
