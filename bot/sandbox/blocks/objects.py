"""The small shapes that blocks and elements are made of."""

from bot.sandbox.blocks.kinds import (
    Anything,
    Bool,
    Int,
    Items,
    Object,
    OneOf,
    Shape,
    Str,
    Text,
    choices,
    one_of,
)

INLINE = one_of(
    "text", "link", "user", "usergroup", "channel", "emoji", "team", "date", "broadcast", "color", "tag", "citation"
)
STYLE = Object("text_style")


OBJECTS: dict[str, Shape] = {
    "option": Shape(
        fields={"text": Text(75), "value": Str(150, 1), "description": Text(75, plain_only=True), "url": Str(3000)},
        required=("text", "value"),
    ),
    "option_group": Shape(
        fields={"label": Text(75, plain_only=True), "options": Items(Object("option"), 100, 1)},
        required=("label", "options"),
    ),
    "confirm": Shape(
        fields={
            "title": Text(100, plain_only=True),
            "text": Text(300),
            "confirm": Text(30, plain_only=True),
            "deny": Text(30, plain_only=True),
            "style": choices("primary", "danger"),
        },
        required=("title", "text"),
    ),
    "dispatch_action_config": Shape(
        fields={"trigger_actions_on": Items(choices("on_enter_pressed", "on_character_entered"), 2, 1)},
    ),
    "filter": Shape(
        fields={
            "include": Items(choices("im", "mpim", "private", "public"), 4, 1),
            "exclude_external_shared_channels": Bool(),
            "exclude_bot_users": Bool(),
        },
        any_of=(("include", "exclude_external_shared_channels", "exclude_bot_users"),),
    ),
    "slack_file": Shape(fields={"id": Str(255, 1), "url": Str(3000, 1)}, any_of=(("id", "url"),)),
    "workflow": Shape(fields={"trigger": Anything()}, required=("trigger",)),
    "feedback_button": Shape(
        fields={"text": Text(75, plain_only=True), "value": Str(2000, 1), "accessibility_label": Str(75)},
        required=("text", "value"),
    ),
    "column_setting": Shape(
        fields={"align": choices("left", "center", "right"), "is_wrapped": Bool()},
    ),
    "text_style": Shape(
        fields={
            name: Bool()
            for name in (
                "bold",
                "italic",
                "strike",
                "code",
                "underline",
                "highlight",
                "client_highlight",
                "unlink",
            )
        },
    ),
}

# Typed parts: rich text, table cells, sources of a task.
PARTS: dict[str, Shape] = {
    "rich_text_section": Shape(fields={"elements": Items(INLINE)}, required=("elements",)),
    "rich_text_preformatted": Shape(
        fields={"elements": Items(one_of("text", "link")), "border": Int(0, 1), "language": Str(64)},
        required=("elements",),
    ),
    "rich_text_quote": Shape(fields={"elements": Items(INLINE), "border": Int(0, 1)}, required=("elements",)),
    "rich_text_list": Shape(
        fields={
            "elements": Items(one_of("rich_text_section")),
            "style": choices("bullet", "ordered"),
            "indent": Int(0, 8),
            "offset": Int(0),
            "border": Int(0, 1),
        },
        required=("elements", "style"),
    ),
    "text": Shape(fields={"text": Str(min=1), "style": STYLE}, required=("text",)),
    "link": Shape(
        fields={"url": Str(min=1, url=True), "text": Str(), "unsafe": Bool(), "style": STYLE}, required=("url",)
    ),
    "user": Shape(fields={"user_id": Str(255, 1), "style": STYLE}, required=("user_id",)),
    "usergroup": Shape(fields={"usergroup_id": Str(255, 1), "style": STYLE}, required=("usergroup_id",)),
    "channel": Shape(fields={"channel_id": Str(255, 1), "style": STYLE}, required=("channel_id",)),
    "team": Shape(fields={"team_id": Str(255, 1), "style": STYLE}, required=("team_id",)),
    "emoji": Shape(
        fields={"name": Str(255, 1), "unicode": Str(), "skin_tone": Int(1, 6), "style": STYLE}, required=("name",)
    ),
    "date": Shape(
        fields={
            "timestamp": Int(0),
            "format": Str(min=1),
            "url": Str(url=True),
            "fallback": Str(),
            "style": STYLE,
        },
        required=("timestamp", "format"),
    ),
    "broadcast": Shape(fields={"range": choices("here", "channel", "everyone"), "style": STYLE}, required=("range",)),
    "color": Shape(fields={"value": Str(min=1), "style": STYLE}, required=("value",)),
    "tag": Shape(fields={"text": Str(min=1), "style": STYLE}, required=("text",)),
    "citation": Shape(fields={"url": Str(url=True), "text": Str(), "style": STYLE}),
    "raw_text": Shape(fields={"text": Str()}, required=("text",)),
    "raw_number": Shape(fields={"value": Anything(), "text": Str()}, required=("value",)),
    "action_cell": Shape(fields={"element": OneOf(frozenset({"button"}))}, required=("element",)),
    "url": Shape(fields={"url": Str(3000, 1, url=True), "text": Str(256, 1)}, required=("url", "text")),
}
