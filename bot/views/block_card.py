"""A block of steps in the live list: how many of its items are done, and which of them need somebody."""

from __future__ import annotations

from collections.abc import Iterator

from bot.digests import Digest
from bot.views.blocks import CardStatus, Piece, words
from bot.views.digest_words import counted_text, digest_title, range_text
from bot.views.markup import clip, one_line
from bot.views.scene import Scene, asked_pieces, item_text
from bot.wording import fault_text, without_answer
from engine.rules import graph
from store.model import GateState, Step, StepPlan, StepStatus, block_of

NAMED_MAX = 6
LINE_MAX = 160
_ENDED = (StepStatus.SUCCEEDED, StepStatus.SKIPPED)


def is_block(spec: StepPlan) -> bool:
    return spec.uses == "block"


def block_status(scene: Scene, step: Step) -> CardStatus:
    """Wrong only when the whole block is: items may fail as far as the author tolerates it."""
    match step.status:
        case StepStatus.PENDING | StepStatus.READY:
            return "pending"
        case StepStatus.SUCCEEDED | StepStatus.SKIPPED:
            return "complete"
        case StepStatus.FAILED:
            return "error"
        case StepStatus.CANCELLED:
            return "error" if step.started_at is not None else "pending"
        case _:
            return "in_progress"


def block_pieces(scene: Scene, spec: StepPlan, step: Step) -> list[Piece]:
    """`12 of 40 done, 1 failed, 2 waiting`, and under it what waits or failed, item by item."""
    if step.status is StepStatus.SKIPPED:
        return [words(clip(f"Skipped: {one_line(step.reason)}" if step.reason.strip() else "Skipped", LINE_MAX))]
    rows = list(rows_within(scene, step))
    if not rows and step.fan is None:
        return []
    again = f"Round {step.round} · " if step.round > 1 else ""
    return [words(f"{again}{count_text(scene, step, rows)}"), *_named(scene, rows)]


def rows_within(scene: Scene, block: Step) -> Iterator[Step]:
    """Everything of a block that stands now; not what belongs to a list gone through before."""
    inside = f"{block.name}."
    for row in scene.run.steps.values():
        own = row.name.startswith(inside) or (row.name == block.name and row is not block)
        if not own or ":" in row.name or not _is_of(block, row) or not scene.plan.knows(row.name):
            continue
        if not graph.is_past(scene.plan, scene.run, row):
            yield row


def _is_of(block: Step, row: Step) -> bool:
    return block.item is None or (row.item is not None and row.item.startswith(f"{block.item}/"))


def count_text(scene: Scene, block: Step, rows: list[Step]) -> str:
    """How far a block is, in numbers."""
    waiting = len({row.item or row.name for row in rows if _waits(row)})
    if block.fan is not None:
        done, all_of, failed = block.fan.ended - block.fan.failed, block.fan.count, block.fan.failed
    else:
        direct = [
            row for row in rows if block_of(row.name) == block.name and not graph.stands_for_item(scene.plan, row)
        ]
        done, all_of = sum(row.status in _ENDED for row in direct), len(direct)
        failed = sum(row.status is StepStatus.FAILED for row in direct)
    if block.fan is not None and not all_of:
        return "Nothing in the list"
    parts = [f"{done:,} of {all_of:,} done"]
    parts += [f"{failed:,} failed"] if failed else []
    return ", ".join([*parts, f"{waiting:,} waiting"] if waiting else parts)


def _waits(row: Step) -> bool:
    return row.status is StepStatus.UNKNOWN or (row.gate is not None and row.gate.state is GateState.OPEN)


def _named(scene: Scene, rows: list[Step]) -> list[Piece]:
    """What needs somebody or went wrong, one a line; what is beyond a few is counted."""
    plan = scene.plan
    own = [row for row in rows if plan.step(row.name).uses != "block"]
    shared = [one for one in scene.digests if len(one.items) > 1 and one.open]
    beside = {one.gate.id: digest.id for digest in shared for one in digest.items}
    here = {beside.get(row.gate.id) for row in own if row.gate is not None}
    own = [row for row in own if row.gate is None or row.gate.id not in beside]
    telling = [row for row in own if _waits(row)] + [row for row in own if row.status is StepStatus.FAILED]
    pieces: list[Piece] = []
    for digest in (one for one in shared if one.id in here):
        pieces += [words("\n"), *_digest_line(scene, digest)]
    for row in telling[:NAMED_MAX]:
        pieces += [words("\n"), *_line(scene, row)]
    rest = len(telling) - NAMED_MAX
    return [*pieces, words(f"\n… and {rest:,} more")] if rest > 0 else pieces


def _digest_line(scene: Scene, digest: Digest) -> list[Piece]:
    """Gates that share a card are one line, as they are one card."""
    head = words(clip(digest_title(scene, digest), LINE_MAX), bold=True)
    asked = list(dict.fromkeys(one for item in digest.open for one in item.gate.approvers))
    told = f": {counted_text(digest)}, {len(digest.open):,} wait for "
    return [head, words(told), *asked_pieces(scene, asked), words(f" ({range_text(digest.items)})")]


def _line(scene: Scene, row: Step) -> list[Piece]:
    name = scene.step_title(row.name)
    head = words(clip(f"{item_text(row.item)}: {name}" if row.item is not None else name, LINE_MAX), bold=True)
    if row.gate is not None and row.gate.state is GateState.OPEN:
        return [head, words(" waits for "), *asked_pieces(scene, row.gate.approvers), words(f" ({row.gate.name})")]
    if row.status is StepStatus.UNKNOWN:
        return [head, words(": nobody can say whether it happened")]
    said = fault_text(without_answer(row.error)).sentence if row.error else "no reason was given."
    return [head, words(f" failed: {clip(one_line(said), LINE_MAX)}")]
