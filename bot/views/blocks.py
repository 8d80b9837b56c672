"""Small builders of Block Kit: plain dicts that keep within Slack's limits.

Text comes in two kinds. What a person, a model or a service wrote goes in raw and is made harmless here: as plain
text or as rich text. What the parameter calls `markup` is Slack's own markup, put together in markup.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

from bot.views.markup import EMPTY, SECTION_MAX, WHEN, bold, clip, one_line, present, visible
from store.model import Millis

Block: TypeAlias = dict[str, Any]
Element: TypeAlias = dict[str, Any]
Text: TypeAlias = dict[str, Any]
Piece: TypeAlias = dict[str, Any]
CardStatus: TypeAlias = Literal["pending", "in_progress", "complete", "error"]

BLOCKS_MAX = 50
CARDS_MAX = 50
ELEMENTS_MAX = 25
CONTEXT_MAX = 10
FIELDS_MAX = 10
FIELD_MAX = 2_000
HEADER_MAX = 150
BUTTON_MAX = 75
OPTION_MAX = 75
LABEL_MAX = 2_000
TITLE_MAX = 250  # of plans and cards: no limit is written down, and nobody reads more
FALLBACK_MAX = 4_000  # a longer `text` is split into several messages
VIEW_TITLE_MAX = 24


# Text objects. ------------------------------------------------------------------------------------------------------


def plain(text: str, limit: int = SECTION_MAX) -> Text:
    """Raw text, shown letter by letter."""
    return {"type": "plain_text", "text": clip(present(visible(text)), limit), "emoji": False}


def mrkdwn(markup: str, limit: int = SECTION_MAX) -> Text:
    """Markup; `verbatim`, so that Slack makes no mention or link of its own from what people wrote."""
    return {"type": "mrkdwn", "text": clip(present(markup), limit), "verbatim": True}


# Blocks. ------------------------------------------------------------------------------------------------------------


def header(text: str, *, block_id: str = "") -> Block:
    return _block({"type": "header", "text": plain(one_line(text), HEADER_MAX)}, block_id)


def section(markup: str, *, accessory: Element | None = None, block_id: str = "") -> Block:
    block: Block = {"type": "section", "text": mrkdwn(markup)}
    if accessory is not None:
        block["accessory"] = accessory
    return _block(block, block_id)


def fields(pairs: Iterable[tuple[str, str]], *, block_id: str = "") -> Block:
    """Up to ten (label, markup) pairs in two columns."""
    texts = [mrkdwn(f"{bold(label)}\n{present(markup)}", FIELD_MAX) for label, markup in pairs][:FIELDS_MAX]
    return _block({"type": "section", "fields": texts}, block_id)


def divider() -> Block:
    return {"type": "divider"}


def context(*parts: str | Element, block_id: str = "") -> Block:
    """Small grey text: each part is markup, or a text object such as `plain(…)`."""
    elements = [mrkdwn(part, FIELD_MAX) if isinstance(part, str) else part for part in parts]
    return _block({"type": "context", "elements": elements[:CONTEXT_MAX]}, block_id)


def actions(*elements: Element, block_id: str = "") -> Block:
    return _block({"type": "actions", "elements": list(elements[:ELEMENTS_MAX])}, block_id)


def input(
    label: str, element: Element, *, block_id: str, hint: str = "", optional: bool = False, dispatch: bool = False
) -> Block:
    block: Block = {
        "type": "input",
        "label": plain(label, LABEL_MAX),
        "element": element,
        "optional": optional,
        "dispatch_action": dispatch,
    }
    if hint:
        block["hint"] = plain(hint, LABEL_MAX)
    return _block(block, block_id)


def plan(title: str, cards: Sequence[Block], *, block_id: str = "") -> Block:
    """The list of steps, live. At most fifty cards, and one plan a message: the caller folds."""
    block: Block = {
        "type": "plan",
        "title": clip(one_line(title) or EMPTY, TITLE_MAX),
        "tasks": list(cards)[:CARDS_MAX],
    }
    return _block(block, block_id)


def task_card(
    task_id: str, title: str, status: CardStatus, *, details: Sequence[Piece] = (), output: Sequence[Piece] = ()
) -> Block:
    """One step; `details` are facts about it, `output` what it gave: each a line or two of pieces."""
    card: Block = {
        "type": "task_card",
        "task_id": task_id,
        "title": clip(one_line(title) or EMPTY, TITLE_MAX),
        "status": status,
    }
    if details:
        card["details"] = rich_text(rich_section(*details))
    if output:
        card["output"] = rich_text(rich_section(*output))
    return card


def _block(block: Block, block_id: str) -> Block:
    return {**block, "block_id": clip(block_id, 255)} if block_id else block


# Rich text: pieces are shown letter by letter, so nothing needs escaping. ---------------------------------------------


def words(text: str, *, bold: bool = False, italic: bool = False, code: bool = False, strike: bool = False) -> Piece:
    """Raw text as a piece of rich text."""
    style = {"bold": bold, "italic": italic, "code": code, "strike": strike}
    chosen = {name: True for name, wanted in style.items() if wanted}
    piece: Piece = {"type": "text", "text": clip(visible(text) or " ", SECTION_MAX)}
    return {**piece, "style": chosen} if chosen else piece


def user_piece(user_id: str) -> Piece:
    return {"type": "user", "user_id": user_id}


def date_piece(at: Millis, fallback: str, form: str = WHEN) -> Piece:
    return {"type": "date", "timestamp": at // 1_000, "format": form, "fallback": one_line(fallback)}


def link_piece(url: str, text: str = "") -> Piece:
    """An address as a link, under other words when there are any; the caller has made sure that it is one."""
    return {"type": "link", "url": url, **({"text": text} if text else {})}


def rich_text(*parts: Element, block_id: str = "") -> Block:
    return _block({"type": "rich_text", "elements": list(parts)}, block_id)


def rich_section(*pieces: Piece) -> Element:
    return {"type": "rich_text_section", "elements": list(pieces) or [words(EMPTY)]}


def rich_quote(text: str, limit: int = SECTION_MAX) -> Element:
    """Raw text with a line at its left."""
    return {"type": "rich_text_quote", "elements": [words(clip(present(visible(text).rstrip()), limit))]}


def rich_preformatted(text: str, limit: int = SECTION_MAX) -> Element:
    """Raw text in fixed width, as it is."""
    return {"type": "rich_text_preformatted", "elements": [words(clip(present(visible(text)), limit))]}


def rich_list(*items: Sequence[Piece], ordered: bool = False) -> Element:
    style = "ordered" if ordered else "bullet"
    return {"type": "rich_text_list", "style": style, "elements": [rich_section(*item) for item in items]}


# What people press and fill in. ---------------------------------------------------------------------------------------


def button(
    text: str,
    action_id: str,
    value: str = "",
    *,
    style: Literal["primary", "danger"] | None = None,
    confirm: Element | None = None,
    url: str = "",
    label: str = "",
) -> Element:
    """A button; `label` is read out instead of the text where several say the same."""
    element: Element = {"type": "button", "text": plain(text, BUTTON_MAX), "action_id": clip(action_id, 255)}
    extras = {"value": value, "style": style, "confirm": confirm, "url": url, "accessibility_label": clip(label, 75)}
    return element | {name: extra for name, extra in extras.items() if extra}


def confirm(
    title: str, text: str, yes: str, no: str = "Go back", *, style: Literal["primary", "danger"] | None = None
) -> Element:
    """A question before a button acts, with the effect in words."""
    element: Element = {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }
    return {**element, "style": style} if style else element


def text_input(
    action_id: str,
    *,
    multiline: bool = False,
    initial: str = "",
    max_length: int = 3_000,
    min_length: int = 0,
    placeholder: str = "",
    focus: bool = False,
) -> Element:
    element: Element = {
        "type": "plain_text_input",
        "action_id": action_id,
        "multiline": multiline,
        "max_length": min(max_length, 3_000),
    }
    return element | _given(
        initial_value=initial or None,
        min_length=min_length or None,
        placeholder=plain(placeholder, 150) if placeholder else None,
        focus_on_load=focus or None,
    )


def select(action_id: str, labels: Sequence[str], chosen: int | None = None, *, focus: bool = False) -> Element:
    """One of several; an option's value is its place, as labels may be long."""
    options = _options(labels)
    initial = options[chosen] if chosen is not None else None
    element: Element = {"type": "static_select", "action_id": action_id, "options": options}
    return element | _given(initial_option=initial, focus_on_load=focus or None)


