// Inputs that are typed into: text, numbers, addresses, dates, files.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { interact } from "./interaction.js";
import { toast } from "./toasts.js";
import { upload } from "./door.js";
import { getValue, setValue } from "./values.js";
import { changed } from "./elements.js";

const TEXTUAL = new Set(["plain_text_input", "number_input", "email_text_input", "url_text_input", "rich_text_input"]);
const KINDS = { number_input: "decimal", email_text_input: "email", url_text_input: "url" };

export const isTextual = (type) => TEXTUAL.has(type);

export function textElement(slot) {
  const { element, ctx, blockId, field } = slot;
  const rich = element.type === "rich_text_input";
  const kept = getValue(ctx, blockId, element.action_id);
  const first = rich ? plainOf(element.initial_value) : (element.initial_value ?? "");
  const value = kept ? (rich ? plainOf(kept.rich_text_value) : (kept.value ?? "")) : first;
  const multiline = rich || element.multiline;
  const input = h(multiline ? "textarea.text-input" : "input.text-input", {
    id: field?.id,
    value,
    type: multiline ? null : "text",
    inputmode: KINDS[element.type] ?? null,
    rows: multiline ? 5 : null,
    placeholder: element.placeholder?.text ?? null,
    maxlength: element.max_length ?? null,
    "aria-describedby": field?.describedBy ?? null,
    "aria-label": field ? null : (element.placeholder?.text ?? element.action_id),
    "data-focus-on-load": element.focus_on_load ? "true" : null,
    autocomplete: "off",
    spellcheck: multiline ? "true" : "false",
  });
  const keep = () =>
    setValue(
      ctx,
      blockId,
      element,
      rich ? { rich_text_value: richOf(input.value) } : { value: input.value === "" ? null : input.value },
    );
  if (!kept) keep();
  input.oninput = () => {
    keep();
    if (multiline) grow(input);
    input.dispatchEvent(new CustomEvent("value-changed", { bubbles: true, detail: { blockId } }));
    if (sends(slot, "on_character_entered")) interact(ctx, blockId, element, { value: input.value }, null);
  };
  input.onkeydown = (event) => {
    if (event.key !== "Enter" || event.isComposing || (multiline && !event.metaKey && !event.ctrlKey)) return;
    if (!sends(slot, "on_enter_pressed")) return;
    event.preventDefault();
    interact(ctx, blockId, element, { value: input.value }, input);
  };
  if (multiline) requestAnimationFrame(() => grow(input));
  return element.max_length && multiline ? counted(input, element.max_length) : input;
}

function sends({ element, field }, trigger) {
  if (field && !field.dispatch) return false;
  return (element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"]).includes(trigger);
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight + 2, 420)}px`;
}

// How much room is left is told once it becomes scarce.
function counted(input, limit) {
  const left = h("span.text-left", { "aria-live": "polite" });
  const tell = () => {
    const rest = limit - input.value.length;
    left.textContent = rest <= Math.max(20, limit / 10) ? String(rest) : "";
  };
  input.addEventListener("input", tell);
  tell();
  return h("span.text-counted", null, input, left);
}

export const richOf = (text) =>
  text ? { type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }] } : null;

function plainOf(rich) {
  if (!rich) return "";
  if (typeof rich.text === "string") return rich.text;
  return (rich.elements ?? []).map(plainOf).join(rich.type === "rich_text" ? "\n" : "");
}

export function dateElement(slot) {
  const { element, ctx, blockId, field } = slot;
  const kind = DATES[element.type];
  const kept = getValue(ctx, blockId, element.action_id);
  const value = kept ? kept[kind.key] : (element[kind.initial] ?? null);
  if (!kept) setValue(ctx, blockId, element, { [kind.key]: value });
  const input = h("input.text-input.date-input", {
    id: field?.id,
    type: kind.input,
    value: value === null ? "" : kind.show(value),
    "aria-describedby": field?.describedBy ?? null,
    "aria-label": field ? null : (element.placeholder?.text ?? kind.name),
    title: element.placeholder?.text ?? kind.name,
  });
  input.onchange = () => changed(slot, { [kind.key]: input.value ? kind.read(input.value) : null }, input);
  return input;
}

const same = (value) => value;
const DATES = {
  datepicker: {
    input: "date",
    key: "selected_date",
    initial: "initial_date",
    name: "Select a date",
    show: same,
    read: same,
  },
  timepicker: {
    input: "time",
    key: "selected_time",
    initial: "initial_time",
    name: "Select a time",
    show: same,
    read: same,
  },
  datetimepicker: {
    input: "datetime-local",
    key: "selected_date_time",
    initial: "initial_date_time",
    name: "Select a date and time",
    show: (seconds) => localIso(new Date(seconds * 1000)),
    read: (text) => Math.floor(new Date(text).getTime() / 1000),
  },
};

function localIso(date) {
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function fileElement(slot) {
  const { element, ctx, blockId, field } = slot;
  const limit = element.max_files ?? 10;
  const files = getValue(ctx, blockId, element.action_id)?.files ?? [];
  const list = h("ul.file-list");
  const show = () => list.replaceChildren(...files.map(row));
  const keep = () => {
    setValue(ctx, blockId, element, { files });
    box.dispatchEvent(new CustomEvent("value-changed", { bubbles: true, detail: { blockId } }));
  };
  const row = (file) =>
    h(
      "li.file-row",
      null,
      icon("file", 18),
      h("span", null, file.name ?? file.id),
      h(
        "button.icon-button",
        {
          type: "button",
          "aria-label": `Remove ${file.name}`,
          onclick: () => {
            files.splice(files.indexOf(file), 1);
            keep();
            show();
          },
        },
        icon("close", 14),
      ),
    );
  const take = async (chosen) => {
    box.setAttribute("aria-busy", "true");
    try {
      for (const one of [...chosen].slice(0, limit - files.length)) files.push(await upload(one));
    } catch (error) {
      toast(error.message, { kind: "error" });
    }
    box.removeAttribute("aria-busy");
    keep();
    show();
  };
  const input = h("input.visually-hidden", {
    id: field?.id,
    type: "file",
    multiple: limit > 1,
    accept: element.filetypes?.map((type) => `.${type}`).join(",") ?? null,
    "aria-describedby": field?.describedBy ?? null,
    onchange: () => {
      take(input.files);
      input.value = "";
    },
  });
  const box = h(
    "div.file-input",
    {
      ondragover: (event) => event.preventDefault(),
      ondrop: (event) => {
        event.preventDefault();
        take(event.dataTransfer.files);
      },
    },
    input,
    h(
      "button.button",
      { type: "button", onclick: () => input.click() },
      icon("plus", 16),
      limit > 1 ? "Add files" : "Add a file",
    ),
    h("span.file-hint", null, element.filetypes ? `or drop here (${element.filetypes.join(", ")})` : "or drop here"),
    list,
  );
  if (!getValue(ctx, blockId, element.action_id)) keep();
  show();
  return box;
}
