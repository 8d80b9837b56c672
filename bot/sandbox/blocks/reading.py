"""Finds elements inside blocks, and tells what an untouched form holds."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

from bot.sandbox.blocks.elements import ELEMENTS

Json = dict[str, Any]

# What each element reports as its state, and the field that gives its first value.
STATE_FIELDS: dict[str, tuple[str, str]] = {
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "checkboxes": ("selected_options", "initial_options"),
    "radio_buttons": ("selected_option", "initial_option"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "file_input": ("files", "initial_files"),
}


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Every element that has an action id, with the block it stands in."""
    for block in blocks:
        yield from _inside(block, block)


def find_element(blocks: list[Json], action_id: str, block_id: str | None = None) -> tuple[Json, Json] | None:
    """The block and element that a person means."""
    for block, element in elements(blocks):
        if element.get("action_id") == action_id and block_id in (None, block.get("block_id")):
            return block, element
    return None


def state_of(blocks: list[Json]) -> Json:
    """`{block_id: {action_id: state}}` of everything that holds a value, as it is before anyone touches it."""
    values: Json = {}
    for block, element in elements(blocks):
        if element["type"] in STATE_FIELDS:
            values.setdefault(block["block_id"], {})[element["action_id"]] = first_state(element)
    return values


def kept(values: Json, entered: Json) -> Json:
    """The values with those that a person entered before, where block, action and kind stay the same."""
    return {
        block_id: {
            action_id: before
            if (before := entered.get(block_id, {}).get(action_id)) is not None and before["type"] == state["type"]
            else state
            for action_id, state in actions.items()
        }
        for block_id, actions in values.items()
    }


def first_state(element: Json) -> Json:
    name, initial = STATE_FIELDS[element["type"]]
    empty: Any = [] if (name.startswith("selected_") and name.endswith("s")) or name == "files" else None
    state = {"type": element["type"], name: element.get(initial, empty)}
    if element["type"] == "timepicker" and "timezone" in element:
        state["timezone"] = element["timezone"]
    return state


def completed(blocks: list[Json], mint: Callable[[], str]) -> list[Json]:
    """A copy as Slack keeps it: with block ids, action ids and the defaults of text objects filled in."""
    kept = copy.deepcopy(blocks)
    for block in kept:
        _complete_block(block, mint)
    return kept


def _complete_block(block: Json, mint: Callable[[], str]) -> None:
    if block.get("type") == "markdown":
        block.pop("block_id", None)
    if not block.get("block_id"):
        block["block_id"] = mint()
    for name in ("child_blocks", "tasks"):
        for child in block.get(name) or []:
            _complete_block(child, mint)
    _complete_texts(block, mint)


def _complete_texts(value: Any, mint: Callable[[], str]) -> None:
    if isinstance(value, list):
        for inner in value:
            _complete_texts(inner, mint)
        return
    if not isinstance(value, dict):
        return
    kind = value.get("type")
    if kind == "plain_text":
        value.setdefault("emoji", True)
    elif kind == "mrkdwn":
        value.setdefault("verbatim", False)
    elif kind in ELEMENTS and not value.get("action_id"):
        value["action_id"] = mint()
    for inner in value.values():
        _complete_texts(inner, mint)


def _inside(value: Any, block: Json) -> Iterator[tuple[Json, Json]]:
    if isinstance(value, list):
        for inner in value:
            yield from _inside(inner, block)
        return
    if not isinstance(value, dict):
        return
    if value.get("type") in ELEMENTS:
        yield block, value
        return
    own = value if "block_id" in value else block
    for inner in value.values():
        yield from _inside(inner, own)
