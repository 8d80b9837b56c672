// Select menus of every kind: one choice or many, from fixed options, people, conversations or the app's own answer.

import { h } from "./dom.js";
import { act } from "./door.js";
import { avatar } from "./avatar.js";
import { changed } from "./elements.js";
import { icon } from "./icons.js";
import { popover } from "./popover.js";
import { getValue, setValue } from "./values.js";
import { channelName, store } from "./store.js";
import { plain, textObject } from "./mrkdwn.js";

const SOURCES = {
  static: { one: "selected_option", many: "selected_options", initial: "initial_option", load: staticOptions },
  external: { one: "selected_option", many: "selected_options", initial: "initial_option", load: externalOptions },
  users: { one: "selected_user", many: "selected_users", initial: "initial_user", load: people },
  conversations: {
    one: "selected_conversation",
    many: "selected_conversations",
    initial: "initial_conversation",
    load: conversations,
  },
  channels: { one: "selected_channel", many: "selected_channels", initial: "initial_channel", load: conversations },
};

function kindOf(type) {
  const found = /^(multi_)?(static|external|users|conversations|channels)_select$/.exec(type);
  return found && { many: Boolean(found[1]), source: SOURCES[found[2]] };
}

export const isPicker = (type) => kindOf(type) !== null;

export function picker(slot) {
  const { element, ctx, blockId, field } = slot;
  const { many, source } = kindOf(element.type);
  const key = many ? source.many : source.one;
  const state = { ...slot, many, source, key, chosen: startWith(slot, many, source, key) };
  setValue(ctx, blockId, element, valueOf(state));
  const placeholder = element.placeholder?.text ?? (many ? "Select some options" : "Select an option");
  const trigger = h("button.picker", {
    type: "button",
    id: field?.id,
    role: "combobox",
    "aria-haspopup": "listbox",
    "aria-expanded": "false",
    "aria-describedby": field?.describedBy ?? null,
    "aria-label": field ? null : placeholder,
    onclick: () => open(state, trigger),
    onkeydown: (event) => event.key === "ArrowDown" && (event.preventDefault(), open(state, trigger)),
  });
  state.show = () => {
    trigger.replaceChildren(h("span.picker-value", null, shown(state, placeholder)), icon("caret", 18));
    trigger.classList.toggle("is-empty", state.chosen.length === 0);
  };
  state.show();
  return trigger;
}

function startWith({ element, ctx, blockId }, many, source, key) {
  const kept = getValue(ctx, blockId, element.action_id)?.[key];
  if (kept !== undefined) return many ? [...(kept ?? [])] : kept ? [kept] : [];
  const first = element[many ? `${source.initial}s` : source.initial];
  if (first) return many ? [...first] : [first];
  if (element.default_to_current_conversation && ctx.channel) return [ctx.channel];
  return [];
}

const valueOf = ({ many, key, chosen }) => ({ [key]: many ? [...chosen] : (chosen[0] ?? null) });
const idOf = (choice) => (typeof choice === "string" ? choice : choice.value);

function shown(state, placeholder) {
  if (!state.chosen.length) return placeholder;
  if (!state.many) return labelOf(state, state.chosen[0]);
  return state.chosen.map((choice) => h("span.picker-chip", null, labelOf(state, choice)));
}

function labelOf({ source }, choice) {
  if (typeof choice !== "string") return textObject(choice.text);
  if (source === SOURCES.users) return store.people.get(choice)?.real_name ?? choice;
  return `#${channelName(choice)}`;
}

function open(state, trigger) {
  const { element, many } = state;
  const box = h("input.picker-search", {
    type: "text",
    "aria-label": "Search",
    placeholder: "Search…",
    role: "searchbox",
    autocomplete: "off",
  });
  const list = h("div.picker-list", { role: "listbox", "aria-multiselectable": many ? "true" : null });
  let asked = 0;
  const search = async () => {
    const mine = (asked += 1);
    const groups = await state.source.load(box.value.trim().toLowerCase(), state);
    if (mine !== asked) return;
    list.replaceChildren(...rows(groups, state, pick));
    list.querySelector("[role=option]")?.classList.add("is-active");
  };
  const pick = (choice) => {
    const at = state.chosen.findIndex((one) => idOf(one) === idOf(choice));
    if (!many) state.chosen = [choice];
    else if (at >= 0) state.chosen.splice(at, 1);
    else if (state.chosen.length < (element.max_selected_items ?? Infinity)) state.chosen.push(choice);
    state.show();
    if (!many) close();
    else search();
    if (!many) changed(state, valueOf(state), trigger);
    else keep();
  };
  // Of several choices Slack tells the app once, when the menu closes.
  const before = JSON.stringify(valueOf(state));
  const keep = () => changed({ ...state, field: { dispatch: false } }, valueOf(state), trigger);
  const done = () => many && JSON.stringify(valueOf(state)) !== before && changed(state, valueOf(state), trigger);
  const close = popover(trigger, h("div.picker-box", { onkeydown: (event) => walk(event, list) }, box, list), {
    label: "Options",
    width: `${Math.max(trigger.offsetWidth, 260)}px`,
    onClose: done,
  });
  box.oninput = search;
  box.focus();
  search();
}

