"""Secret values: carried wrapped, revealed at the last moment, redacted wherever they might come out again."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Never, final

from store.model import Json

REDACTED = "‹secret›"
LENGTH_MIN = 6  # shorter values would redact ordinary words

# A net for credentials that nobody registered: Slack, model vendors, GitHub, AWS.
_KNOWN_SHAPES = (
    r"xox[a-z]-[A-Za-z0-9-]{10,}",
    r"xapp-[A-Za-z0-9-]{10,}",
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\bgh[pousr]_[A-Za-z0-9]{30,}",
    r"\bAKIA[0-9A-Z]{16}\b",
)


@final
class Secret:
    """A resolved secret, or a text that holds one. Shows its label only; `reveal()` gives the value."""

    __slots__ = ("_value", "label")

    def __init__(self, value: str, label: str) -> None:
        self._value = value
        self.label = label

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"‹secret {self.label}›"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> Never:
        raise TypeError("a secret does not travel: reveal it where it is used")


def reveal(value: object) -> Json:
    """The same value with every Secret in it replaced by what it hides."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: reveal(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [reveal(part) for part in value]
    return value


class Redactor:
    """Replaces every live secret by ‹secret›, also where it is in base64 or escaped for a URL, for JSON or for HTML.

    Escaped may be any of its characters: servers and libraries differ in which they escape, and some do it twice.
    """

    def __init__(self) -> None:
        self._forms: dict[str, str] = {}  # the text of a form -> the pattern that finds it
        self._pattern = re.compile("|".join(_KNOWN_SHAPES))

    def add(self, value: str | Secret) -> None:
        """Redact this value from here on; values shorter than six characters are left alone."""
        text = value.reveal() if isinstance(value, Secret) else value
        if len(text) < LENGTH_MIN or text in self._forms:
            return
        self._forms[text] = _escaped(text)
        self._forms |= {form: re.escape(form) for form in _base64_forms(text.encode()) if len(form) >= LENGTH_MIN}
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join([*(self._forms[form] for form in longest_first), *_KNOWN_SHAPES]))

    def text(self, text: str) -> str:
        return self._pattern.sub(REDACTED, text)

    def json(self, value: Json) -> Json:
        """The same JSON with secrets redacted in texts and keys; the very same object when there were none."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            redacted = {self.text(key): self.json(part) for key, part in value.items()}
            same = all(old is new for old, new in zip(value.values(), redacted.values(), strict=False))
            return value if same and value.keys() == redacted.keys() else redacted
        if isinstance(value, list | tuple):
            parts = [self.json(part) for part in value]
            return value if all(old is new for old, new in zip(value, parts, strict=True)) else parts
        return value


def _escaped(text: str) -> str:
    """A pattern that finds this text, whichever of its characters are escaped in whatever way."""
    return "".join(char if char.isascii() and char.isalnum() else _any_form(char) for char in text)


def _any_form(char: str) -> str:
    percent = "".join(f"%{byte:02x}" for byte in char.encode())
    units = char.encode("utf-16-be")
    unicode = "".join(rf"\\+u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    numbered = f"&#(?:{ord(char)}|x0*{ord(char):x});"
    named = [re.escape(escape(char))] if escape(char) != char else []
    short = json.dumps(char)[1:-1]
    letters = [rf"\\*{re.escape(short[1:])}"] if len(short) == 2 else []  # \n, \", and the same escaped once more
    slashed = [r"\\*/"] if char == "/" else []
    plus = [r"\+"] if char == " " else []
    # The character as it is comes last: & also begins &amp;, of which nothing should be left over.
    forms = [*named, f"(?i:{percent}|{unicode}|{numbered})", *letters, *slashed, *plus, re.escape(char)]
    return f"(?:{'|'.join(forms)})"


def _base64_forms(data: bytes) -> Iterator[str]:
    """The characters that stand for these bytes in base64, at each of the three alignments ("user:SECRET" in Basic)."""
    for shift in range(3):
        first = -(-shift * 8 // 6)  # characters that also hold bits of what stands before
        last = (shift + len(data)) * 8 // 6  # characters after this one also hold bits of what follows
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * shift + data).decode()[first:last]
