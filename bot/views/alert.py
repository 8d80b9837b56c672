"""What the people hear who keep a workflow: it failed, it stands still, or nobody knows whether a step took effect."""

from __future__ import annotations

from collections.abc import Sequence

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.outcome import evidence, failure_advice, failure_reason, reopened_line, undo_lines
from bot.views.past import Ending, Pause
from bot.views.run_again import retry_buttons, retry_label, run_again
from bot.views.run_message import root_key
from bot.views.run_words import culprit
from bot.views.scene import Rendering, Scene, actor_markup, asked_markup, when
from bot.wording import fault_text, without_answer
from store.events import StepSettled
from store.model import Run, RunStatus, StepKey

OPEN = "run_open"  # leads to an address: there is nothing to answer
STATUS = "run_details"
RESUME = "run_resume"

SETTLED = {
    "happened": "It happened; the run goes on.",
    "again": "It did not happen; it is run again.",
    "fail": "The step is counted as failed.",
}


def failed_key(run_id: str, n: int = 1) -> str:
    """The key of the alert about the run's n-th ending."""
    return f"alert:{run_id}:failed" if n == 1 else f"alert:{run_id}:failed:{n}"


def paused_key(run_id: str, n: int) -> str:
    """The key of the notice of the n-th time that this run was paused."""
    return f"alert:{run_id}:paused:{n}"


def unknown_key(run_id: str, step: StepKey, attempt: int) -> str:
    return f"alert:{run_id}:unknown:{attempt}:{step}"


def failure_alert(scene: Scene) -> Rendering:
    """A run failed: where, why, what was said about it, what to do, and whom it concerns."""
    place = culprit(scene)
    title = f"{_title(scene)} failed{f' at {bold(place)}' if place else ''} · {_run_link(scene)}"
    reason, advice = failure_reason(scene, beside_evidence=True), failure_advice(scene)
    shown: list[Block] = [
        blocks.section("\n".join([title, reason, *undo_lines(scene)])),
        *evidence(scene),
        *run_again(scene, *advice),
        _ways(scene, *retry_buttons(scene, retry_label(place))),
        blocks.context(*(part for part in (_owner(scene), _started(scene), _trace(scene)) if part)),
    ]
    return Rendering(_fallback([title, reason, *advice]), tuple(_present(shown)))


def recovered_alert(scene: Scene, ending: Ending) -> Rendering:
    """What the alert about an earlier failure says afterwards: who let the run go on, and what came of it."""
    run = scene.run
    why = fault_text(without_answer(ending.error)).sentence if ending.error else "It failed."
    match run.status:
        case RunStatus.SUCCEEDED:
            at = f" {when(run.ended_at)}" if run.ended_at is not None else ""
            after = f"*Recovered*{at}. {reopened_line(ending)}"
        case RunStatus.FAILED:
            after = f"{reopened_line(ending)} It failed again."
        case RunStatus.REJECTED | RunStatus.CANCELLED:
            after = f"{reopened_line(ending)} Then it was {run.status}."
        case _:
            after = f"{reopened_line(ending)} It is under way."
    head = f"{_title(scene)} failed · {_run_link(scene)}\n{escape(one_line(why), 1_000)}"
    return _rendering([blocks.section(head), blocks.context(after)])


def paused_notice(scene: Scene, pause: Pause) -> Rendering:
    """A run stands still until somebody resumes it; afterwards, that it goes on."""
    run = scene.run
    title = f"{_title(scene)} is paused · {_run_link(scene)}"
    why = escape(one_line(pause.reason), 1_000) or "No reason was given."
    if pause.resumed_at is not None or run.status.finished:
        after = f"Resumed{_by(pause)}" if pause.resumed_at is not None else "The run has ended since."
        return _rendering(
            [blocks.section(f"{_title(scene)} was paused · {_run_link(scene)}\n{why}"), blocks.context(after)]
        )
    since = f"Paused {when(pause.at)} by {actor_markup(pause.actor)}"
    context = blocks.context(*(part for part in (_owner(scene), since, _trace(scene)) if part))
    said = blocks.section("\n".join([title, why, _resume_line(run.name)]))
    return _rendering([said, _ways(scene, resume_button(run)), context])


