"""The blocks of Block Kit: their fields, limits and surfaces."""

from typing import Any

from bot.sandbox.blocks.elements import IN_ACTIONS, IN_CONTEXT_ACTIONS, IN_INPUT, IN_SECTION, Found
from bot.sandbox.blocks.kinds import (
    EVERYWHERE,
    HOME,
    MESSAGE,
    MODAL,
    Anything,
    Bool,
    Int,
    Items,
    Kind,
    Object,
    OneOf,
    Shape,
    Str,
    Text,
    choices,
    one_of,
)

_ID: dict[str, Kind] = {"block_id": Str(255, 1)}
_MESSAGE_ONLY = frozenset({MESSAGE})
_RICH_TEXT = one_of("rich_text")
_CELL = one_of("raw_text", "raw_number", "rich_text", "action_cell")
_IMAGE_FIELDS: dict[str, Kind] = {
    "alt_text": Str(2000, 1),
    "image_url": Str(3000, 1, url=True),
    "slack_file": Object("slack_file"),
}
TASK_STATUSES = frozenset({"pending", "in_progress", "complete", "error"})
CONTAINED = frozenset(
    {"actions", "context", "divider", "file", "header", "image", "input", "rich_text", "section", "table", "video"}
)
BLOCKS_MAX = {MESSAGE: 50, MODAL: 100, HOME: 100}


def _rectangle(block: dict[str, Any]) -> Found:
    """All rows of a data table are as long as its header."""
    rows = [row for row in block.get("rows") or [] if isinstance(row, list)]
    found: Found = [
        (f"rows/{n}", "failed_constraint", f"must have {len(rows[0])} cells like the header row")
        for n, row in enumerate(rows)
        if len(row) != len(rows[0])
    ]
    heads = enumerate(rows[0]) if rows else ()
    for n, cell in heads:
        if isinstance(cell, dict) and cell.get("type") == "rich_text":
            found.append((f"rows/0/{n}", "failed_constraint", "header cells must not be rich_text"))
    return found


def _collapsing(block: dict[str, Any]) -> Found:
    if block.get("has_header_divider") and block.get("is_collapsible"):
        return [("has_header_divider", "failed_constraint", "cannot be used with is_collapsible")]
    return []


_TASK: dict[str, Kind] = {
    **_ID,
    "task_id": Str(255, 1),
    "title": Str(256, 1),
    "status": Str(choices=TASK_STATUSES),
    "details": _RICH_TEXT,
    "output": _RICH_TEXT,
    "sources": Items(one_of("url")),
    "icon": Anything(),
    "hide_title": Bool(),
}

