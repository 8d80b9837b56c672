"""The last word in a run's thread, to whoever started it: what came of it, why, and what can be done."""

from __future__ import annotations

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.gate_words import outcome_line
from bot.views.markup import bold, clip, escape, one_line, visible
from bot.views.past import Ending
from bot.views.run_again import retry_button, retry_buttons, retry_label, run_again
from bot.views.run_words import (
    because,
    culprit,
    done,
    drawn_outputs,
    failed_step,
    output_lines,
    turned_down,
    who_said_no,
)
from bot.views.scene import Rendering, Scene, actor_markup, asked_markup, when
from bot.wording import attempts_text, fault_text, listed, titled, without_answer
from store.model import Failure, GateState, Run, RunStatus, Step, StepStatus, changed

EVIDENCE_MAX = 600
DRAWN_MAX = 3
_TELLING = ("stderr", "body", "printed", "error", "answer", "stdout")  # parts of a failure's detail, the best first
NO_REASON = Failure("failed", "")


def end_key(run: Run, n: int = 1) -> str:
    """The key of the reply to the run's n-th ending."""
    return f"end:{run.id}:{n}"


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


def _below(scene: Scene) -> list[Block]:
    match scene.run.status:
        case RunStatus.SUCCEEDED:
            lines = output_lines(scene)
            return [*([blocks.section("\n".join(lines))] if lines else []), *_drawn(scene)]
        case RunStatus.FAILED:
            retry = retry_buttons(scene, retry_label(culprit(scene)))
            ways = blocks.actions(*retry, block_id=f"retry:{scene.run.name}")
            return [*evidence(scene), *run_again(scene, *failure_advice(scene)), ways]
        case RunStatus.REJECTED if _nobody_decided(scene):
            return [blocks.actions(retry_button(scene.run, "Ask Again"), block_id=f"retry:{scene.run.name}")]
        case _:
            return []


def _drawn(scene: Scene) -> list[Block]:
    """Tables and charts that came out of it, as they were drawn."""
    return [
        blocks.rich_text(blocks.rich_section(blocks.words(titled(name), bold=True)), blocks.rich_preformatted(text))
        for name, text in drawn_outputs(scene)[:DRAWN_MAX]
    ]


def undo_lines(scene: Scene) -> list[str]:
    """What was taken back, and what could not be."""
    rows = [step for step in scene.run.steps.values() if step.name.endswith(":undo")]
    taken = [_undone(scene, step) for step in rows if step.status is StepStatus.SUCCEEDED]
    stays = [_undone(scene, step) for step in rows if step.status in (StepStatus.FAILED, StepStatus.UNKNOWN)]
    lines = [f"Taken back: {escape(listed(taken[:5]), 400)}{_beyond(taken)}."] if taken else []
    return lines + (
        ["*Could not be taken back:* " + f"{escape(listed(stays[:5]), 400)}{_beyond(stays)}."] if stays else []
    )


def _undone(scene: Scene, undo: Step) -> str:
    return scene.row_title(changed(undo, name=undo.name.removesuffix(":undo")))


def _beyond(names: list[str]) -> str:
    return f" and {len(names) - 5} more" if len(names) > 5 else ""


def reopened(scene: Scene, ending: Ending) -> Rendering:
    """What the reply to an earlier ending says afterwards: how it was, and who let the run go on."""
    how = f"{_address(scene)}{_title(scene)} {_ENDED.get(ending.status, 'ended')}"
    why = fault_text(without_answer(ending.error)).sentence if ending.error else ending.reason
    said = "\n".join(part for part in (f"{how}.", escape(one_line(why), 1_000)) if part)
    after = blocks.context(reopened_line(ending))
    return Rendering(clip(said.replace("*", ""), blocks.FALLBACK_MAX), (blocks.section(said), after))


def reopened_line(ending: Ending) -> str:
    """`Retried by @Mina 15:20`"""
    who = f" by {actor_markup(ending.reopened_by)}" if ending.reopened_by else ""
    at = f" {when(ending.reopened_at)}" if ending.reopened_at is not None else ""
    return f"Retried{who}{at}."


_ENDED = {
    RunStatus.SUCCEEDED: "was done",
    RunStatus.FAILED: "failed",
    RunStatus.REJECTED: "was rejected",
    RunStatus.CANCELLED: "was cancelled",
}


def _nobody_decided(scene: Scene) -> bool:
    step = turned_down(scene)
    return step is not None and step.gate is not None and step.gate.state is GateState.EXPIRED


def _address(scene: Scene) -> str:
    requester = scene.run.requester
    return f"{actor_markup(requester)} " if requester.kind == "person" else ""


def _title(scene: Scene) -> str:
    return bold(clip(one_line(scene.title), 150))


def _succeeded(scene: Scene) -> list[str]:
    run = scene.run
    lines = [f"{_title(scene)}: {done(run)}.{_approved_by(scene)}"]
    if run.warnings:
        broken = (step.name for step in run.steps.values() if step.status is StepStatus.FAILED)
        titles = list(dict.fromkeys(scene.step_title(name) for name in broken))
        lines.append(f"{escape(listed(titles[:5]), 500)} failed, and the run went on without.")
    return lines


def _failed(scene: Scene) -> list[str]:
    place = culprit(scene)
    at = f" at {bold(place)}" if place else ""
    lines = [f"{_title(scene)} failed{at}.", failure_reason(scene, beside_evidence=True)]
    lines += undo_lines(scene)
    owner = scene.workflow.owner
    if owner and not scene.workflow.alerts_failed:
        lines.append(f"Owner: {asked_markup(scene, [owner])}")
    return lines


def _rejected(scene: Scene) -> list[str]:
    place = culprit(scene)
    at = f" at {bold(place)}" if place else ""
    step = turned_down(scene)
    if step is not None and step.gate is not None:
        why = who_said_no(scene) or outcome_line(scene, step.key, step.gate)
        return [f"{_title(scene)} was rejected{at}.", why, *undo_lines(scene)]
    return [f"{_title(scene)} was rejected{at}{because(scene.run)}", *undo_lines(scene)]


def _cancelled(scene: Scene) -> list[str]:
    by = scene.past.cancelled_by
    who = f" by {actor_markup(by)}" if by and by != scene.run.requester else ""
    return [f"{_title(scene)} was cancelled{who}{because(scene.run) or '.'}", *undo_lines(scene)]


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
