"""The picture as SVG, in colours for paper: dark text on light, whatever the reader's screen is set to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from bot.picture.graph import Node
from bot.picture.layout import (
    BOLD,
    BOX_HEIGHT,
    FRAME,
    MARK_WIDTH,
    NAME_SIZE,
    PADDING,
    RANK_GAP,
    ROUND,
    UNDER_SIZE,
    Layout,
    Place,
    frame_top,
    lay_out,
)
from bot.picture.lettering import fitted
from bot.picture.looks import ARROW, FAINT, TEXT, look

MARGIN = 20
FONTS = "DejaVu Sans, Verdana, Segoe UI, Helvetica, Arial, sans-serif"
TIP = 7  # length of an arrow's tip
ASIDE = 26  # how far beside its middle a way back begins and ends


def draw(nodes: Sequence[Node], title: str) -> str:
    """The whole picture; its title tells the state of every step."""
    layout = lay_out(nodes)
    width, height = (round(one + 2 * MARGIN) for one in layout.size)
    parts = "".join(_layout(layout, MARGIN, MARGIN))
    told = ", ".join(f"{one.title}: {one.state}" for one in _all(nodes) if one.state)
    spoken = escape(f"{title}: {told}" if told else title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" font-family="{FONTS}" font-size="{NAME_SIZE}"><title>{spoken}</title>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{parts}</svg>'
    )


def _all(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _all(node.inner)


def _layout(layout: Layout, left: float, top: float) -> Iterator[str]:
    for chain in layout.chains:
        yield _arrow(layout, [layout.places[key] for key in chain], left, top)
    for place in layout.places.values():
        if place.node is not None and place.node.back:
            yield _way_back(layout, place, layout.places[place.node.back], left, top)
    yield _line_before_the_end(layout, left, top)
    for place in layout.places.values():
        if place.node is not None:
            yield from _node(layout, place, place.node, left, top)


def _node(layout: Layout, place: Place, node: Node, left: float, top: float) -> Iterator[str]:
    x, y, width, height = layout.box(place)
    x, y = left + x, top + y
    how = look(node.state)
    dash = ' stroke-dasharray="5 4"' if node.maybe else ""
    corner = BOX_HEIGHT / 2 if node.asks else 8
    pile = node.each and f'<rect x="{x + 5:g}" y="{y + 5:g}" width="{width:g}" height="{height:g}" rx="{corner:g}" '
    if pile:
        yield f'{pile}fill="{how.fill}" stroke="{how.line}" stroke-width="1"/>'
    yield f"<g><title>{escape(f'{node.title}: {node.under}' if node.under else node.title)}</title>"
    yield (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{corner:g}" fill="{how.fill}" '
        f'stroke="{how.line}" stroke-width="1.5"{dash}/>'
    )
    round_ends = ROUND if node.asks else 0
    yield from _words(node, x + PADDING + round_ends / 2, y, width - 2 * PADDING - round_ends, how.mark)
    yield "</g>"
    if place.inner is not None:
        yield from _layout(place.inner, x + FRAME, y + frame_top(node))


def _words(node: Node, x: float, y: float, room: float, mark: str) -> Iterator[str]:
    if mark:
        yield f'<text x="{x:g}" y="{y + 20:g}" fill="{look(node.state).line}" font-weight="700">{mark}</text>'
    shift = MARK_WIDTH if mark else 0
    name = escape(fitted(node.title, NAME_SIZE * BOLD, room - shift))
    under = escape(fitted(node.under, UNDER_SIZE, room))
    yield f'<text x="{x + shift:g}" y="{y + 20:g}" font-weight="600" fill="{TEXT}">{name}</text>'
    if under:
        yield f'<text x="{x:g}" y="{y + 36:g}" font-size="{UNDER_SIZE}" fill="{FAINT}">{under}</text>'


def _arrow(layout: Layout, places: Sequence[Place], left: float, top: float) -> str:
    """A curve from one to the next, straight through the gaps between, with a tip at its end."""
    across = [place.across for place in places]
    path = _point(layout, places[0].along + places[0].long, across[0], left, top, "M")
    for before, place in itertools.pairwise(places):
        start, end = before.along + before.long, place.along
        if place is places[-1]:
            end -= TIP - 1
        bend = (start + end) / 2
        path += _point(layout, bend, before.across, left, top, " C")
        path += _point(layout, bend, place.across, left, top, " ") + _point(layout, end, place.across, left, top, " ")
        if place.node is None:
            path += _point(layout, place.along + place.long, place.across, left, top, " L")
    line = f'<path d="{path}" fill="none" stroke="{ARROW}" stroke-width="1.3"/>'
    return line + _tip(layout, places[-1].along, places[-1].across, left, top)


def _way_back(layout: Layout, gate: Place, again: Place, left: float, top: float) -> str:
    """A dashed arrow beside the others, from a gate to what is done again when people ask for changes."""
    start, end = gate.along, again.along + again.long + TIP - 1
    bend = (start + end) / 2
    sides = [one.across + min(ASIDE, one.broad / 3) for one in (gate, again)]
    path = _point(layout, start, sides[0], left, top, "M") + _point(layout, bend, sides[0], left, top, " C")
    path += _point(layout, bend, sides[1], left, top, " ") + _point(layout, end, sides[1], left, top, " ")
    line = f'<path d="{path}" fill="none" stroke="{ARROW}" stroke-width="1.3" stroke-dasharray="3 3"/>'
    x, y = (bend, max(sides)) if layout.direction == "right" else (max(sides), bend)
    shift, anchor = ((0, 13), "middle") if layout.direction == "right" else ((6, 4), "start")
    word = f'<text x="{left + x + shift[0]:.1f}" y="{top + y + shift[1]:.1f}" font-size="10" fill="{FAINT}" '
    return f'{line}{word}text-anchor="{anchor}">changes</text>' + _tip(layout, end - TIP + 1, sides[1], left, top, -1)


def _line_before_the_end(layout: Layout, left: float, top: float) -> str:
    """What is done when the run is over stands behind a dotted line."""
    last = [place.along for place in layout.places.values() if place.node is not None and place.node.last]
    if not last or min(last) == 0:
        return ""
    along = min(last) - RANK_GAP / 2
    path = _point(layout, along, 0, left, top, "M") + _point(layout, along, layout.broad, left, top, " L")
    return f'<path d="{path}" fill="none" stroke="{ARROW}" stroke-width="1" stroke-dasharray="1 4"/>'


def _tip(layout: Layout, along: float, across: float, left: float, top: float, way: int = 1) -> str:
    """The tip of an arrow that ends here, going on (1) or back (-1)."""
    back = along - way * TIP
    corners = ((along, across), (back, across - 4), (back, across + 4))
    path = "".join(
        _point(layout, *corner, left, top, "M" if index == 0 else " L") for index, corner in enumerate(corners)
    )
    return f'<path d="{path} z" fill="{ARROW}"/>'


def _point(layout: Layout, along: float, across: float, left: float, top: float, letter: str) -> str:
    x, y = (along, across) if layout.direction == "right" else (across, along)
    return f"{letter}{left + x:.1f} {top + y:.1f}"
