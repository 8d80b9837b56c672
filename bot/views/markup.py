"""Slack's text markup, made from raw text so that nothing a person, a model or a service wrote can act in it."""

from __future__ import annotations

import re
import unicodedata

from store.model import Millis

SECTION_MAX = 3_000
EMPTY = "(empty)"
ELLIPSIS = "…"
# Slack begins a date with a capital letter. After the space without width it does not: our dates stand in sentences.
WHEN = "\u200b{date_short_pretty} at {time}"

# Controls, and what reorders or hides text: an approver must see what is there.
_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ENTITY_CUT = re.compile(r"&(?:a|am|amp|l|lt|g|gt)?$")
_OPENING = re.compile(r"(?<!\w)([*_~])(?=\S)")  # marks that format what stands before a closing one of the same line
_CLOSING = re.compile(r"(?<=\S)([*_~])(?!\w)")
_ALIKE = {"*": "∗", "_": "ˍ", "~": "∼"}  # code stays code: it can pass for nothing else
_MARKS = str.maketrans({"*": "∗", "`": "ʼ"})  # what would end the bold, or open code inside it
COLUMN_LINES_MIN = 2
_COLUMNS = re.compile(r"\S(?: {3,}|\t)\S|[\u2500-\u259f]")  # wider gaps than after a full stop, or parts of boxes


def width(text: str) -> int:
    """How long Slack may take a text to be: in UTF-16 units, where an emoji counts as two."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def visible(text: str) -> str:
    """The text with hidden and reordering characters shown as �."""
    return _HIDDEN.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """The text without line breaks and runs of spaces."""
    return " ".join(visible(text).split())


def clip(text: str, limit: int) -> str:
    """At most `limit` long, ending in "…" when something was cut off; never through an escaped character."""
    if width(text) <= limit:
        return text
    room = limit - len(ELLIPSIS)
    cut = text[:room]
    while width(cut) > room:
        cut = cut[: -max(1, (width(cut) - room) // 2)]
    while cut and unicodedata.combining(text[len(cut)]):
        cut = cut[:-1]
    return _ENTITY_CUT.sub("", cut).rstrip() + ELLIPSIS


def escape(text: str, limit: int | None = None) -> str:
    """Raw text as markup that mentions nobody, links nowhere and sets nothing in bold; at most `limit` long."""
    unformatted = "\n".join(_unformatted(line) for line in visible(text).split("\n"))
    escaped = re.sub("[&<>]", lambda found: _ESCAPES[found[0]], unformatted)
    return escaped if limit is None else clip(escaped, limit)


def _unformatted(line: str) -> str:
    """The line with every mark that would open a format as a sign that only looks like it."""
    last = {found[1]: found.start() for found in _CLOSING.finditer(line)}
    return _OPENING.sub(lambda found: _ALIKE[found[1]] if found.start() < last.get(found[1], -1) else found[1], line)


def bold(text: str) -> str:
    """Raw text in bold: on one line, and nothing in it can end the bold."""
    return f"*{_unmarked(text)}*"


def code(text: str) -> str:
    """Raw text as inline code, for names and what people should type."""
    return f"`{escape(one_line(text).replace('`', 'ʼ')) or ' '}`"


def quote(text: str, limit: int = SECTION_MAX) -> str:
    """Raw text as a block quote, each line marked."""
    lines = escape(text).split("\n")
    return clip("\n".join(f">{line}" for line in lines), limit)


def is_aligned(text: str) -> bool:
    """Whether its lines stand under each other in columns, as in a table or a chart: only fixed width keeps that."""
    return sum(_COLUMNS.search(line) is not None for line in text.splitlines()) >= COLUMN_LINES_MIN


def user(user_id: str) -> str:
    """A mention of a person: notifies them in a new message."""
    return f"<@{user_id}>"


def group(group_id: str) -> str:
    """A mention of a user group: notifies its people in a new message."""
    return f"<!subteam^{group_id}>"


def channel(channel_id: str) -> str:
    """A channel to go to; one that is known by its name only is named."""
    return escape(channel_id) if channel_id.startswith("#") else f"<#{channel_id}>"


def link(url: str, label: str = "") -> str:
    """A link. Anything but http(s) is shown as text, since it could be markup in disguise."""
    if not is_web_link(url):
        return escape(label or url)
    target = escape(url).replace("|", "%7C")
    return f"<{target}|{escape(one_line(label)).replace('|', '∣')}>" if label else f"<{target}>"


def date(at: Millis, fallback: str, form: str = WHEN) -> str:
    """A moment in the reader's own time zone; `fallback` stands where Slack cannot show dates."""
    return f"<!date^{at // 1_000}^{form}|{escape(one_line(fallback)).replace('|', '∣')}>"


def is_web_link(text: str) -> bool:
    return re.fullmatch(r"https?://[^\s<>|]{3,2900}", text) is not None and _HIDDEN.search(text) is None


def present(text: str) -> str:
    """The text, or "(empty)": Slack refuses text objects without text."""
    return text if text.strip() else EMPTY


def _unmarked(text: str) -> str:
    return escape(one_line(text)).translate(_MARKS) or EMPTY
