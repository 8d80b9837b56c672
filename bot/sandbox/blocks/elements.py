"""The elements of Block Kit: their fields and limits, the surfaces they work on, the blocks they may stand in."""

from typing import Any

from bot.sandbox.blocks.kinds import (
    HOME,
    MESSAGE,
    MODAL,
    Bool,
    Int,
    Items,
    Kind,
    Object,
    Shape,
    Str,
    Text,
    choices,
    one_of,
)

_ACTION: dict[str, Kind] = {"action_id": Str(255, 1)}
_ASKING: dict[str, Kind] = {**_ACTION, "confirm": Object("confirm")}
_FOCUS: dict[str, Kind] = {"focus_on_load": Bool()}
_HINTED: dict[str, Kind] = {"placeholder": Text(150, plain_only=True), **_FOCUS}
_TYPED: dict[str, Kind] = {
    **_ACTION,
    **_HINTED,
    "initial_value": Str(3000),
    "dispatch_action_config": Object("dispatch_action_config"),
}
_MANY: dict[str, Kind] = {"max_selected_items": Int(1)}
_CONVERSATION: dict[str, Kind] = {
    "default_to_current_conversation": Bool(),
    "response_url_enabled": Bool(),
    "filter": Object("filter"),
}
_OPTION = Object("option")
_OPTIONS: dict[str, Kind] = {
    "options": Items(_OPTION, 100, 1),
    "option_groups": Items(Object("option_group"), 100, 1),
}
_IDS = Items(Str(255, 1))
_DATE = Str(pattern=r"\d{4}-\d{2}-\d{2}")
_TIME = Str(pattern=r"([01]\d|2[0-3]):[0-5]\d")
_EPOCH = Int(1_000_000_000, 9_999_999_999)

Found = list[tuple[str, str, str]]


def _chosen_among_options(element: dict[str, Any]) -> Found:
    """What is chosen at first must be one of the options, exactly."""
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group.get("options") or [] if isinstance(group, dict) else []
    chosen = [("initial_option", element["initial_option"])] if "initial_option" in element else []
    chosen += [(f"initial_options/{n}", one) for n, one in enumerate(element.get("initial_options") or [])]
    return [
        (where, "failed_constraint", "must be one of the options, with the same text and value")
        for where, one in chosen
        if _plain(one) not in [_plain(option) for option in options]
    ]


def _plain(option: Any) -> Any:
    if not isinstance(option, dict):
        return option
    text = option.get("text")
    return (option.get("value"), text.get("text") if isinstance(text, dict) else text)


def _unique_values(element: dict[str, Any]) -> Found:
    values = [one.get("value") for one in element.get("options") or [] if isinstance(one, dict)]
    doubled = sorted({str(one) for one in values if values.count(one) > 1})
    return [("options", "duplicate", f"values must be unique, repeated: {', '.join(doubled)}")] if doubled else []


def _bounds(low: str, high: str) -> Any:
    def check(element: dict[str, Any]) -> Found:
        try:
            crossed = float(element[low]) > float(element[high])
        except (KeyError, TypeError, ValueError):
            return []
        return [(low, "failed_constraint", f"{low} must not be greater than {high}")] if crossed else []

    return check


def _numbers(element: dict[str, Any]) -> Found:
    """Numbers travel as strings, and are whole unless decimals are allowed."""
    found: Found = []
    for name in ("min_value", "max_value", "initial_value"):
        value = element.get(name)
        if not isinstance(value, str):
            continue
        try:
            whole = float(value) == int(float(value)) and "." not in value
        except (ValueError, OverflowError):
            found.append((name, "failed_constraint", "must be a number written as a string"))
            continue
        if not whole and not element.get("is_decimal_allowed"):
            found.append((name, "failed_constraint", "must be a whole number unless is_decimal_allowed"))
    return found


_SELECTING = (_chosen_among_options,)
_EITHER_OPTIONS = (("options", "option_groups"),)