LAYOUTS: dict[str, Shape] = {
    "section": Shape(
        fields={
            **_ID,
            "text": Text(3000),
            "fields": Items(Text(2000), 10, 1),
            "accessory": OneOf(IN_SECTION),
            "expand": Bool(),
        },
        any_of=(("text", "fields"),),
    ),
    "header": Shape(fields={**_ID, "text": Text(150, plain_only=True), "level": Int(1, 6)}, required=("text",)),
    "divider": Shape(fields=dict(_ID)),
    "context": Shape(
        fields={**_ID, "elements": Items(one_of("image", "plain_text", "mrkdwn"), 10, 1)}, required=("elements",)
    ),
    "actions": Shape(fields={**_ID, "elements": Items(OneOf(IN_ACTIONS), 25, 1)}, required=("elements",)),
    "context_actions": Shape(
        fields={**_ID, "elements": Items(OneOf(IN_CONTEXT_ACTIONS), 5, 1)},
        required=("elements",),
        surfaces=_MESSAGE_ONLY,
    ),
    "input": Shape(
        fields={
            **_ID,
            "label": Text(2000, plain_only=True),
            "hint": Text(2000, plain_only=True),
            "optional": Bool(),
            "dispatch_action": Bool(),
            "element": OneOf(IN_INPUT),
        },
        required=("label", "element"),
    ),
    "image": Shape(
        fields={**_ID, **_IMAGE_FIELDS, "title": Text(2000, plain_only=True)},
        required=("alt_text",),
        any_of=(("image_url", "slack_file"),),
        not_both=(("image_url", "slack_file"),),
    ),
    "rich_text": Shape(
        fields={
            **_ID,
            "elements": Items(
                one_of("rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted")
            ),
        },
        required=("elements",),
    ),
    "markdown": Shape(fields={**_ID, "text": Str(12_000, 1)}, required=("text",), surfaces=_MESSAGE_ONLY),
    "table": Shape(
        fields={
            **_ID,
            "rows": Items(Items(_CELL, 20, 1), 100, 1),
            "column_settings": Items(Object("column_setting"), 20),
        },
        required=("rows",),
        surfaces=_MESSAGE_ONLY,
    ),
    "data_table": Shape(
        fields={
            **_ID,
            "caption": Str(min=1),
            "rows": Items(Items(_CELL, 20, 1), 101, 2),
            "page_size": Int(1, 100),
            "row_header_column_index": Int(0, 19),
        },
        required=("caption", "rows"),
        surfaces=_MESSAGE_ONLY,
        extra=(_rectangle,),
    ),
    "data_visualization": Shape(
        fields={**_ID, "title": Anything(), "chart": Anything()},
        required=("chart",),
        surfaces=frozenset({MESSAGE, HOME}),
    ),
    "plan": Shape(
        fields={**_ID, "title": Str(256, 1), "tasks": Items(one_of("task_card"), 50)},
        required=("title",),
        surfaces=_MESSAGE_ONLY,
    ),
    "task_card": Shape(fields=_TASK, required=("task_id", "title"), surfaces=_MESSAGE_ONLY),
    "alert": Shape(
        fields={**_ID, "text": Text(200), "level": choices("default", "info", "warning", "error", "success")},
        required=("text",),
        surfaces=frozenset({MODAL}),
    ),
    "card": Shape(
        fields={
            **_ID,
            "title": Text(150),
            "subtitle": Text(150),
            "body": Text(200),
            "icon": one_of("image"),
            "hero_image": one_of("image"),
            "actions": Items(one_of("button"), 3),
        },
        any_of=(("hero_image", "title", "actions", "body"),),
        surfaces=frozenset({MESSAGE, HOME}),
    ),
    "carousel": Shape(
        fields={**_ID, "elements": Items(one_of("card"), 10, 1)},
        required=("elements",),
        surfaces=frozenset({MESSAGE, HOME}),
    ),
    "container": Shape(
        fields={
            **_ID,
            "title": Text(150, plain_only=True),
            "rich_text_title": _RICH_TEXT,
            "subtitle": Text(150),
            "icon": one_of("image"),
            "child_blocks": Items(OneOf(CONTAINED), 10, 1),
            "width": choices("narrow", "standard", "wide", "full"),
            "is_collapsible": Bool(),
            "default_collapsed": Bool(),
            "has_header_divider": Bool(),
        },
        required=("child_blocks",),
        any_of=(("title", "rich_text_title"),),
        surfaces=_MESSAGE_ONLY,
        extra=(_collapsing,),
    ),
    "video": Shape(
        fields={
            **_ID,
            "title": Text(199, plain_only=True),
            "title_url": Str(3000, url=True),
            "description": Text(199, plain_only=True),
            "video_url": Str(3000, 1, url=True),
            "thumbnail_url": Str(3000, 1, url=True),
            "alt_text": Str(2000, 1),
            "author_name": Str(50),
            "provider_name": Str(),
            "provider_icon_url": Str(3000, url=True),
        },
        required=("title", "video_url", "thumbnail_url", "alt_text"),
        surfaces=EVERYWHERE,
    ),
}
# An image inside a context, a section or a card has no title and no id of its own.
IMAGE_ELEMENT = Shape(
    fields=dict(_IMAGE_FIELDS),
    required=("alt_text",),
    any_of=(("image_url", "slack_file"),),
    not_both=(("image_url", "slack_file"),),
)
