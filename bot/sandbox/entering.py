"""What people enter into elements, and what Slack's client says before it sends anything."""

import re
from typing import Any

from bot.sandbox import speech
from bot.sandbox.blocks.reading import STATE_FIELDS
from bot.sandbox.parts import Parts
from bot.sandbox.refusals import Json

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"https?://\S+\.\S+|https?://localhost\S*")


class NotPossible(ValueError):
    """Something that Slack's client gives a person no way to do."""


def state_of_entry(parts: Parts, element: Json, given: Any) -> Json:
    """The state of an element after a person entered a value.

    Takes a plain value (`"text"`, an option's value, `["a", "b"]`, `"ada"`, `"#general"`, 3) or a state as Slack
    writes it. Raises NotPossible for a choice that is not offered.
    """
    kind = element["type"]
    if isinstance(given, dict) and given.get("type") == kind:
        given = given.get(STATE_FIELDS[kind][0])
    name = STATE_FIELDS[kind][0]
    return {"type": kind, name: _value(parts, element, name, given)}


def complaints(view: Json) -> dict[str, str]:
    """What the client itself refuses to submit, by block id."""
    found: dict[str, str] = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        state = view["state"]["values"].get(block["block_id"], {}).get(element["action_id"], {})
        problem = _complaint(block, element, state.get(STATE_FIELDS[element["type"]][0]))
        if problem:
            found[block["block_id"]] = problem
    return found


def offered(element: Json) -> list[Json]:
    """The options of an element, those of its groups included."""
    options = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        options += group["options"]
    return options


def _value(parts: Parts, element: Json, name: str, given: Any) -> Any:
    if given is None or given == "":
        return [] if name.endswith("s") else None
    match name:
        case "selected_option":
            return _option(element, given)
        case "selected_options":
            return [_option(element, one) for one in given]
        case "selected_user":
            return _user_id(parts, given)
        case "selected_users":
            return [_user_id(parts, one) for one in given]
        case "selected_channel" | "selected_conversation":
            return _channel_id(parts, given)
        case "selected_channels" | "selected_conversations":
            return [_channel_id(parts, one) for one in given]
        case "selected_date_time":
            return int(given)
        case "rich_text_value":
            return given if isinstance(given, dict) else _rich_text(given)
        case "files":
            return [parts.files.hand_over(one["id"] if isinstance(one, dict) else one) for one in given]
    return str(given)


def _option(element: Json, given: Any) -> Json:
    wanted = given.get("value") if isinstance(given, dict) else str(given)
    if element["type"].endswith("external_select"):
        return given if isinstance(given, dict) else {"text": {"type": "plain_text", "text": wanted}, "value": wanted}
    for option in offered(element):
        if wanted in (option["value"], option["text"]["text"]):
            return option
    names = ", ".join(f"{one['value']} ({one['text']['text']})" for one in offered(element))
    raise NotPossible(f"{wanted!r} is not offered; there are {names}")


def _user_id(parts: Parts, given: str) -> str:
    try:
        return parts.workspace.user(given).id
    except LookupError as error:
        raise NotPossible(str(error)) from error


def _channel_id(parts: Parts, given: str) -> str:
    try:
        return parts.workspace.channel(given).id
    except LookupError as error:
        raise NotPossible(str(error)) from error


def _rich_text(text: str) -> Json:
    return {"type": "rich_text", "elements": [speech.rich_section(speech.escaped(text))]}


def _complaint(block: Json, element: Json, value: Any) -> str | None:
    if value is None or value == [] or value == "":
        return None if block.get("optional") else "Please complete this required field."
    kind = element["type"]
    if kind == "plain_text_input":
        return _length_complaint(element, value)
    if kind == "number_input":
        return _number_complaint(element, value)
    if kind == "email_text_input" and not _EMAIL.fullmatch(value):
        return "Please enter a valid email address."
    if kind == "url_text_input" and not _URL.fullmatch(value):
        return "Please enter a valid URL."
    most = element.get("max_selected_items") or element.get("max_files")
    if most and len(value) > most:
        return f"Please choose at most {most}."
    return None


def _length_complaint(element: Json, value: str) -> str | None:
    least, most = element.get("min_length", 0), element.get("max_length", 3_000)
    if len(value) < least:
        return f"Please enter at least {least} characters."
    return f"Please enter at most {most} characters." if len(value) > most else None


def _number_complaint(element: Json, value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "Please enter a number."
    if not element.get("is_decimal_allowed") and not re.fullmatch(r"-?\d+", value):
        return "Please enter a whole number."
    if "min_value" in element and number < float(element["min_value"]):
        return f"Please enter {element['min_value']} or more."
    if "max_value" in element and number > float(element["max_value"]):
        return f"Please enter {element['max_value']} or less."
    return None
