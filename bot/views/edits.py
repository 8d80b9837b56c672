"""What people edited before they approved: field by field, short values side by side, texts by their changed lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import unified_diff

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
    diff = [line for line in whole[2:] if not line.startswith("@@")]  # the first two name the files
    added, taken = sum(line.startswith("+") for line in diff), sum(line.startswith("-") for line in diff)
    yield f"{titled(name)}: +{added} −{taken} lines"
    for line in diff[:LINES_MAX]:
        yield clip(line, LINE_MAX)
    if len(diff) > LINES_MAX:
        yield f"… and {len(diff) - LINES_MAX} more lines"


def _text(value: Json) -> str:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value)):
        return json.dumps(value, ensure_ascii=False, indent=1)
    return one_line(in_words(value))
