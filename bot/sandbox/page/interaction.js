// One press of a button or choice in a menu: ask to confirm, send it, show that it is under way.

import { act, DoorError } from "./door.js";
import { confirmDialog } from "./confirm.js";
import { toast } from "./toasts.js";
import { valuesShown } from "./values.js";

/**
 * Sends a block action. `ctx.place` says where the block stands: {channel, ts} or {view_id}.
 * Gives whether it was sent and went well; a person who declines the confirmation has sent nothing.
 */
export async function interact(ctx, blockId, element, payload, node) {
  if (element.confirm && !(await confirmDialog(element.confirm))) return false;
  node?.setAttribute("aria-busy", "true");
  node?.classList.remove("went-wrong");
  try {
    const answer = await act("click", {
      ...ctx.place,
      block_id: blockId,
      action_id: element.action_id,
      type: element.type,
      ...payload,
      confirmed: Boolean(element.confirm),
      state: { values: valuesShown(ctx.shown, ctx.values) },
    });
    if (answer.ok === false) fail(node, answer.error ?? answer.warning);
    return answer.ok !== false;
  } catch (error) {
    if (!(error instanceof DoorError)) throw error;
    fail(node, error.message);
    toast(error.message, { kind: "error" });
    return false;
  } finally {
    node?.removeAttribute("aria-busy");
  }
}

function fail(node, reason) {
  if (!node) return;
  node.classList.add("went-wrong");
  node.title = reason ? `That did not go through: ${reason}` : "That did not go through.";
}
