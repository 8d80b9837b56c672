"""The canonical form of a JSON value, for hashing: sorted keys, integral floats as integers, nothing JSON lacks."""

from __future__ import annotations

import math
from hashlib import sha256

import orjson

from store.model import Json

CANON = 1  # stands beside every stored digest whose meaning depends on this form


class NotJson(ValueError):
    """A value that JSON cannot hold; `path` says where it stands."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path or 'the value'} {why}")
        self.path = path


def canon(value: Json) -> bytes:
    """The canonical bytes of a JSON value. Raises NotJson for NaN, infinities, huge integers and foreign objects."""
    return orjson.dumps(normal(value), option=orjson.OPT_SORT_KEYS)


def digest(value: Json) -> str:
    """Sha256 of the canonical bytes, in hex."""
    return sha256(canon(value)).hexdigest()


def normal(value: Json, path: str = "", depth: int = 0) -> Json:
    """The value with integral floats as integers; raises NotJson where it is no JSON value."""
    kind = type(value)
    if kind is str:
        return _encodable(value, path)
    if value is None or kind is bool:
        return value
    if kind is int:
        if not -(2**63) <= value < 2**64:
            raise NotJson(path, "is an integer of more than 64 bits")
        return value
    if kind is float:
        if not math.isfinite(value):
            raise NotJson(path, f"is {value}, which JSON cannot hold")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if depth > 200:
        raise NotJson(path, "is nested deeper than 200 levels")
    if kind is list or kind is tuple:
        return [normal(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            _key(key, path): normal(item, f"{path}.{key}" if path else str(key), depth + 1)
            for key, item in value.items()
        }
    raise NotJson(path, f"is a {kind.__name__}, not JSON")


def _key(key: object, path: str) -> str:
    if type(key) is not str:
        raise NotJson(path, f"has the key {key!r}; keys are strings")
    return _encodable(key, path)


def _encodable(text: str, path: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotJson(path, "holds half of a surrogate pair, which no encoding can write") from None
    return text