def multi_select(action_id: str, labels: Sequence[str], chosen: Sequence[int] = (), *, focus: bool = False) -> Element:
    options = _options(labels)
    initial = [options[place] for place in chosen] or None
    element: Element = {"type": "multi_static_select", "action_id": action_id, "options": options}
    return element | _given(initial_options=initial, focus_on_load=focus or None)


def radio(action_id: str, labels: Sequence[str], chosen: int | None = None) -> Element:
    """A few choices, all of them to be seen."""
    options = _options(labels)
    element: Element = {"type": "radio_buttons", "action_id": action_id, "options": options}
    return element | _given(initial_option=options[chosen] if chosen is not None else None)


def checkbox(action_id: str, label: str) -> Element:
    """One box to be ticked."""
    return {"type": "checkboxes", "action_id": action_id, "options": _options([label])}


def _options(labels: Sequence[str]) -> list[Element]:
    return [{"text": plain(one_line(label), OPTION_MAX), "value": str(n)} for n, label in enumerate(labels)]


def number_input(action_id: str, *, decimal: bool, initial: str = "", focus: bool = False) -> Element:
    element: Element = {"type": "number_input", "action_id": action_id, "is_decimal_allowed": decimal}
    return element | _given(initial_value=initial or None, focus_on_load=focus or None)


def date_input(action_id: str, *, initial: str = "", focus: bool = False) -> Element:
    element: Element = {"type": "datepicker", "action_id": action_id}
    return element | _given(initial_date=initial or None, focus_on_load=focus or None)


def file_input(action_id: str, most: int) -> Element:
    """Files from the disk of whoever fills it in; `most` from 1 to 10."""
    return {"type": "file_input", "action_id": action_id, "max_files": most}


def modal(
    title: str,
    blocks: Sequence[Block],
    *,
    callback_id: str,
    submit: str = "",
    close: str = "Close",
    private_metadata: str = "",
) -> Block:
    """A view over the page; it needs `submit` when it holds inputs. Closing it must never decide anything."""
    view: Block = {
        "type": "modal",
        "title": plain(title, VIEW_TITLE_MAX),
        "close": plain(close, VIEW_TITLE_MAX),
        "callback_id": callback_id,
        "blocks": list(blocks)[:100],
    }
    return view | _given(
        submit=plain(submit, VIEW_TITLE_MAX) if submit else None, private_metadata=private_metadata or None
    )


def home_tab(blocks: Sequence[Block]) -> Block:
    return {"type": "home", "blocks": list(blocks)[:100]}


def _given(**extras: Any) -> Element:
    return {name: extra for name, extra in extras.items() if extra is not None}
