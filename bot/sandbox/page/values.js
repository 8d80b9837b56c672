// What people have put into inputs, kept apart from the elements so that an edit of the message does not lose it.

const places = new Map();

/** A place is one message or one view; its values are shaped as Slack's `state.values`. */
export function valuesOf(place) {
  const key = place.view_id ?? `${place.channel}:${place.ts}`;
  if (!places.has(key)) places.set(key, {});
  return places.get(key);
}

export const forgetValues = (place) => places.delete(place.view_id ?? `${place.channel}:${place.ts}`);

/** Of the values only those whose block is still shown; what an update took away is not sent. */
export function valuesShown(blocks, values) {
  const shown = new Set();
  const note = (some) =>
    some?.forEach((block) => {
      shown.add(block.block_id);
      note(block.child_blocks);
    });
  note(blocks);
  return Object.fromEntries(Object.entries(values).filter(([blockId]) => shown.has(blockId)));
}

export function getValue(ctx, blockId, actionId) {
  return ctx.values[blockId]?.[actionId];
}

export function setValue(ctx, blockId, element, value) {
  ctx.values[blockId] ??= {};
  ctx.values[blockId][element.action_id] = { type: element.type, ...value };
}
