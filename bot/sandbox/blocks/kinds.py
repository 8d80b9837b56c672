"""The kinds of rule a table may hold; each is data, the walk gives them meaning."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MESSAGE, MODAL, HOME = "message", "modal", "home"
EVERYWHERE = frozenset({MESSAGE, MODAL, HOME})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that Slack would refuse, and where: `pointer` is a JSON pointer such as `/blocks/0/text`."""

    pointer: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


@dataclass(frozen=True, slots=True)
class Text:
    """A text object, plain or mrkdwn."""

    max: int
    min: int = 1
    plain_only: bool = False


@dataclass(frozen=True, slots=True)
class Str:
    """A plain string; `url` wants http, https or mailto."""

    max: int | None = None
    min: int = 0
    choices: frozenset[str] | None = None
    pattern: str | None = None
    url: bool = False


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number within bounds."""

    min: int | None = None
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Bool:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Anything:
    """A value Slack does not look into."""


@dataclass(frozen=True, slots=True)
class Object:
    """A nested object without a `type`, described by the named shape."""

    shape: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """A nested object whose `type` is one of these."""

    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Items:
    """A list of such values, so many at least and at most."""

    of: "Kind"
    max: int | None = None
    min: int = 0


Kind = Text | Str | Int | Bool | Anything | Object | OneOf | Items
Extra = Callable[[dict[str, Any]], list[tuple[str, str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One object of Block Kit.

    `any_of` names groups of fields of which at least one must be present, `not_both` pairs that exclude each
    other; `extra` are rules no table can say: they return (sub-pointer, code, message).
    """

    fields: dict[str, Kind]
    required: tuple[str, ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()
    not_both: tuple[tuple[str, str], ...] = ()
    surfaces: frozenset[str] = EVERYWHERE
    extra: tuple[Extra, ...] = field(default=())


def one_of(*types: str) -> OneOf:
    return OneOf(frozenset(types))


def choices(*values: str) -> Str:
    return Str(choices=frozenset(values))
