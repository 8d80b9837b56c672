"""How wide a text will be, whatever sans-serif font draws it, and as much of it as fits."""

from __future__ import annotations

import unicodedata

NARROW, WIDE = frozenset("fijlrtI.,:;'|!()[] "), frozenset("mwMW@%—…")


def width(text: str, size: float) -> float:
    """Pixels, a little generously: fonts differ."""
    return sum(_em(letter) for letter in text) * size


def _em(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.05
    if letter in NARROW:
        return 0.36
    if letter in WIDE:
        return 0.95
    return 0.72 if letter.isupper() else 0.61


def one_line(text: str) -> str:
    """The text in one line, without anything that cannot be shown."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def fitted(text: str, size: float, room: float) -> str:
    """The text in one line, cut where it would not fit."""
    plain = one_line(text)
    if width(plain, size) <= room:
        return plain
    while plain and width(plain + "…", size) > room:
        plain = plain[:-1]
    return f"{plain.rstrip()}…"
