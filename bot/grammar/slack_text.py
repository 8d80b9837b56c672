"""Slack's own markup in what people typed: mentions, links and entities, as plain text.

Slack delivers `<@U0ADA|ada>` for a person, `<#C0X|general>` for a channel, `<https://…|label>` for a link, and
`&lt;` for a typed `<`; so every `<` that arrives opens markup.
"""

from __future__ import annotations

import re

MARKUP = re.compile(r"<([^<>]*)>")
_ENTITY = re.compile(r"&(lt|gt|amp);")
_CHARACTERS = {"lt": "<", "gt": ">", "amp": "&"}


def readable(text: str) -> str:
    """Text with every mention and link written out as people read it."""
    parts = []
    at = 0
    for found in MARKUP.finditer(text):
        parts += [_unescaped(text[at : found.start()]), _shown(found[1])]
        at = found.end()
    return "".join([*parts, _unescaped(text[at:])])


def value(text: str) -> str:
    """The value that a word stands for: a mention alone is the id of whom it means, a link alone its address."""
    alone = MARKUP.fullmatch(text)
    return _meant(alone[1]) if alone else readable(text)


def escaped(text: str) -> str:
    """What Slack makes of text that somebody types."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda found: _CHARACTERS[found[1]], text)


def _shown(inside: str) -> str:
    target, _, label = inside.partition("|")
    label = _unescaped(label)
    if target.startswith("@"):
        return f"@{label or target[1:]}"
    if target.startswith("#"):
        return f"#{label or target[1:]}"
    if target.startswith("!"):
        return _special(target[1:], label)
    address = _address(target)
    if not label or label in (address, address.partition("://")[2], address.partition("://")[2].rstrip("/")):
        return address
    return f"{label} ({address})"


def _meant(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target[:1] in ("@", "#"):
        return target[1:]
    if target.startswith("!"):
        return _special(target[1:], _unescaped(label))
    return _address(target)


def _special(command: str, label: str) -> str:
    """`<!subteam^S1|@editors>`, `<!here>`, `<!date^…|12:00>`: words that would act if they were sent as they are."""
    kind, _, rest = command.partition("^")
    if kind == "subteam":
        return f"@{label.removeprefix('@')}" if label else rest
    return label or f"@{kind}"


def _address(target: str) -> str:
    return _unescaped(target).removeprefix("mailto:").removeprefix("tel:")
