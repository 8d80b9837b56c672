"""What a decision is about, as blocks: fields for what is short, quotes for texts, lists for records, else JSON.

An approver decides on all of it, so a card names whatever it leaves out, and a window shows the whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from bot.views import blocks
from bot.views.blocks import Block, Piece, words
from bot.views.markup import bold, clip, escape, is_aligned, is_web_link, link, one_line, present, visible, width
from bot.views.run_words import in_words, is_sentence
from bot.wording import counted, titled
from engine.handed_in import is_file
from store.model import Json

SHORT_MAX = 120  # a text up to here, on one line, is a field
NARROW_MAX = 40  # and up to here it fits beside another one
PIECE_MAX = 2_800  # of one quote: several stand under each other for longer texts
PIECES_MAX = 3  # in one block
LEAST_PART = 100  # a shorter beginning of something tells nothing
NAMED_MAX = 12

CARD_ROOM = 8_400  # for all texts on a card; Slack refuses messages whose blocks are too long as a whole
CARD_BLOCKS = 36
BESIDE_ROOM = 2_000  # for one item among others in a form
BESIDE_BLOCKS = 4
WINDOW_ROOM = 150_000  # of the 250 kB that a whole view may have as JSON
WINDOW_BLOCKS = 90


@dataclass(slots=True)
class ShownContent:
    """The blocks for a value, and in words what of it they do not show."""

    blocks: list[Block] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # "Claims (2)"
    cut: list[str] = field(default_factory=list)  # "Body (8,400 of 12,000 characters)"

    @property
    def whole(self) -> bool:
        return not self.left_out and not self.cut


@dataclass(slots=True)
class _Room:
    """How much still fits."""

    left: int
    blocks: int
    measure: Callable[[str], int]

    @property
    def full(self) -> bool:
        return self.blocks < 1 or self.left < LEAST_PART

    def fitting(self, text: str) -> str:
        """As much of the beginning of a text as fits."""
        fits, size = text, self.measure(text)
        while size > self.left:
            fits = clip(text, len(fits) * self.left // (size + 1))
            size = self.measure(fits)
        return fits

    def take(self, *texts: str, blocks: int = 1) -> None:
        self.left = max(0, self.left - sum(self.measure(text) for text in texts))
        self.blocks -= blocks


def on_card(value: Json, card: Json) -> ShownContent:
    """The value as its card shows it; `card` may name the `fields` and the `body` that stand on it."""
    shown, room = ShownContent(), _Room(CARD_ROOM, CARD_BLOCKS, width)
    if isinstance(value, dict):
        _object(value, _named(value, card) or _ordered(value), shown, room)
    elif value is not None:
        _part("", value, shown, room)
    return shown


def beside_others(value: Json, card: Json) -> ShownContent:
    """The value as its card shows it, as far as there is room for it among others."""
    shown, room = ShownContent(), _Room(BESIDE_ROOM, BESIDE_BLOCKS, width)
    if isinstance(value, dict):
        _object(value, _named(value, card) or _ordered(value), shown, room)
    elif value is not None:
        _part("", value, shown, room)
    return shown


def first_shown(value: Json, card: Json, other_than: str = "") -> str:
    """The first short thing that the card shows, raw, on one line; empty when there is none beside `other_than`."""
    parts = [value[name] for name in _named(value, card) or _ordered(value)] if isinstance(value, dict) else [value]
    texts = (one_line(in_words(part)) for part in parts if part not in (None, "", []) and _is_short(part))
    return next((text for text in texts if text and text != other_than), "")


def in_full(value: Json, card: Json) -> ShownContent:
    """The value with everything in it, for a window: first what its card shows, in the same order."""
    shown, room = ShownContent(), _Room(WINDOW_ROOM, WINDOW_BLOCKS, _written)
    if isinstance(value, dict):
        _object(value, list(dict.fromkeys([*_named(value, card), *_ordered(value)])), shown, room)
    elif value is not None:
        _part("", value, shown, room)
    return shown


def _named(value: Mapping[str, Json], card: Json) -> list[str]:
    """What the author wants on the card and is there, in their order."""
    if not isinstance(card, dict):
        return []
    fields, body = card.get("fields"), card.get("body")
    names = [*fields, body] if isinstance(fields, list) else [body]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name in value))


def _ordered(value: Mapping[str, Json]) -> list[str]:
    """Everything, what is short first."""
    return sorted(value, key=lambda name: not _is_short(value[name]))


def _object(value: Mapping[str, Json], named: Sequence[str], shown: ShownContent, room: _Room) -> None:
    """Each part under its name. A long text that stands alone with what is short needs none."""
    long = [name for name in named if not _is_short(value[name])]
    beside: list[tuple[str, str]] = []
    for name in named:
        if _is_narrow(value[name]):
            beside.append((name, _value(value[name])))
            continue
        _fields(beside, shown, room)
        beside = []
        alone = len(named) == len(long) == 1
        _part("" if alone else name, value[name], shown, room)
    _fields(beside, shown, room)
    shown.left_out += [_sized(name, part) for name, part in value.items() if name not in named]


def _part(name: str, value: Json, shown: ShownContent, room: _Room) -> None:
    """One part, in the form that suits it; what finds no room is named instead."""
    if room.full:
        shown.left_out.append(_sized(name, value))
    elif _is_short(value):
        text = f"{bold(titled(name))}\n{present(_value(value))}" if name else _value(value)
        shown.blocks.append(blocks.section(text))
        room.take(text)
    elif items := _items(value):
        _list(name, items, shown, room)
    else:
        _long(name, value, shown, room)


# What is short. -------------------------------------------------------------------------------------------------------


def _is_scalar(value: Json) -> bool:
    return value is None or isinstance(value, bool | int | float | str) or is_file(value)


def _is_short(value: Json) -> bool:
    if isinstance(value, str):
        return width(value) <= SHORT_MAX and "\n" not in value
    if isinstance(value, list):
        fit = all(_is_scalar(item) and not is_sentence(item) for item in value)
        return fit and width(in_words(value)) <= SHORT_MAX
    return _is_scalar(value)


def _is_narrow(value: Json) -> bool:
    return _is_short(value) and width(in_words(value)) <= NARROW_MAX


def _value(value: Json) -> str:
    text = in_words(value)
    return link(text) if is_web_link(text) else escape(one_line(text))


def _fields(pairs: Sequence[tuple[str, str]], shown: ShownContent, room: _Room) -> None:
    """Pairs beside each other, ten in a block; one that is alone takes the whole line."""
    for start in range(0, len(pairs), blocks.FIELDS_MAX):
        some = pairs[start : start + blocks.FIELDS_MAX]
        if room.full:
            shown.left_out += [titled(name) for name, _ in some]
            continue
        texts = [(titled(name), present(text)) for name, text in some]
        alone = len(texts) == 1
        shown.blocks.append(blocks.section(f"{bold(texts[0][0])}\n{texts[0][1]}") if alone else blocks.fields(texts))
        room.take(*(f"{name}{text}" for name, text in texts))


# Lists of records. ----------------------------------------------------------------------------------------------------


def _items(value: Json) -> list[Json]:
    """What reads well as a list, item by item: texts, flat objects, or the parts of one; else nothing."""
    items: list[Json] = [{name: part} for name, part in value.items()] if isinstance(value, dict) else []
    items = value if isinstance(value, list) else items
    fit = all(_is_item(item) and width(_item_text(item)) <= PIECE_MAX for item in items)
    return items if fit else []


def _is_item(item: Json) -> bool:
    if isinstance(item, dict):
        return bool(item) and all(_is_scalar(part) for part in item.values())
    return _is_scalar(item)


def _item(item: Json) -> list[Piece]:
    """The text itself, or the parts of an object: beside each other when all are narrow, else on lines of their own."""
    if not isinstance(item, dict):
        return [_piece(item)]
    between = " · " if all(_is_narrow(part) for part in item.values()) else "\n"
    pieces: list[Piece] = []
    for name, part in item.items():
        pieces += [words(between)] if pieces else []
        pieces += [words(f"{titled(name)}:", bold=True), words(" "), _piece(part)]
    return pieces


def _piece(value: Json) -> Piece:
    text = in_words(value)
    return blocks.link_piece(text) if is_web_link(text) else words(text)


def _item_text(item: Json) -> str:
    return "".join(str(piece.get("text", piece.get("url"))) for piece in _item(item))


def _list(name: str, value: Sequence[Json], shown: ShownContent, room: _Room) -> None:
    """As many items as fit, in lists that are each short enough for one block."""
    parts: list[list[list[Piece]]] = []
    count = size = 0
    for item in value:
        text = _item_text(item)
        if room.measure(text) > room.left or len(parts) > PIECES_MAX * room.blocks:
            break
        if not parts or size + width(text) > PIECE_MAX:
            parts.append([])
            size = 0
        parts[-1].append(_item(item))
        size += width(text)
        count += 1
        room.take(text, blocks=0)
    if not count:
        shown.left_out.append(_sized(name, list(value)))
        return
    _stand(name, [blocks.rich_list(*part) for part in parts], shown, room)
    if count < len(value):
        shown.cut.append(_of(name, f"{count:,} of {len(value):,}"))


def _stand(name: str, parts: Sequence[Block], shown: ShownContent, room: _Room) -> None:
    """Parts of rich text under their name, a few in a block."""
    for start in range(0, len(parts), PIECES_MAX):
        heading = _heading(name) if start == 0 else []
        shown.blocks.append(blocks.rich_text(*heading, *parts[start : start + PIECES_MAX]))
        room.take()


def _heading(name: str) -> list[Block]:
    return [blocks.rich_section(words(titled(name), bold=True))] if name else []


# What is long. --------------------------------------------------------------------------------------------------------


def _long(name: str, value: Json, shown: ShownContent, room: _Room) -> None:
    """A long text as quotes, anything else as JSON, with its name above it."""
    is_text = isinstance(value, str) and not is_aligned(value)
    text = visible(value) if isinstance(value, str) else _json(value)
    fits = clip(room.fitting(text), PIECE_MAX * PIECES_MAX * room.blocks)
    make = blocks.rich_quote if is_text else blocks.rich_preformatted
    _stand(name, [make(piece) for piece in _pieces(fits)] or [make("")], shown, room)
    room.take(fits, blocks=0)
    if fits != text:
        shown.cut.append(_of(name, f"{len(fits):,} of {len(text):,} characters"))


def _json(value: Json) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _pieces(text: str) -> Iterable[str]:
    """The text in pieces that fit a quote, broken where a paragraph or line ends when there is one near."""
    while width(text) > PIECE_MAX:
        cut = clip(text, PIECE_MAX).removesuffix("…")
        at = max(cut.rfind("\n\n"), cut.rfind("\n"), cut.rfind(" "))
        at = at if at > PIECE_MAX // 2 else len(cut)
        yield text[:at]
        text = text[at:].lstrip("\n ") if at < len(cut) else text[at:]
    if text.strip():
        yield text


# What is not shown, in words. -----------------------------------------------------------------------------------------


def _sized(name: str, value: Json) -> str:
    """`Claims (2)`: a part by its name, with how much there is of it."""
    match value:
        case list():
            return _of(name, f"{len(value):,}")
        case dict():
            return _of(name, counted(len(value), "field"))
        case str() if not _is_short(value):
            return _of(name, f"{len(value):,} characters")
    return titled(name)


def _of(name: str, how_much: str) -> str:
    return f"{clip(one_line(titled(name)), 80)} ({how_much})" if name else how_much


def in_short(parts: Sequence[str]) -> str:
    """The parts in one line, those beyond a dozen only counted."""
    rest = len(parts) - NAMED_MAX
    return ", ".join(_listed(parts, rest))


def _listed(parts: Sequence[str], rest: int) -> Iterator[str]:
    yield from parts[:NAMED_MAX]
    if rest > 0:
        yield f"{rest:,} more"


def _written(text: str) -> int:
    """How long a text is on its way to Slack, where what is not ASCII is written out."""
    return len(json.dumps(text))
