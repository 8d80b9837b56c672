"""JSON values that every door accepts: finite numbers, integers of 64 bits, valid Unicode, bounded depth."""

import json
from collections.abc import Mapping
from typing import Never

from store.model import Json

DEPTH_MAX = 100  # the fast serialiser gives up at 254 levels; nobody writes data deeper than this on purpose
INT_MAX = 2**63 - 1
INT_MIN = -(2**63)


class NotPlain(ValueError):
    """A value that JSON cannot carry without loss; `path` tells where, as in `output.items[3].price`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def require_plain(value: object, root: str = "output") -> None:
    """Raise NotPlain for the first part of a value that is not plain JSON."""
    pending: list[tuple[str, object, int]] = [(root, value, 0)]
    while pending:
        path, part, depth = pending.pop()
        if depth > DEPTH_MAX:
            raise NotPlain(path, f"is nested deeper than {DEPTH_MAX} levels")
        if isinstance(part, Mapping):
            for key in reversed(part):
                _require_key(path, key)
                pending.append((join_path(path, key), part[key], depth + 1))
        elif isinstance(part, list | tuple):
            pending.extend((f"{path}[{index}]", part[index], depth + 1) for index in reversed(range(len(part))))
        elif (reason := _why_not_plain(part)) is not None:
            raise NotPlain(path, reason)


def parse_json(text: str, root: str = "output") -> Json:
    """Parse JSON without losing anything: NaN, Infinity and numbers beyond 64 bits are refused, not rounded.

    Raises ValueError (NotPlain among them) with a message for people.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise NotPlain(root, f"is nested deeper than {DEPTH_MAX} levels") from None
    require_plain(value, root)
    return value


def join_path(path: str, key: str) -> str:
    """`output` and `price` make `output.price`; keys that are no names are quoted."""
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def _require_key(path: str, key: object) -> None:
    if not isinstance(key, str):
        raise NotPlain(path, f"has the key {key!r}, which is {_kind(key)} and not text")
    if _has_lone_surrogate(key):
        raise NotPlain(path, "has a key with a character that is not valid Unicode")


def _why_not_plain(part: object) -> str | None:
    if part is None or isinstance(part, bool):
        return None
    if isinstance(part, str):
        return "holds a character that is not valid Unicode" if _has_lone_surrogate(part) else None
    if isinstance(part, int):
        return None if INT_MIN <= part <= INT_MAX else "is a whole number beyond 64 bits; carry it as text"
    if isinstance(part, float):
        return None if part - part == 0 else f"is {part}, which JSON does not have"
    return f"is {_kind(part)}, which JSON does not have"


def _has_lone_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    return any("\ud800" <= character <= "\udfff" for character in text)


def _kind(part: object) -> str:
    name = type(part).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"it holds {name}, which JSON does not have")
