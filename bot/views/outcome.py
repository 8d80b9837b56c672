"""The last word in a run's thread, to whoever started it: what came of it, why, and what can be done."""

from __future__ import annotations

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.gate_card import outcome_line
from bot.views.markup import bold, clip, escape, one_line, visible
from bot.views.run_again import run_again
from bot.views.run_words import because, culprit, done, output_lines, who_said_no
from bot.views.scene import Rendering, Scene, actor_markup, asked_markup
from bot.wording import attempts_text, fault_text, listed, without_answer
from store.model import Failure, GateState, Run, RunStatus, Step, StepStatus

EVIDENCE_MAX = 600
_TELLING = ("stderr", "body", "printed", "error", "answer", "stdout")  # parts of a failure's detail, the best first
NO_REASON = Failure("failed", "")


def end_key(run: Run) -> str:
    """The key of the reply's anchor."""
    return f"end:{run.id}:1"


def outcome(scene: Scene) -> Rendering:
    """The reply for a run that has ended."""
    run = scene.run
    lines = {
        RunStatus.SUCCEEDED: _succeeded,
        RunStatus.FAILED: _failed,
        RunStatus.REJECTED: _rejected,
        RunStatus.CANCELLED: _cancelled,
    }[run.status](scene)
    said = "\n".join([f"{_address(scene)}{lines[0]}", *lines[1:]])
    shown: list[Block] = [blocks.section(said), *_below(scene)]
    return Rendering(text=clip(said.replace("*", ""), blocks.FALLBACK_MAX), blocks=tuple(shown))


def failure_lines(scene: Scene) -> list[str]:
    """What failed and why, and what to do about it, as markup."""
    return [failure_reason(scene, beside_evidence=False), *failure_advice(scene)]


def failure_reason(scene: Scene, *, beside_evidence: bool) -> str:
    """What failed, and why; without what the evidence beside it tells."""
    step, error = failed_step(scene), scene.run.error or NO_REASON
    said = fault_text(without_answer(error) if beside_evidence else error)
    tries = attempts_text(step.failures) if step else ""
    why = escape(one_line(said.sentence), 1_000)
    return f"{why[:-1]} {tries}." if tries and why.endswith(".") else why


def failure_advice(scene: Scene) -> list[str]:
    """What to do about it, when there is something to say."""
    hint = fault_text(scene.run.error or NO_REASON).hint
    return [escape(one_line(hint), 500)] if hint.strip() else []


def evidence(scene: Scene) -> list[Block]:
    """The last lines of what the other end, or the step's own code, said and the reason does not tell already."""
    error = scene.run.error
    detail = error.detail if error else None
    if error is None or not isinstance(detail, dict):
        return []
    told = one_line(without_answer(error).message)
    found = (visible(detail[name]).strip() for name in _TELLING if isinstance(detail.get(name), str))
    lines = next((text for text in found if text and one_line(text) not in told), "")
    last = f"…{lines[-EVIDENCE_MAX:]}" if len(lines) > EVIDENCE_MAX else lines
    return [blocks.rich_text(blocks.rich_preformatted(last))] if last else []


def failed_step(scene: Scene) -> Step | None:
    """The step whose failure ended the run."""
    return next(
        (
            step
            for spec in scene.plan.steps
            for step in scene.steps_of(spec.name)
            if step.status is StepStatus.FAILED and spec.on_failure == "stop"
        ),
        None,
    )


def _below(scene: Scene) -> list[Block]:
    match scene.run.status:
        case RunStatus.SUCCEEDED:
            lines = output_lines(scene)
            return [blocks.section("\n".join(lines))] if lines else []
        case RunStatus.FAILED:
            return [*evidence(scene), *run_again(scene, *failure_advice(scene))]
        case _:
            return []


def _address(scene: Scene) -> str:
    requester = scene.run.requester
    return f"{actor_markup(requester)} " if requester.kind == "person" else ""


def _title(scene: Scene) -> str:
    return bold(clip(one_line(scene.title), 150))


def _succeeded(scene: Scene) -> list[str]:
    run = scene.run
    lines = [f"{_title(scene)}: {done(run)}.{_approved_by(scene)}"]
    if run.warnings:
        titles = [scene.step_title(step.name) for step in run.steps.values() if step.status is StepStatus.FAILED]
        lines.append(f"{escape(listed(titles[:5]), 500)} failed, and the run went on without.")
    return lines


def _failed(scene: Scene) -> list[str]:
    place = culprit(scene)
    at = f" at {bold(place)}" if place else ""
    lines = [f"{_title(scene)} failed{at}.", failure_reason(scene, beside_evidence=True)]
    owner = scene.workflow.owner
    if owner and not scene.workflow.alerts_failed:
        lines.append(f"Owner: {asked_markup(scene, [owner])}")
    return lines


def _rejected(scene: Scene) -> list[str]:
    place = culprit(scene)
    at = f" at {bold(place)}" if place else ""
    for step in scene.run.steps.values():
        if step.gate is not None and step.gate.state in (GateState.REJECTED, GateState.EXPIRED):
            return [
                f"{_title(scene)} was rejected{at}.",
                who_said_no(scene) or outcome_line(scene, step.key, step.gate),
            ]
    return [f"{_title(scene)} was rejected{at}{because(scene.run)}"]


def _cancelled(scene: Scene) -> list[str]:
    by = scene.past.cancelled_by
    who = f" by {actor_markup(by)}" if by and by != scene.run.requester else ""
    return [f"{_title(scene)} was cancelled{who}{because(scene.run) or '.'}"]


def _approved_by(scene: Scene) -> str:
    """Who let it pass; the details stand on the cards above."""
    people = {
        decision.actor.id: actor_markup(decision.actor)
        for step in scene.run.steps.values()
        if step.gate is not None and step.gate.state is GateState.APPROVED
        for decision in step.gate.decisions
        if decision.verdict == "approve"
    }
    return f" Approved by {', '.join(list(people.values())[:10])}." if people else ""
