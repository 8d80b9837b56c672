"""The picture as SVG, in colours for paper: dark text on light, whatever the reader's screen is set to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from bot.picture.graph import Node
from bot.picture.layout import (
    BOX_HEIGHT,
    FRAME,
    MARK_WIDTH,
    NAME_SIZE,
    PADDING,
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
    name = escape(fitted(node.title, NAME_SIZE * 1.06, room - shift))
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
    return line + _tip(layout, places[-1], left, top)


def _tip(layout: Layout, place: Place, left: float, top: float) -> str:
    back = place.along - TIP
    corners = ((place.along, place.across), (back, place.across - 4), (back, place.across + 4))
    path = "".join(
        _point(layout, along, across, left, top, "M" if index == 0 else " L")
        for index, (along, across) in enumerate(corners)
    )
    return f'<path d="{path} z" fill="{ARROW}"/>'


def _point(layout: Layout, along: float, across: float, left: float, top: float, letter: str) -> str:
    x, y = (along, across) if layout.direction == "right" else (across, along)
    return f"{letter}{left + x:.1f} {top + y:.1f}"