function walk(event, list) {
  const options = [...list.querySelectorAll("[role=option]")];
  const at = options.findIndex((option) => option.classList.contains("is-active"));
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && options.length) {
    event.preventDefault();
    options[at]?.classList.remove("is-active");
    const next = options[(at + step + options.length) % options.length];
    next.classList.add("is-active");
    next.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Enter") {
    event.preventDefault();
    options[at]?.click();
  }
}

function rows(groups, state, pick) {
  const out = [];
  for (const group of groups) {
    if (group.label) out.push(h("div.picker-group", { role: "presentation" }, group.label));
    for (const option of group.options) {
      const taken = state.chosen.some((one) => idOf(one) === idOf(option.choice));
      out.push(
        h(
          "div.picker-option",
          {
            role: "option",
            "aria-selected": String(taken),
            "data-value": idOf(option.choice),
            onclick: () => pick(option.choice),
            onmousedown: (event) => event.preventDefault(),
          },
          option.face,
          h(
            "span.picker-option-text",
            null,
            option.label,
            option.description && h("span.picker-description", null, option.description),
          ),
          taken && icon("check", 16),
        ),
      );
    }
  }
  return out.length ? out : [h("div.picker-none", null, groups.hint ?? "No results")];
}

const matches = (typed, ...texts) =>
  !typed ||
  texts.some((text) =>
    String(text ?? "")
      .toLowerCase()
      .includes(typed),
  );

function optionRow(option) {
  return {
    choice: option,
    label: textObject(option.text),
    description: option.description ? textObject(option.description) : null,
  };
}

function grouped(element, typed) {
  const groups = element.option_groups?.length ? element.option_groups : [{ options: element.options ?? [] }];
  return groups
    .map((group) => ({
      label: group.label ? textObject(group.label) : null,
      options: (group.options ?? [])
        .filter((option) => matches(typed, option.text?.text, option.description?.text))
        .map(optionRow),
    }))
    .filter((group) => group.options.length);
}

async function staticOptions(typed, { element }) {
  return grouped(element, typed);
}

async function externalOptions(typed, { element, ctx, blockId }) {
  const least = element.min_query_length ?? 3;
  if (typed.length < least) return Object.assign([], { hint: `Type ${least} or more letters` });
  try {
    const answer = await act("options", {
      ...ctx.place,
      block_id: blockId,
      action_id: element.action_id,
      value: typed,
    });
    return grouped(answer, "");
  } catch {
    return Object.assign([], { hint: "The app did not answer" });
  }
}

async function people(typed) {
  const found = [...store.people.values()].filter(
    (one) => !one.is_bot && matches(typed, one.real_name, one.name, one.title),
  );
  return [
    {
      options: found.map((one) => ({
        choice: one.id,
        label: one.real_name || one.name,
        description: one.title,
        face: avatar(one.id, 20),
      })),
    },
  ];
}

async function conversations(typed, { element }) {
  const wanted = element.filter?.include;
  const kinds = { channel: "public", private: "private", dm: "im" };
  const found = [...store.channels.values()].filter((one) => {
    if (element.type.includes("channels") && one.kind !== "channel") return false;
    if (wanted && !wanted.includes(kinds[one.kind])) return false;
    if (element.filter?.exclude_external_shared_channels && one.shared) return false;
    if (element.filter?.exclude_bot_users && one.kind === "dm") return false;
    return matches(typed, channelName(one.id));
  });
  const face = (one) => icon(one.kind === "private" ? "lock" : one.kind === "dm" ? "people" : "hash", 16);
  return [{ options: found.map((one) => ({ choice: one.id, label: plain(channelName(one.id)), face: face(one) })) }];
}
