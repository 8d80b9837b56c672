"""One step of a run in the live list: a card with its state in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.views.blocks import Block, CardStatus, Piece, task_card, words
from bot.views.markup import clip, one_line
from bot.views.scene import Scene, actor_piece, asked_pieces, when_piece
from bot.wording import EXPIRY_OUTCOMES, STEP_STATES, attempts_text, fault_text, length, without_answer
from store.model import Decision, Gate, GateState, RunStatus, Step, StepPlan, StepStatus

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
    """A card for each step of the plan, in the order of the file."""
    return [_card(scene, spec) for spec in scene.plan.steps if scene.steps_of(spec.name)]


def _card(scene: Scene, spec: StepPlan) -> Block:
    steps = scene.steps_of(spec.name)
    title = scene.step_title(spec.name)
    if len(steps) > 1 or steps[0].item is not None:
        return _items_card(spec.name, title, steps)
    step = steps[0]
    details, output = _lines(scene, spec, step)
    status = "error" if _ended_the_run(scene, step) else card_status(step)
    return task_card(spec.name, title, status, details=details, output=output)


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


def _lines(scene: Scene, spec: StepPlan, step: Step) -> tuple[list[Piece], list[Piece]]:
    """What stands under the title: facts, and what came out of it."""
    match step.status:
        case StepStatus.PENDING:
            return [], []
        case StepStatus.READY:
            return (_again(spec, step), []) if step.attempt else ([], [])
        case StepStatus.RUNNING:
            return ([words(_attempt(spec, step))] if step.attempt > 1 else []), []
        case StepStatus.WAITING:
            return waiting_pieces(scene, step), []
        case StepStatus.SUCCEEDED:
            return _took(step), _decided(scene, step.gate)
        case StepStatus.FAILED:
            return _failed(spec, step), []
        case StepStatus.SKIPPED:
            return [], [words(f"Skipped: {_line(step.reason)}" if step.reason.strip() else "Skipped")]
        case StepStatus.CANCELLED:
            return [words("Stopped" if step.attempt else "Not reached")], []
        case StepStatus.UNKNOWN:
            return [words("Nobody can say whether it happened. A person has to settle it.")], []


def waiting_pieces(scene: Scene, step: Step) -> list[Piece]:
    """For whom or what a step waits, and until when."""
    gate = step.gate
    if gate is None or gate.state is not GateState.OPEN:
        until = [words("Until "), when_piece(step.due_at)] if step.due_at is not None else [words("Waiting")]
        return until
    pieces = [words("Waiting for "), *asked_pieces(scene, gate.approvers)]
    if gate.overdue and gate.due_at is not None:
        return [*pieces, words(", overdue since "), when_piece(gate.due_at)]
    if gate.due_at is not None:
        return [*pieces, words(", due "), when_piece(gate.due_at)]
    return [*pieces, words(", expires "), when_piece(gate.expires_at)]


def decided_by(gate: Gate) -> list[Decision]:
    """The decisions that closed a gate: each person's last word, in order."""
    last = {decision.actor.id: decision for decision in gate.decisions}
    verdict = "reject" if gate.state is GateState.REJECTED else "approve"
    return [decision for decision in last.values() if decision.verdict == verdict]


def _decided(scene: Scene, gate: Gate | None) -> list[Piece]:
    if gate is None:
        return []
    if gate.state is GateState.EXPIRED:
        policy = next((spec.gate for spec in scene.plan.steps if spec.gate and _is_of(scene, spec, gate)), None)
        return [words(f"Nobody decided in time. {EXPIRY_OUTCOMES[policy.on_expiry] if policy else ''}".strip())]
    by = decided_by(gate)
    if not by:
        return []
    verb = "Rejected by " if gate.state is GateState.REJECTED else "Approved by "
    pieces: list[Piece] = [words(verb)]
    for position, decision in enumerate(by):
        pieces += [words(", ")] if position else []
        pieces.append(actor_piece(decision.actor))
    return pieces


def _is_of(scene: Scene, spec: StepPlan, gate: Gate) -> bool:
    return any(step.gate is gate for step in scene.steps_of(spec.name))


def _again(spec: StepPlan, step: Step) -> list[Piece]:
    upcoming = f"Attempt {step.attempt + 1}{_of(spec, step)}"
    pieces: list[Piece] = [words(upcoming)]
    if step.due_at is not None:
        pieces += [words(", again at "), when_piece(step.due_at)]
    if step.error is not None:
        pieces.append(words(f": {_line(without_answer(step.error).message)}"))
    return pieces


def _attempt(spec: StepPlan, step: Step) -> str:
    return f"Attempt {step.attempt}{_of(spec, step)}"


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


# Steps with items, and lists that are too long. ---------------------------------------------------------------------


def _items_card(task_id: str, title: str, steps: Sequence[Step]) -> Block:
    return task_card(task_id, title, _worst(steps), details=[words(_counts(steps))])


def _worst(steps: Sequence[Step]) -> CardStatus:
    """Under way as long as anything is; wrong only when all is over and something went wrong."""
    statuses = {card_status(step) for step in steps}
    if "in_progress" in statuses or ("pending" in statuses and "complete" in statuses):
        return "in_progress"
    return next(status for status in ("error", "pending", "complete") if status in statuses)


def _counts(steps: Sequence[Step]) -> str:
    counts = Counter(step.status for step in steps)
    parts = [f"{count:,} {STEP_STATES[status]}" for status, count in sorted(counts.items(), key=lambda one: -one[1])]
    return ", ".join(parts)
