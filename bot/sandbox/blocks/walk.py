"""Compares a payload with the tables, pointer by pointer."""

import re
from typing import Any

from bot.sandbox.blocks.elements import ELEMENTS
from bot.sandbox.blocks.kinds import (
    MESSAGE,
    Anything,
    Bool,
    Int,
    Items,
    Kind,
    Object,
    OneOf,
    Problem,
    Shape,
    Str,
    Text,
)
from bot.sandbox.blocks.layouts import BLOCKS_MAX, IMAGE_ELEMENT, LAYOUTS
from bot.sandbox.blocks.objects import OBJECTS, PARTS

_TEXT_FIELDS = {
    "plain_text": frozenset({"type", "text", "emoji"}),
    "mrkdwn": frozenset({"type", "text", "verbatim"}),
}
# Slack trims context texts at the limit of a section's text.
_CONTEXT_TEXT = Text(3000)


class Walk:
    """One comparison; collects problems in the order of the payload."""

    def __init__(self, surface: str) -> None:
        self.surface = surface
        self.found: list[Problem] = []

    def report(self, pointer: str, code: str, message: str) -> None:
        self.found.append(Problem(pointer, code, message))

    def blocks(self, blocks: Any, pointer: str) -> None:
        """A list of blocks on this walk's surface."""
        if not isinstance(blocks, list):
            self.report(pointer, "wrong_type", "must provide an array")
            return
        limit = BLOCKS_MAX[self.surface]
        if len(blocks) > limit:
            self.report(pointer, "failed_constraint", f"no more than {limit} items allowed")
        for n, block in enumerate(blocks):
            self.block(block, f"{pointer}/{n}")

    def block(self, block: Any, pointer: str) -> None:
        if not isinstance(block, dict):
            self.report(pointer, "wrong_type", "must provide an object")
            return
        kind = block.get("type")
        shape = LAYOUTS.get(kind) if isinstance(kind, str) else None
        if shape is None or self.surface not in shape.surfaces:
            where = "" if shape is None else f" in a {self.surface}"
            self.report(f"{pointer}/type", "unsupported_type", f"unsupported type: {kind}{where}")
            return
        self.shape(block, shape, pointer)

    def shape(self, value: dict[str, Any], shape: Shape, pointer: str) -> None:
        for name in shape.required:
            if value.get(name) is None:
                self.report(pointer, "missing_field", f"missing required field: {name}")
        for names in shape.any_of:
            if all(value.get(name) is None for name in names):
                self.report(pointer, "missing_field", f"must define either {' or '.join(f'`{one}`' for one in names)}")
        for one, other in shape.not_both:
            if value.get(one) is not None and value.get(other) is not None:
                self.report(pointer, "failed_constraint", f"cannot define both `{one}` and `{other}`")
        self._fields(value, shape, pointer)
        for rule in shape.extra:
            for where, code, message in rule(value):
                self.report(f"{pointer}/{where}", code, message)

    def value(self, value: Any, kind: Kind, pointer: str) -> None:
        match kind:
            case Text():
                self._text(value, kind, pointer)
            case Str():
                self._string(value, kind, pointer)
            case Int():
                self._integer(value, kind, pointer)
            case Bool():
                if not isinstance(value, bool):
                    self.report(pointer, "wrong_type", "must be a boolean")
            case Items():
                self._items(value, kind, pointer)
            case Object():
                self._object(value, OBJECTS[kind.shape], pointer)
            case OneOf():
                self._typed(value, kind, pointer)
            case Anything():
                pass

    def _fields(self, value: dict[str, Any], shape: Shape, pointer: str) -> None:
        for name, inner in value.items():
            if name == "type":
                continue
            kind = shape.fields.get(name)
            if kind is None:
                self.report(f"{pointer}/{name}", "unknown_field", f"invalid additional property: {name}")
            elif inner is not None:
                self.value(inner, kind, f"{pointer}/{name}")

    def _object(self, value: Any, shape: Shape, pointer: str) -> None:
        if not isinstance(value, dict):
            self.report(pointer, "wrong_type", "must provide an object")
            return
        self.shape(value, shape, pointer)

    def _typed(self, value: Any, kind: OneOf, pointer: str) -> None:
        if not isinstance(value, dict):
            self.report(pointer, "wrong_type", "must provide an object")
            return
        name = value.get("type")
        if name not in kind.types:
            self.report(f"{pointer}/type", "unsupported_type", f"unsupported type: {name}")
            return
        if name in _TEXT_FIELDS:
            self._text(value, _CONTEXT_TEXT, pointer)
            return
        shape = self._shape_inside(name, kind)
        if self.surface not in shape.surfaces:
            self.report(f"{pointer}/type", "unsupported_type", f"unsupported type: {name} in a {self.surface}")
            return
        self.shape(value, shape, pointer)

    def _shape_inside(self, name: str, kind: OneOf) -> Shape:
        if name == "image" and "divider" not in kind.types:
            return IMAGE_ELEMENT
        return ELEMENTS.get(name) or PARTS.get(name) or LAYOUTS[name]

    def _items(self, value: Any, kind: Items, pointer: str) -> None:
        if not isinstance(value, list):
            self.report(pointer, "wrong_type", "must provide an array")
            return
        if kind.max is not None and len(value) > kind.max:
            self.report(pointer, "failed_constraint", f"no more than {kind.max} items allowed")
        if len(value) < kind.min:
            self.report(pointer, "failed_constraint", f"no fewer than {kind.min} items allowed")
        for n, inner in enumerate(value):
            self.value(inner, kind.of, f"{pointer}/{n}")

    def _text(self, value: Any, kind: Text, pointer: str) -> None:
        if not isinstance(value, dict):
            self.report(pointer, "wrong_type", "must provide an object")
            return
        name = value.get("type")
        allowed = ("plain_text",) if kind.plain_only else ("plain_text", "mrkdwn")
        if not isinstance(name, str) or name not in allowed:
            self.report(f"{pointer}/type", "unsupported_type", f"must be one of: {', '.join(allowed)}")
            return
        for extra in sorted(set(value) - _TEXT_FIELDS[name]):
            self.report(f"{pointer}/{extra}", "unknown_field", f"invalid additional property: {extra}")
        self._string(value.get("text"), Str(kind.max, kind.min), f"{pointer}/text")

    def _string(self, value: Any, kind: Str, pointer: str) -> None:
        if not isinstance(value, str):
            self.report(pointer, "wrong_type", "must be a string")
            return
        if kind.max is not None and len(value) > kind.max:
            self.report(pointer, "failed_constraint", f"must be less than {kind.max + 1} characters")
        if len(value) < kind.min:
            self.report(pointer, "failed_constraint", f"must be more than {kind.min - 1} characters")
        if kind.choices is not None and value not in kind.choices:
            self.report(pointer, "failed_constraint", f"must be one of: {', '.join(sorted(kind.choices))}")
        if kind.pattern is not None and not re.fullmatch(kind.pattern, value):
            self.report(pointer, "failed_constraint", f"must match {kind.pattern}")
        if kind.url and value and not re.match(r"(https?://\S|mailto:\S|slack://\S|tel:\S)", value):
            self.report(pointer, "failed_constraint", "must be a valid URL")

    def _integer(self, value: Any, kind: Int, pointer: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            self.report(pointer, "wrong_type", "must be an integer")
            return
        if kind.max is not None and value > kind.max:
            self.report(pointer, "failed_constraint", f"must be less than or equal to {kind.max}")
        if kind.min is not None and value < kind.min:
            self.report(pointer, "failed_constraint", f"must be more than or equal to {kind.min}")


def walk_blocks(blocks: Any, surface: str = MESSAGE, pointer: str = "/blocks") -> list[Problem]:
    """What the tables say about these blocks."""
    walk = Walk(surface)
    walk.blocks(blocks, pointer)
    return walk.found
