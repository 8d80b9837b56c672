"""The tree of a YAML text, grown from parser events without recursion, so that no depth can hurt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import yaml

from engine.definitions.problem import Spot

DEPTH_MAX = 50  # no workflow nests this deep; everything after this may recurse
_TAGS = {
    "map": "tag:yaml.org,2002:map",
    "list": "tag:yaml.org,2002:seq",
    "scalar": "tag:yaml.org,2002:str",
}

_NOWHERE = Spot(0, 0)

Kind: TypeAlias = Literal["map", "list", "scalar"]


@dataclass(slots=True)
class Node:
    """One value of the text: where it stands, and how it was written."""

    kind: Kind
    start: Spot
    text: str = ""
    style: str = ""  # of a scalar: "" plain, ' or " quoted, | or > block
    end: Spot = _NOWHERE
    flow: bool = False  # of a map or list: written with braces or brackets
    tagged: bool = False  # marked as text with !!str
    marked: bool = False  # an anchor or a tag stands before it
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    pending: Node | None = None  # a key whose value is still to come
    depth: int = 1  # of the values inside, itself included

    @property
    def is_scalar(self) -> bool:
        return self.kind == "scalar"


class PurePython(yaml.SafeLoader):
    """The parser that needs no compiled library, made to agree with the compiled one.

    Left alone it ends `[Go?]` and `{url: https://example.com/?a=1}` at the question mark, as YAML 1.1 had it.
    """

    in_plain = False

    def scan_plain(self) -> Any:
        self.in_plain = True
        try:
            return super().scan_plain()
        finally:
            self.in_plain = False

    def peek(self, index: int = 0) -> str:
        char: str = super().peek(index)
        # Looked at only to find the end of the text: what is taken from there is the text itself.
        return "x" if char == "?" and self.in_plain else char


class TreeFault(Exception):
    """A construct that YAML allows and a workflow file does not."""

    def __init__(self, code: str, spot: Spot, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.spot = spot
        self.detail = detail


def grow(text: str, loader: Any) -> Node | None:
    """The root of the text's tree, or None when there is nothing in it. Raises TreeFault, yaml.MarkedYAMLError."""
    growth = _Growth()
    parser = loader(text)
    try:
        while parser.check_event():
            growth.take(parser.get_event())
    except (ValueError, OverflowError) as error:
        # The pure parser hands escapes such as "\U00110000" to chr() unchecked.
        raise TreeFault("bad_escape", growth.last) from error
    finally:
        parser.dispose()
    return growth.root


class _Growth:
    def __init__(self) -> None:
        self.root: Node | None = None
        self.open: list[Node] = []
        self.anchors: dict[str, Node] = {}
        self.documents = 0
        self.last = Spot(1, 1)

    def take(self, event: yaml.Event) -> None:
        self.last = _end(event)
        match event:
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise TreeFault("several_documents", _start(event))
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.ScalarEvent():
                # The C parser says '' where the pure one says None.
                style = event.style or ""
                tagged = event.tag is not None
                node = Node("scalar", _start(event), event.value, style, _end(event), tagged=tagged)
                self._add(node, event.anchor, event.tag)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                kind: Kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
                node = Node(kind, _start(event), flow=bool(event.flow_style))
                self._add(node, event.anchor, event.tag)
                self.open.append(node)
                if len(self.open) > DEPTH_MAX:
                    raise TreeFault("too_deep", node.start, str(DEPTH_MAX))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                closed = self.open.pop()
                closed.end = _end(event)
                self._deepen(closed.depth)

    def _add(self, node: Node, anchor: str | None, tag: str | None) -> None:
        if tag is not None and tag != _TAGS[node.kind]:
            raise TreeFault("tag_not_allowed", node.start, tag)
        node.marked = anchor is not None or tag is not None
        if anchor is not None:
            self.anchors[anchor] = node
        self._attach(node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        node = self.anchors.get(name)
        if node is None:
            raise TreeFault("alias_unknown", _start(event), name)
        if any(node is one for one in self.open):
            raise TreeFault("alias_of_itself", _start(event), name)
        self._attach(node)
        self._deepen(node.depth)

    def _attach(self, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        around = self.open[-1]
        if around.kind == "list":
            around.items.append(node)
        elif around.pending is None:
            around.pending = node
        else:
            around.pairs.append((around.pending, node))
            around.pending = None

    def _deepen(self, depth: int) -> None:
        if not self.open:
            return
        around = self.open[-1]
        around.depth = max(around.depth, depth + 1)
        if len(self.open) - 1 + around.depth > DEPTH_MAX:
            raise TreeFault("too_deep", around.start, str(DEPTH_MAX))


def _start(event: yaml.Event) -> Spot:
    return _spot(event.start_mark)


def _end(event: yaml.Event) -> Spot:
    return _spot(event.end_mark)


def _spot(mark: Any) -> Spot:
    return Spot(mark.line + 1, mark.column + 1)
