"""Nouns, plans, commands and events to JSON and back, without loss.

A dataclass becomes an object with its fields, an enum its value, a tuple a list. Reading is strict about fields it
does not know (a newer program wrote them) and lenient about fields that are missing and have a default.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson

from store.model import Json

T = TypeVar("T")
SHAPE = 1  # version of this encoding


class UnknownShape(ValueError):
    """JSON that does not have the shape of the noun it should be."""


def dump(value: object) -> bytes:
    """The JSON bytes of a noun."""
    return orjson.dumps(value)


def load(kind: type[T], data: bytes | str | Json) -> T:
    """The noun that the JSON describes. Raises UnknownShape."""
    plain = orjson.loads(data) if isinstance(data, bytes | str) else data
    decode: Callable[[Json], T] = _decoder(kind)  # type: ignore[arg-type]
    return decode(plain)


def plain(value: object) -> Json:
    """The noun as dicts, lists and scalars."""
    return orjson.loads(orjson.dumps(value))


def pack(value: object) -> bytes:
    """A noun with its kind and the version of the encoding, for places that hold several kinds."""
    return orjson.dumps({"v": SHAPE, "kind": type(value).__name__, "data": value})


def unpack(data: bytes | str, kinds: Mapping[str, type[T]]) -> T:
    """The noun of one of these kinds. Raises UnknownShape for another kind or a newer version."""
    envelope = orjson.loads(data)
    if envelope.get("v") != SHAPE:
        raise UnknownShape(f"version {envelope.get('v')!r} of the encoding is not known here")
    kind = kinds.get(envelope.get("kind"))
    if kind is None:
        raise UnknownShape(f"{envelope.get('kind')!r} is not known here")
    return load(kind, envelope["data"])


@cache
def _decoder(kind: Any) -> Callable[[Json], Any]:
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any or kind is Json:
        return _same
    if is_dataclass(kind):
        return _dataclass_decoder(kind)
    if origin in (Union, types.UnionType):
        return _optional_decoder(args)
    if origin is tuple:
        item = _decoder(args[0])
        return lambda value: tuple(item(part) for part in value)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        member = _decoder(args[1])
        return _same if member is _same else lambda value: {key: member(part) for key, part in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if origin is Literal:
        return _literal_decoder(args)
    return _same


def _same(value: Json) -> Json:
    return value


def _literal_decoder(allowed: tuple[Any, ...]) -> Callable[[Json], Any]:
    def decode(value: Json) -> Json:
        if value not in allowed:
            raise UnknownShape(f"{value!r} is none of {', '.join(map(repr, allowed))}")
        return value

    return decode


def _optional_decoder(args: tuple[Any, ...]) -> Callable[[Json], Any]:
    kinds = [arg for arg in args if arg is not types.NoneType]
    decode = _decoder(kinds[0]) if len(kinds) == 1 else _one_of(kinds)
    return lambda value: None if value is None else decode(value)


def _one_of(kinds: Sequence[Any]) -> Callable[[Json], Any]:
    """Nouns that say in their field `kind` which of them they are."""
    if not all(is_dataclass(kind) and "kind" in {field.name for field in fields(kind)} for kind in kinds):
        raise TypeError(f"a field may be one kind or None, or nouns told apart by `kind`, not {kinds}")
    decoders = {get_args(get_type_hints(kind)["kind"])[0]: _decoder(kind) for kind in kinds}

    def decode(value: Json) -> Any:
        name = value.get("kind") if type(value) is dict else None
        if name not in decoders:
            raise UnknownShape(f"{name!r} is none of {', '.join(map(repr, decoders))}")
        return decoders[name](value)

    return decode


def _dataclass_decoder(kind: Any) -> Callable[[Json], Any]:
    hints = get_type_hints(kind)
    decoders = {field.name: _decoder(hints[field.name]) for field in fields(kind)}
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}

    def decode(value: Json) -> Any:
        if type(value) is not dict:
            raise UnknownShape(f"{kind.__name__} needs an object, got {type(value).__name__}")
        unknown = value.keys() - decoders.keys()
        missing = required - value.keys()
        if unknown or missing:
            raise UnknownShape(f"{kind.__name__}: unknown {sorted(unknown)}, missing {sorted(missing)}")
        return kind(**{name: decoders[name](part) for name, part in value.items()})

    return decode
