"""What people edited before they approved: field by field, short values side by side, texts by their changed lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import unified_diff
from itertools import takewhile

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.markup import clip, one_line, visible
from bot.views.run_words import in_words
from bot.views.scene import actor_piece
from bot.wording import titled
from store.model import Decision, Gate, Json

EDITORS_MAX = 3
FIELDS_MAX = 6
SHORT_MAX = 80
LINE_MAX = 200
LINES_MAX = 14
NEAR = 60  # characters beside a change in a long line


def edit_blocks(gate: Gate) -> list[Block]:
    """What was changed, by the last few who changed something."""
    edited = [one for one in gate.decisions if isinstance(one.edits, dict) and one.edits]
    return [_edit(gate, one) for one in edited[-EDITORS_MAX:]]


def _edit(gate: Gate, decision: Decision) -> Block:
    assert isinstance(decision.edits, dict)
    head = blocks.rich_section(blocks.words("Edited by ", bold=True), actor_piece(decision.actor))
    lines = [line for name, pair in list(decision.edits.items())[:FIELDS_MAX] for line in changed(name, pair)]
    rest = len(decision.edits) - FIELDS_MAX
    if rest > 0:
        lines.append(f"… and {rest} more")
    return blocks.rich_text(head, blocks.rich_preformatted("\n".join(lines)))


def changed(name: str, pair: Json) -> Iterator[str]:
    """The lines that tell how one field changed."""
    before, after = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (None, pair)
    old, new = _text(before), _text(after)
    if len(old) <= SHORT_MAX and len(new) <= SHORT_MAX and "\n" not in old + new:
        yield f"{titled(name)}: {old or '(empty)'} → {new or '(empty)'}"
        return
    whole = list(unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=0))
    diff = _near([line for line in whole[2:] if not line.startswith("@@")])  # the first two name the files
    added, taken = sum(line.startswith("+") for line in diff), sum(line.startswith("-") for line in diff)
    yield f"{titled(name)}: +{added} −{taken} lines"
    for line in diff[:LINES_MAX]:
        yield clip(line, LINE_MAX)
    if len(diff) > LINES_MAX:
        yield f"… and {len(diff) - LINES_MAX} more lines"


def _near(diff: list[str]) -> list[str]:
    """Of one long line that became another only what stands near the change, which might be far behind."""
    if len(diff) != 2 or max(map(len, diff)) <= LINE_MAX:
        return diff
    old, new = diff[0][1:], diff[1][1:]
    start = max(0, _alike(old, new) - NEAR)
    start = old.rfind(" ", 0, start) + 1  # whole words
    end = _alike(old[start:][::-1], new[start:][::-1])
    after = max(0, end - NEAR)
    first, last = "…" if start else "", "…" if after else ""
    return [f"{mark}{first}{text[start : len(text) - after]}{last}" for mark, text in (("-", old), ("+", new))]


def _alike(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _text(value: Json) -> str:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list) and value and all(isinstance(one, dict) and _is_flat(one) for one in value):
        return "\n".join(one_line(in_words(one)) for one in value)
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value)):
        return json.dumps(value, ensure_ascii=False, indent=1)
    return one_line(in_words(value))


def _is_flat(value: Json) -> bool:
    """Whether words tell all of it."""
    return not any(isinstance(part, dict | list) for part in value.values())