ELEMENTS: dict[str, Shape] = {
    "button": Shape(
        fields={
            **_ASKING,
            "text": Text(75, plain_only=True),
            "value": Str(2000),
            "url": Str(3000, url=True),
            "style": choices("primary", "danger"),
            "accessibility_label": Str(75),
            "visible_to_user_ids": Items(Str(255, 1)),
            "agent_prompt": Str(4000),
            "agent_prompt_display": Str(),
        },
        required=("text",),
    ),
    "static_select": Shape(
        fields={**_ASKING, **_HINTED, **_OPTIONS, "initial_option": _OPTION},
        any_of=_EITHER_OPTIONS,
        not_both=(("options", "option_groups"),),
        extra=_SELECTING,
    ),
    "multi_static_select": Shape(
        fields={**_ASKING, **_HINTED, **_OPTIONS, **_MANY, "initial_options": Items(_OPTION, 100, 1)},
        any_of=_EITHER_OPTIONS,
        not_both=(("options", "option_groups"),),
        extra=_SELECTING,
    ),
    "external_select": Shape(
        fields={**_ASKING, **_HINTED, "initial_option": _OPTION, "min_query_length": Int(0)},
        required=("action_id",),
    ),
    "multi_external_select": Shape(
        fields={
            **_ASKING,
            **_HINTED,
            **_MANY,
            "initial_options": Items(_OPTION, 100, 1),
            "min_query_length": Int(0),
        },
        required=("action_id",),
    ),
    "users_select": Shape(fields={**_ASKING, **_HINTED, "initial_user": Str(255, 1)}),
    "multi_users_select": Shape(fields={**_ASKING, **_HINTED, **_MANY, "initial_users": _IDS}),
    "conversations_select": Shape(fields={**_ASKING, **_HINTED, **_CONVERSATION, "initial_conversation": Str(255, 1)}),
    "multi_conversations_select": Shape(
        fields={**_ASKING, **_HINTED, **_MANY, **_CONVERSATION, "initial_conversations": _IDS}
    ),
    "channels_select": Shape(
        fields={**_ASKING, **_HINTED, "initial_channel": Str(255, 1), "response_url_enabled": Bool()}
    ),
    "multi_channels_select": Shape(fields={**_ASKING, **_HINTED, **_MANY, "initial_channels": _IDS}),
    "overflow": Shape(
        fields={**_ASKING, "options": Items(_OPTION, 5, 1)}, required=("options",), extra=(_unique_values,)
    ),
    "checkboxes": Shape(
        fields={
            **_ASKING,
            **_FOCUS,
            "options": Items(_OPTION, 10, 1),
            "initial_options": Items(_OPTION, 10, 1),
        },
        required=("options",),
        extra=(_chosen_among_options, _unique_values),
    ),
    "radio_buttons": Shape(
        fields={**_ASKING, **_FOCUS, "options": Items(_OPTION, 10, 1), "initial_option": _OPTION},
        required=("options",),
        extra=(_chosen_among_options, _unique_values),
    ),
    "datepicker": Shape(fields={**_ASKING, **_HINTED, "initial_date": _DATE}),
    "timepicker": Shape(fields={**_ASKING, **_HINTED, "initial_time": _TIME, "timezone": Str()}),
    "datetimepicker": Shape(
        fields={**_ASKING, **_FOCUS, "initial_date_time": _EPOCH}, surfaces=frozenset({MESSAGE, MODAL})
    ),
    "plain_text_input": Shape(
        fields={**_TYPED, "multiline": Bool(), "min_length": Int(0, 3000), "max_length": Int(1, 3000)},
        extra=(_bounds("min_length", "max_length"),),
    ),
    "email_text_input": Shape(fields=dict(_TYPED), surfaces=frozenset({MODAL})),
    "url_text_input": Shape(fields=dict(_TYPED), surfaces=frozenset({MODAL})),
    "number_input": Shape(
        fields={**_TYPED, "is_decimal_allowed": Bool(), "min_value": Str(), "max_value": Str()},
        required=("is_decimal_allowed",),
        surfaces=frozenset({MODAL}),
        extra=(_numbers, _bounds("min_value", "max_value")),
    ),
    "rich_text_input": Shape(
        fields={
            **_ACTION,
            **_HINTED,
            "initial_value": one_of("rich_text"),
            "dispatch_action_config": Object("dispatch_action_config"),
        },
        required=("action_id",),
        surfaces=frozenset({MODAL, HOME}),
    ),
    "file_input": Shape(
        fields={**_ACTION, "filetypes": Items(Str(min=1)), "max_files": Int(1, 10)}, surfaces=frozenset({MODAL})
    ),
    "workflow_button": Shape(
        fields={
            "action_id": Str(255, 1),
            "text": Text(75, plain_only=True),
            "workflow": Object("workflow"),
            "style": choices("primary", "danger"),
            "accessibility_label": Str(75),
        },
        required=("text", "workflow", "action_id"),
        surfaces=frozenset({MESSAGE}),
    ),
    "feedback_buttons": Shape(
        fields={
            **_ACTION,
            "positive_button": Object("feedback_button"),
            "negative_button": Object("feedback_button"),
        },
        required=("positive_button", "negative_button"),
        surfaces=frozenset({MESSAGE}),
    ),
    "icon_button": Shape(
        fields={
            **_ASKING,
            "icon": choices("trash"),
            "text": Text(75, plain_only=True),
            "value": Str(2000),
            "accessibility_label": Str(75),
            "visible_to_user_ids": Items(Str(255, 1)),
        },
        required=("icon", "text"),
        surfaces=frozenset({MESSAGE}),
    ),
}

_SELECTS = frozenset(
    f"{many}{what}_select"
    for many in ("", "multi_")
    for what in ("static", "external", "users", "conversations", "channels")
)
_PICKERS = frozenset({"datepicker", "timepicker"})
_CHOICES = frozenset({"checkboxes", "radio_buttons"})

IN_ACTIONS = (
    frozenset({"button", "overflow", "datetimepicker", "rich_text_input", "workflow_button"})
    | _SELECTS
    | _PICKERS
    | _CHOICES
)
IN_SECTION = frozenset({"button", "overflow", "image", "workflow_button"}) | _SELECTS | _PICKERS | _CHOICES
IN_INPUT = (
    frozenset(
        {
            "plain_text_input",
            "email_text_input",
            "url_text_input",
            "number_input",
            "rich_text_input",
            "file_input",
            "datetimepicker",
        }
    )
    | _SELECTS
    | _PICKERS
    | _CHOICES
)
IN_CONTEXT_ACTIONS = frozenset({"feedback_buttons", "icon_button"})
