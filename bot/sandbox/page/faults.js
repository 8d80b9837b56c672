// Faults on purpose: what shall go wrong next, and how the sandbox delivers.

import { addFault, askFaults, changeSettings, clearFaults } from "./door.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { toast } from "./toasts.js";

const METHODS = [
  "chat.postMessage",
  "chat.update",
  "chat.postEphemeral",
  "views.open",
  "views.update",
  "views.publish",
  "users.info",
  "usergroups.users.list",
  "conversations.replies",
  "*",
];
const DELIVERIES = ["events_api", "slash_commands", "interactive"];
const API_KINDS = [
  ["error", "Answers with an error"],
  ["ratelimited", "Is rate limited"],
  ["drop_before", "Drops the connection before the work"],
  ["drop_after", "Does the work, then drops the connection"],
  ["delay", "Is slow"],
  ["http_500", "Answers HTTP 500"],
  ["unknown_method", "Does not know the method"],
];
const DELIVERY_KINDS = [
  ["duplicate", "Comes twice"],
  ["lose", "Never arrives"],
  ["delay", "Comes late"],
];
const DETAILS = {
  error: ["error", "Error code", "internal_error"],
  ratelimited: ["retry_after", "Seconds", "5"],
  delay: ["ms", "Milliseconds", "4000"],
};

export class Faults {
  constructor() {
    this.list = h("ul.fault-list");
    this.method = h("input.text-input", {
      list: "fault-methods",
      value: "chat.postMessage",
      "aria-label": "Method or delivery",
      oninput: () => this.showKinds(),
    });
    this.kind = h("select.small-select", { "aria-label": "What goes wrong", onchange: () => this.showDetail() });
    this.detail = h("input.text-input.short", { "aria-label": "Detail" });
    this.times = h("input.text-input.short", { type: "number", min: 1, value: "1", "aria-label": "How often" });
    const field = (label, node) => h("label.fault-field", null, h("span", null, label), node);
    this.detailField = field("", this.detail);
    this.deliver = h(
      "select.small-select",
      { "aria-label": "Delivery", onchange: () => this.changeDelivery() },
      [
        ["socket", "Socket Mode"],
        ["http", "Signed HTTP"],
      ].map(([value, label]) => h("option", { value }, label)),
    );
    this.node = h(
      "div.faults",
      { hidden: true, "data-testid": "faults" },
      h(
        "datalist",
        { id: "fault-methods" },
        [...METHODS, ...DELIVERIES].map((value) => h("option", { value })),
      ),
      h(
        "form.fault-form",
        {
          onsubmit: (event) => {
            event.preventDefault();
            this.add();
          },
        },
        field("When", this.method),
        field("it", this.kind),
        this.detailField,
        field("times", this.times),
        h("button.button.primary", { type: "submit" }, "Add fault"),
      ),
      this.list,
      h(
        "div.fault-foot",
        null,
        h("button.button", { type: "button", onclick: () => this.clear() }, icon("trash", 16), "Remove all faults"),
        field("Deliver by", this.deliver),
      ),
    );
    this.showKinds();
  }

  showKinds() {
    const kinds = DELIVERIES.includes(this.method.value) ? DELIVERY_KINDS : API_KINDS;
    fill(
      this.kind,
      kinds.map(([value, label]) => h("option", { value }, label)),
    );
    this.showDetail();
  }

  showDetail() {
    const [, label, first] = DETAILS[this.kind.value] ?? [];
    this.detailField.hidden = !label;
    this.detailField.firstChild.textContent = label ?? "";
    this.detail.value = first ?? "";
  }

  async add() {
    const [name] = DETAILS[this.kind.value] ?? [];
    const detail = name ? { [name]: name === "error" ? this.detail.value : Number(this.detail.value) } : {};
    await this.ask(() =>
      addFault({
        method: this.method.value.trim(),
        kind: this.kind.value,
        times: Number(this.times.value) || 1,
        ...detail,
      }),
    );
  }

  clear = () => this.ask(clearFaults);
  load = () => this.ask(askFaults);
  changeDelivery = () => this.ask(() => changeSettings({ deliver_by: this.deliver.value }));

  async ask(question) {
    try {
      const answer = await question();
      if (answer.deliver_by) this.deliver.value = answer.deliver_by;
      if (answer.faults || Array.isArray(answer)) this.show(answer.faults ?? answer);
      else if (question !== askFaults) await this.load();
    } catch (error) {
      if (question !== askFaults) toast(error.message, { kind: "error" });
    }
  }

  show(faults) {
    const row = ({ method, kind, times, ...detail }) =>
      h(
        "li",
        null,
        h("code", null, method),
        h(
          "span",
          null,
          ([...API_KINDS, ...DELIVERY_KINDS].find(([value]) => value === kind)?.[1] ?? kind).toLowerCase(),
        ),
        Object.keys(detail).length > 0 && h("code", null, JSON.stringify(detail)),
        h("span.fault-times", null, times ? `× ${times}` : "always"),
      );
    fill(
      this.list,
      faults.length ? faults.map(row) : h("li.traffic-none", null, "No faults are planned: everything works."),
    );
  }
}
