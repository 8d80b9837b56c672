// The little card about a person or the app, opened from a name or a face.

import { h } from "./dom.js";
import { go } from "./address.js";
import { avatar } from "./avatar.js";
import { popover, closePopover } from "./popover.js";
import { botUserId, otherInDm, person, personName, SLACKBOT, store } from "./store.js";

export function showPerson(id, anchor) {
  const known = person(id);
  if (!known) return;
  const groups = [...store.usergroups.values()].filter((group) => group.users?.includes(id));
  popover(
    anchor,
    h(
      "div.profile",
      null,
      avatar(id, 72),
      h("div.profile-name", null, known.real_name || known.name, badges(known)),
      known.title && h("div.profile-title", null, known.title),
      h(
        "dl.profile-facts",
        null,
        fact("Display name", personName(id)),
        fact("Member ID", id),
        groups.length > 0 && fact("Groups", groups.map((g) => `@${g.handle}`).join(", ")),
      ),
      dmButton(id),
    ),
    { label: `Profile of ${personName(id)}`, width: "280px" },
  );
}

const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

function dmButton(id) {
  const dm = [...store.channels.values()].find((channel) => channel.kind === "dm" && otherInDm(channel) === id);
  if (!dm || id === store.me) return null;
  const open = () => {
    closePopover();
    go({ channel: dm.id, tab: null, thread: null });
  };
  return h("button.button", { type: "button", onclick: open }, id === botUserId() ? "Open app" : "Message");
}

/** Words beside a name: APP, guest, from another organisation. */
export function badges(known) {
  return [
    known.is_bot && known.id !== SLACKBOT && h("span.badge", null, "APP"),
    known.is_guest && h("span.badge.badge-guest", { title: "A guest of this workspace" }, "GUEST"),
    known.is_outsider && h("span.badge.badge-outside", { title: "From another organisation" }, "EXTERNAL"),
  ].filter(Boolean);
}