def unknown_notice(scene: Scene, step: StepKey, settled: StepSettled | None) -> Rendering:
    """Nobody can say whether a step's effect took place; afterwards, what a person said."""
    run = scene.run
    standing = run.steps.get(step)
    name = scene.step_title(standing.name) if standing else step
    title = f"Did {bold(name)} of {_title(scene)} happen? · {_run_link(scene)}"
    if settled is not None:
        who = f"Settled by {actor_markup(settled.actor)} {when(settled.at)}. {SETTLED[settled.answer]}"
        reason = f" “{escape(one_line(settled.reason), 400)}”" if settled.reason.strip() else ""
        return _rendering([blocks.section(title), blocks.context(who + reason)])
    error = standing.error if standing else None
    why = escape(one_line(fault_text(error).sentence), 1_000) if error else "It was cut off before it could report."
    if run.status.finished:
        return _rendering([blocks.section(f"{title}\n{why}\nThe run has ended; please look for yourself.")])
    return _rendering(
        [
            blocks.section(f"{title}\n{why}\nIt may have happened or not, and is not repeated unless you say so."),
            blocks.section("\n".join(_settle_lines(run.name, step))),
            _ways(scene),
            blocks.context(*(part for part in (_owner(scene), _trace(scene)) if part)),
        ]
    )


def _ways(scene: Scene, *more: blocks.Element) -> Block:
    """What can be done at once, then to the run, and to how it stands."""
    run, address = scene.run, scene.links.get(root_key(scene.run), "")
    open_it = blocks.button("Open the Run", OPEN, run.id, url=address, label=f"Open {run.name}")
    status = blocks.button("Status", STATUS, run.id, label=f"Status of {run.name}")
    return blocks.actions(*more, *([open_it] if address else []), status, block_id=f"ways:{run.name}:{run.status}")


def _settle_lines(run: str, step: StepKey) -> list[str]:
    command = f"pointsman settle {run} {step}"
    return [
        "Look at the other end, then type one of these:",
        f"• {code(f'{command} --happened')}  it happened: go on",
        f"• {code(f'{command} --again')}  it did not: run it again",
        f"• {code(f'{command} --fail')}  give it up: count it as failed",
    ]


def _resume_line(run: str) -> str:
    resume, cancel = code(f"/flow resume {run}"), code(f"/flow cancel {run}")
    return f"When the cause is gone, {resume} lets it go on; {cancel} gives it up."


def resume_button(run: Run) -> blocks.Element:
    return blocks.button("Resume", RESUME, run.id, style="primary", label=f"Resume {run.name}")


def _by(pause: Pause) -> str:
    who = f" by {actor_markup(pause.resumed_by)}" if pause.resumed_by else ""
    return f"{who} {when(pause.resumed_at)}" if pause.resumed_at is not None else who


def _title(scene: Scene) -> str:
    return bold(clip(one_line(scene.title), 150))


def _run_link(scene: Scene) -> str:
    address = scene.links.get(root_key(scene.run), "")
    return link(address, scene.run.name) if address else escape(scene.run.name)


def _owner(scene: Scene) -> str:
    owner = scene.workflow.owner
    return f"Owner: {asked_markup(scene, [owner])}" if owner else ""


def _started(scene: Scene) -> str:
    return f"Started by {actor_markup(scene.run.requester)} {when(scene.run.created_at)}"


def _trace(scene: Scene) -> str:
    return f"Trace {code(scene.run.trace_id)}" if scene.run.trace_id else ""


def _rendering(shown: list[Block]) -> Rendering:
    said = [block["text"]["text"] for block in shown if block["type"] == "section"]
    return Rendering(_fallback(said), tuple(_present(shown)))


def _fallback(said: Sequence[str]) -> str:
    return clip("\n".join(said).replace("*", ""), blocks.FALLBACK_MAX)


def _present(shown: Sequence[Block]) -> list[Block]:
    """Without what turned out to be empty."""
    return [block for block in shown if block.get("elements", True)]
