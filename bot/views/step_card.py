"""One step of a run in the live list: a card with its state in words."""

from __future__ import annotations

from collections.abc import Iterator

from bot.views.block_card import block_pieces, block_status, is_block
from bot.views.blocks import Block, CardStatus, Piece, link_piece, task_card, words
from bot.views.gate_words import choice_label, decided_by, verb_of
from bot.views.markup import clip, one_line
from bot.views.scene import Held, Scene, actor_piece, asked_pieces, when_piece
from bot.wording import EXPIRY_OUTCOMES, attempts_text, fault_text, length, without_answer
from store.model import Gate, GateState, RunStatus, Step, StepPlan, StepStatus

LINE_MAX = 200  # a card holds a line or two
SHOWN_FROM_MS = 1_000  # how long something took is worth a word from here on

CARD_STATUS: dict[StepStatus, CardStatus] = {
    StepStatus.PENDING: "pending",
    StepStatus.READY: "pending",
    StepStatus.RUNNING: "in_progress",
    StepStatus.WAITING: "in_progress",
    StepStatus.SUCCEEDED: "complete",
    StepStatus.FAILED: "error",
    StepStatus.SKIPPED: "complete",
    StepStatus.CANCELLED: "error",
    StepStatus.UNKNOWN: "error",
}


def step_cards(scene: Scene) -> list[Block]:
    """A card for each step of the workflow itself, in the order of the file, then for what is taken back and last.

    What stands in a block is told on the block's card.
    """
    steps = scene.run.steps
    main = [spec for spec in scene.plan.within("") if spec.phase == "main"]
    last = [spec for spec in scene.plan.within("") if spec.phase == "finally"]
    undoing = sorted((row for row in steps.values() if row.name.endswith(":undo")), key=lambda row: row.n)
    cards = [_card(scene, spec, steps[spec.name]) for spec in main if spec.name in steps]
    cards += [_card(scene, scene.plan.step(row.name), row) for row in undoing if scene.plan.knows(row.name)]
    return cards + [_card(scene, spec, steps[spec.name]) for spec in last if spec.name in steps and _speaks(scene)]


def _speaks(scene: Scene) -> bool:
    """The last steps are worth a line from the moment they can begin."""
    return scene.run.winding_up or scene.run.status.finished


def _card(scene: Scene, spec: StepPlan, step: Step) -> Block:
    title = scene.row_title(step)
    if is_block(spec):
        return task_card(step.key, title, block_status(scene, step), details=block_pieces(scene, spec, step))
    details, output = _lines(scene, spec, step)
    status = "error" if _ended_the_run(scene, step) else card_status(step)
    return task_card(step.key, title, status, details=[*_again_line(step, details), *details], output=output)


def card_status(step: Step) -> CardStatus:
    """A step between two attempts is under way for people, and one that never began did not go wrong."""
    if step.status is StepStatus.READY and step.attempt:
        return "in_progress"
    if step.status is StepStatus.CANCELLED and not step.attempt:
        return "pending"
    return CARD_STATUS[step.status]


def _ended_the_run(scene: Scene, step: Step) -> bool:
    """Whether this is the gate at which the run was turned down."""
    answered = step.gate is not None and step.gate.state in (GateState.REJECTED, GateState.EXPIRED)
    return answered and scene.run.outcome is RunStatus.REJECTED


def _again_line(step: Step, details: list[Piece]) -> list[Piece]:
    """That it is done again, for a step that was done before in this run."""
    if step.round == 1 or step.status in (StepStatus.SKIPPED, StepStatus.CANCELLED):
        return []
    return [words(f"Round {step.round}{' · ' if details else ''}")]


def _lines(scene: Scene, spec: StepPlan, step: Step) -> tuple[list[Piece], list[Piece]]:
    """What stands under the title: facts, and what came out of it."""
    match step.status:
        case StepStatus.PENDING:
            return [], []
        case StepStatus.READY if step.key in scene.held:
            return _in_line(scene.held[step.key]), []
        case StepStatus.READY:
            return (_again(spec, step), []) if step.attempt and step.failures + step.crashes else ([], [])
        case StepStatus.RUNNING:
            return ([words(_attempt(spec, step))] if step.failures + step.crashes else []), []
        case StepStatus.WAITING:
            return waiting_pieces(scene, step), []
        case StepStatus.SUCCEEDED:
            return [*_took(step), *child_pieces(scene, step)], _decided(scene, step)
        case StepStatus.FAILED:
            return [*_failed(spec, step), *child_pieces(scene, step)], []
        case StepStatus.SKIPPED:
            return [], [words(f"Skipped: {_line(step.reason)}" if step.reason.strip() else "Skipped")]
        case StepStatus.CANCELLED:
            return [words("Stopped" if step.attempt else "Not reached")], []
        case StepStatus.UNKNOWN:
            return [words("Nobody can say whether it happened. A person has to settle it.")], []


