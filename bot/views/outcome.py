"""The last word in a run's thread, to whoever started it: what came of it, why, and what can be done."""

from __future__ import annotations

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.gate_card import outcome_line
from bot.views.markup import bold, clip, escape, is_web_link, link, one_line, visible
from bot.views.run_words import after, because, culprit, in_words, who_said_no
from bot.views.scene import Rendering, Scene, actor_markup, asked_markup
from bot.wording import attempts_text, fault_text, titled, without_answer
from store.model import Failure, GateState, Run, RunStatus, Step, StepStatus

OUTPUT_MAX = 300
OUTPUTS_MAX = 10
EVIDENCE_MAX = 600
_TELLING = ("stderr", "body", "printed", "error", "answer", "stdout")  # parts of a failure's detail, the best first


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


def failure_lines(scene: Scene, *, beside_evidence: bool) -> list[str]:
    """What failed and why, and what to do about it, as markup."""
    step, error = failed_step(scene), scene.run.error or Failure("failed", "")
    said = fault_text(without_answer(error) if beside_evidence else error)
    tries = attempts_text(step.failures) if step else ""
    why = escape(one_line(said.sentence), 1_000)
    return [
        f"{why[:-1]} {tries}." if tries and why.endswith(".") else why,
        *([escape(said.hint, 500)] if said.hint else []),
    ]


def evidence(scene: Scene) -> list[Block]:
    """The last lines of what the other end, or the step's own code, had to say about a failure."""
    detail = scene.run.error.detail if scene.run.error else None
    if not isinstance(detail, dict):
        return []
    said = next((detail[name] for name in _TELLING if isinstance(detail.get(name), str) and detail[name].strip()), "")
    lines = visible(said).strip()
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
            return _outputs(scene)
        case RunStatus.FAILED if not scene.workflow.alerts_failed:
            return evidence(scene)
        case _:
            return []


def _address(scene: Scene) -> str:
    requester = scene.run.requester
    return f"{actor_markup(requester)} " if requester.kind == "person" else ""


def _title(scene: Scene) -> str:
    return bold(clip(one_line(scene.title), 150))


def _succeeded(scene: Scene) -> list[str]:
    run = scene.run
    lines = [f"{_title(scene)} is done{after(run)}.{_approved_by(scene)}"]
    if run.warnings:
        titles = [scene.step_title(step.name) for step in run.steps.values() if step.status is StepStatus.FAILED]
        lines.append(f"With warnings: {escape(', '.join(titles[:5]), 500)} failed, and the run went on without.")
    return lines


def _failed(scene: Scene) -> list[str]:
    place = culprit(scene)
    at = f" at {bold(place)}" if place else ""
    lines = [f"{_title(scene)} failed{at}.", *failure_lines(scene, beside_evidence=not scene.workflow.alerts_failed)]
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


def _outputs(scene: Scene) -> list[Block]:
    outputs = scene.value(scene.run.outputs)
    if not isinstance(outputs, dict):
        return []
    given = [(name, value) for name, value in outputs.items() if value not in (None, "", [], {})]
    pairs = [(titled(name), _value(in_words(value))) for name, value in given[:OUTPUTS_MAX]]
    return [blocks.fields(pairs)] if pairs else []


def _value(text: str) -> str:
    return link(text) if is_web_link(text) else escape(one_line(text), OUTPUT_MAX)
