"""Block Kit as text, so that a rendering can be read, compared and kept as a golden file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

STATUS = {"pending": "[ ]", "in_progress": "[~]", "complete": "[x]", "error": "[!]"}


def readable(text: str, blocks: Iterable[dict[str, Any]]) -> str:
    """What the message says, block by block, under its fallback text."""
    return "\n".join([f"TEXT {text}", *(_block(block) for block in blocks)]) + "\n"


def _block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "header":
            return f"HEADER {block['text']['text']}"
        case "section":
            parts = [block["text"]["text"]] if "text" in block else []
            parts += [f"  | {field['text']}".replace("\n", ": ", 1) for field in block.get("fields", [])]
            beside = f" {_button(block['accessory'])}" if "accessory" in block else ""
            return "SECTION " + "\n".join(parts) + beside
        case "context":
            return "CONTEXT " + " | ".join(element["text"] for element in block["elements"])
        case "actions":
            return "ACTIONS " + " ".join(_button(element) for element in block["elements"])
        case "rich_text":
            return "RICH " + _rich(block)
        case "plan":
            return "\n".join([f"PLAN {block['title']}", *(_card(card) for card in block["tasks"])])
        case "input":
            return f"INPUT {block['label']['text']}{_element(block)}"
        case other:
            return other.upper()


def _element(block: dict[str, Any]) -> str:
    """The hint, the kind of field when it is not for text, its choices, and what stands in it."""
    element = block["element"]
    parts = [f" ({block['hint']['text']})" if "hint" in block else ""]
    parts += [f" <{element['type']}>" if element["type"] != "plain_text_input" else ""]
    parts += [f" [{' | '.join(one['text']['text'] for one in element['options'])}]" if "options" in element else ""]
    parts += [f" = {element['initial_value']}" if "initial_value" in element else ""]
    return "".join([*parts, " optional" if block.get("optional") else ""])


def _button(element: dict[str, Any]) -> str:
    style = f" {element['style']}" if "style" in element else ""
    ask = f" asks: {element['confirm']['text']['text']}" if "confirm" in element else ""
    return f"[{element['text']['text']}{style} → {element['action_id']}={element['value']}{ask}]"


def _card(card: dict[str, Any]) -> str:
    said = [_rich(card[part]) for part in ("details", "output") if part in card]
    return " · ".join([f"  {STATUS[card['status']]} {card['title']}", *said])


def _rich(block: dict[str, Any]) -> str:
    return "\n".join(_part(part) for part in block["elements"])


def _part(part: dict[str, Any]) -> str:
    text = "" if part["type"] == "rich_text_list" else "".join(_piece(piece) for piece in part["elements"])
    match part["type"]:
        case "rich_text_quote":
            return "\n".join(f"> {line}" for line in text.split("\n"))
        case "rich_text_preformatted":
            return f"```{text}```"
        case "rich_text_list":
            return "\n".join(f"• {_part(item)}" for item in part["elements"])
        case _:
            return text


def _piece(piece: dict[str, Any]) -> str:
    match piece["type"]:
        case "text":
            return f"*{piece['text']}*" if piece.get("style", {}).get("bold") else piece["text"]
        case "user":
            return f"@{piece['user_id']}"
        case "usergroup":
            return f"@{piece['usergroup_id']}"
        case "date":
            return f"<{piece['fallback']}>"
        case "link":
            return f"<{piece['url']}|{piece['text']}>" if "text" in piece else f"<{piece['url']}>"
        case other:
            return f"({other})"