def waiting_pieces(scene: Scene, step: Step) -> list[Piece]:
    """For whom or what a step waits, and until when."""
    gate = step.gate
    if gate is not None and gate.state is GateState.OPEN:
        return [words("Waiting for "), *asked_pieces(scene, gate.approvers), *_until(gate)]
    if step.child is not None:
        return [words("Waiting for the end of "), *(child_pieces(scene, step, "") or [words("another run")])]
    if step.event:
        until = [words(", at most until "), when_piece(step.due_at)] if step.due_at is not None else []
        return [words(f"Waiting for {_line(step.event)}"), *until]
    return [words("Until "), when_piece(step.due_at)] if step.due_at is not None else [words("Waiting")]


def _until(gate: Gate) -> list[Piece]:
    if gate.overdue and gate.due_at is not None:
        return [words(", overdue since "), when_piece(gate.due_at)]
    if gate.due_at is not None:
        return [words(", due "), when_piece(gate.due_at)]
    return [words(", expires "), when_piece(gate.expires_at)]


def child_pieces(scene: Scene, step: Step, before: str = " · ") -> list[Piece]:
    """The run that the step started, as a link where it stands in Slack."""
    child = scene.kin.get(step.child) if step.child is not None else None
    if child is None:
        return []
    title = f"{clip(one_line(child.title), 80)} " if child.title else ""
    state = [words(f" ({child.state})")] if child.state else []
    if not child.address:
        return [words(f"{before}{title}{child.name}"), *state]
    lead = [words(f"{before}{title}")] if before or title else []
    return [*lead, link_piece(child.address, child.name), *state]


def _in_line(held: Held) -> list[Piece]:
    """For which endpoint the step waits, since when that is down, and what it said last."""
    if held.down_since is None:
        return [words(f"Waits for its turn at {held.endpoint}")]
    said = f". Its last answer: {_line(held.message)}" if held.message.strip() else ""
    return [words(f"Waits for {held.endpoint}, which is down since "), when_piece(held.down_since), words(said)]


def _decided(scene: Scene, step: Step) -> list[Piece]:
    gate = step.gate
    if gate is None:
        return []
    if gate.state is GateState.EXPIRED:
        return [words(f"Nobody decided in time. {EXPIRY_OUTCOMES[scene.gate_plan(step.name).on_expiry]}".strip())]
    by = decided_by(gate)
    if not by or gate.state is GateState.OPEN:
        return []
    chosen = f" “{_line(choice_label(gate, by[-1].choice))}”" if by[-1].choice else ""
    return [words(f"{verb_of(gate)}{chosen} by "), *_people(gate)]


def _people(gate: Gate) -> Iterator[Piece]:
    for position, decision in enumerate(decided_by(gate)):
        if position:
            yield words(", ")
        yield actor_piece(decision.actor)


def _again(spec: StepPlan, step: Step) -> list[Piece]:
    upcoming = f"Attempt {step.failures + step.crashes + 1}{_of(spec, step)}"
    pieces: list[Piece] = [words(upcoming)]
    if step.due_at is not None:
        pieces += [words(", again at "), when_piece(step.due_at)]
    if step.error is not None:
        pieces.append(words(f": {_line(without_answer(step.error).message)}"))
    return pieces


def _attempt(spec: StepPlan, step: Step) -> str:
    return f"Attempt {step.failures + step.crashes + 1}{_of(spec, step)}"


def _of(spec: StepPlan, step: Step) -> str:
    """How many there may be; not said when interruptions, which have their own budget, made the number higher."""
    return f" of {spec.retry.attempts}" if not step.crashes and step.failures < spec.retry.attempts else ""


def _took(step: Step) -> list[Piece]:
    if step.started_at is None or step.ended_at is None or step.gate is not None:
        return []
    took_ms = step.ended_at - step.started_at
    return [words(length(took_ms))] if took_ms >= SHOWN_FROM_MS else []


def _failed(spec: StepPlan, step: Step) -> list[Piece]:
    said = _line(fault_text(without_answer(step.error)).sentence) if step.error else "no reason was given."
    tries = f" {attempts_text(step.failures)}" if step.failures > 1 else ""
    went_on = " The run goes on without it." if spec.on_failure == "continue" else ""
    return [words(f"Failed{tries}: {said}{went_on}")]


def _line(text: str) -> str:
    return clip(one_line(text), LINE_MAX)
