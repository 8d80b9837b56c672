"""Where everything stands. Each step stands one rank behind all that it needs; an arrow over several ranks passes
through a gap in each; the order within a rank makes few arrows cross; and what belongs together is drawn level.

Everything is worked out along the arrows and across them. Which of the two is left to right is decided at the end:
the picture is to be narrow enough to read.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.picture.graph import Node
from bot.picture.lettering import width

Direction = Literal["right", "down"]
BOX_HEIGHT, BOX_WIDTH_MIN, BOX_WIDTH_MAX = 46, 120, 270
NAME_SIZE, UNDER_SIZE, PADDING, MARK_WIDTH = 13, 11, 12, 18
BOLD = 1.1  # how much wider the letters of a name are
ROUND = 12  # what the round ends of a gate take of its width
RANK_GAP, GAP, THREAD = 52, 18, 8
FRAME, FRAME_TOP, FRAME_TOP_SHORT = 14, 44, 30
SWEEPS = 12
WIDE = 1_100  # pixels: a picture that grows wider is drawn from top to bottom, when that is narrower


@dataclass(slots=True)
class Place:
    """A node, or the gap that an arrow passes through, with its place along and across the arrows."""

    key: str
    node: Node | None
    rank: int
    long: float = 0  # along
    broad: float = 0  # across
    along: float = 0
    across: float = 0  # of its middle
    inner: Layout | None = None


@dataclass(slots=True)
class Layout:
    """What stands side by side in one block, with the arrows as chains of places."""

    direction: Direction
    places: dict[str, Place] = field(default_factory=dict)
    chains: list[list[str]] = field(default_factory=list)
    long: float = 0
    broad: float = 0

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        return (self.long, self.broad) if self.direction == "right" else (self.broad, self.long)

    def box(self, place: Place) -> tuple[float, float, float, float]:
        """Left, top, width and height of a place."""
        top = place.across - place.broad / 2
        if self.direction == "right":
            return place.along, top, place.long, place.broad
        return top, place.along, place.broad, place.long


def lay_out(nodes: Sequence[Node]) -> Layout:
    """The layout of a picture, in the direction in which it is easier to read."""
    right = _laid_out(nodes, "right")
    if right.size[0] <= WIDE:
        return right
    down = _laid_out(nodes, "down")
    return down if down.size[0] < right.size[0] else right


def _laid_out(nodes: Sequence[Node], direction: Direction) -> Layout:
    layout = Layout(direction)
    ranks = _ranks(nodes)
    for node in nodes:
        layout.places[node.name] = _sized(Place(node.name, node, ranks[node.name]), node, direction)
    for node in nodes:
        for needed in _drawn_needs(node, nodes):
            layout.chains.append(_chain(layout, needed, node.name))
    rows = _ordered(layout)
    _across(layout, rows)
    _along(layout, rows)
    return layout


def _drawn_needs(node: Node, nodes: Sequence[Node]) -> list[str]:
    """An arrow that says what two others say together is left out."""
    needs = {one.name: one.needs for one in nodes}
    behind: set[str] = set()
    todo = [further for needed in node.needs for further in needs[needed]]
    while todo:
        name = todo.pop()
        if name not in behind:
            behind.add(name)
            todo += needs[name]
    return [needed for needed in node.needs if needed not in behind]


def _ranks(nodes: Sequence[Node]) -> dict[str, int]:
    """One more than the furthest of what a node needs; the last steps stand behind everything else."""
    by_name = {node.name: node for node in nodes}
    ranks: dict[str, int] = {}

    def rank(name: str) -> int:
        if name not in ranks:
            ranks[name] = max((rank(needed) + 1 for needed in by_name[name].needs), default=0)
        return ranks[name]

    for node in nodes:
        rank(node.name)
    behind = max((ranks[node.name] + 1 for node in nodes if not node.last), default=0)
    return {node.name: ranks[node.name] + (behind if node.last else 0) for node in nodes}


def _sized(place: Place, node: Node, direction: Direction) -> Place:
    if node.inner:
        place.inner = _laid_out(node.inner, direction)
        inside_width, inside_height = place.inner.size
        wide = max(inside_width + 2 * FRAME, _label_width(node))
        high = inside_height + frame_top(node) + FRAME
    else:
        wide, high = min(BOX_WIDTH_MAX, max(BOX_WIDTH_MIN, _label_width(node))), BOX_HEIGHT
    place.long, place.broad = (wide, high) if direction == "right" else (high, wide)
    return place


def frame_top(node: Node) -> int:
    """How far below the top of a block its steps begin."""
    return FRAME_TOP if node.under else FRAME_TOP_SHORT


def _label_width(node: Node) -> float:
    mark = MARK_WIDTH if node.state else 0
    longest = max(width(node.title, NAME_SIZE * BOLD) + mark, width(node.under, UNDER_SIZE))
    return min(BOX_WIDTH_MAX, longest + 2 * PADDING + (ROUND if node.asks else 0) + 2)


def _chain(layout: Layout, source: str, target: str) -> list[str]:
    """The way of an arrow, with a gap in every rank that it passes."""
    chain = [source]
    for rank in range(layout.places[source].rank + 1, layout.places[target].rank):
        key = f"{source}→{target}@{rank}"
        layout.places[key] = Place(key, None, rank, broad=THREAD)
        chain.append(key)
    return [*chain, target]


# The order within ranks ------------------------------------------------------------------------------------------


def _ordered(layout: Layout) -> list[list[str]]:
    """The places of each rank, in the order in which few arrows cross."""
    rows: list[list[str]] = [[] for _ in range(1 + max((one.rank for one in layout.places.values()), default=0))]
    for key, place in layout.places.items():
        rows[place.rank].append(key)
    links = [(first, second) for chain in layout.chains for first, second in itertools.pairwise(chain)]
    before: dict[str, list[str]] = {key: [] for key in layout.places}
    after: dict[str, list[str]] = {key: [] for key in layout.places}
    for first, second in links:
        after[first].append(second)
        before[second].append(first)
    best, fewest = [list(row) for row in rows], _crossings(rows, after)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        order = range(1, len(rows)) if down else range(len(rows) - 2, -1, -1)
        for index in order:
            _sorted_by(rows[index], rows[index - 1 if down else index + 1], before if down else after)
        crossings = _crossings(rows, after)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _sorted_by(row: list[str], fixed: Sequence[str], links: Mapping[str, Sequence[str]]) -> None:
    """Order a rank by the middle of what each place is linked to; who is linked to nothing keeps its place."""
    at = {key: index for index, key in enumerate(fixed)}
    own = {key: float(index) for index, key in enumerate(row)}
    weight = {key: sum(at[one] for one in links[key]) / len(links[key]) if links[key] else own[key] for key in row}
    row.sort(key=lambda key: (weight[key], own[key]))


def _crossings(rows: Sequence[Sequence[str]], after: Mapping[str, Sequence[str]]) -> int:
    count = 0
    for row, following in itertools.pairwise(rows):
        at = {key: index for index, key in enumerate(following)}
        ends = [end for key in row for end in sorted(at[one] for one in after[key])]
        count += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return count


# The places ------------------------------------------------------------------------------------------------------


def _across(layout: Layout, rows: Sequence[Sequence[str]]) -> None:
    """Level with what it is linked to, as far as there is room."""
    places = layout.places
    linked: dict[str, list[str]] = {key: [] for key in places}
    for chain in layout.chains:
        for first, second in itertools.pairwise(chain):
            linked[first].append(second)
            linked[second].append(first)
    for row in rows:
        _spread(places, row, [0.0] * len(row))
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_middle(places, key, linked[key]) for key in row]
            _spread(places, row, wanted)
    lowest = min((one.across - one.broad / 2 for one in places.values()), default=0)
    for one in places.values():
        one.across -= lowest
    layout.broad = max((one.across + one.broad / 2 for one in places.values()), default=0)


def _middle(places: Mapping[str, Place], key: str, linked: Sequence[str]) -> float:
    return sum(places[one].across for one in linked) / len(linked) if linked else places[key].across


def _spread(places: Mapping[str, Place], row: Sequence[str], wanted: Sequence[float]) -> None:
    """As near to where each wants to be as the room between neighbours allows: neighbours that push share the way."""
    offsets, offset = [], 0.0
    for index, key in enumerate(row):
        if index:
            offset += (places[row[index - 1]].broad + places[key].broad) / 2 + GAP
        offsets.append(offset)
    groups: list[tuple[float, int]] = []  # the common place of neighbours that touch, and how many they are
    for wish, shift in zip(wanted, offsets, strict=True):
        mean, count = wish - shift, 1
        while groups and groups[-1][0] > mean:
            other, others = groups.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        groups.append((mean, count))
    spots = [mean for mean, count in groups for _ in range(count)]
    for key, spot, shift in zip(row, spots, offsets, strict=True):
        places[key].across = spot + shift


def _along(layout: Layout, rows: Sequence[Sequence[str]]) -> None:
    along = 0.0
    for row in rows:
        longest = max((layout.places[key].long for key in row), default=0)
        for key in row:
            place = layout.places[key]
            if place.node is None:
                place.long = longest
            place.along = along
        along += longest + RANK_GAP
    layout.long = max(0.0, along - RANK_GAP)
