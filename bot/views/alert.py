"""What the people hear who keep a workflow: it failed, it stands still, or nobody knows whether a step took effect."""

from __future__ import annotations

from collections.abc import Sequence

from bot.views import blocks
from bot.views.blocks import Block
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.outcome import evidence, failure_advice, failure_reason
from bot.views.past import Pause
from bot.views.run_again import run_again
from bot.views.run_message import root_key
from bot.views.run_words import culprit
from bot.views.scene import Rendering, Scene, actor_markup, asked_markup, when
from bot.wording import fault_text
from store.events import StepSettled
from store.model import StepKey

OPEN = "run_open"  # leads to an address: there is nothing to answer
STATUS = "run_details"

SETTLED = {
    "happened": "It happened; the run goes on.",
    "again": "It did not happen; it is run again.",
    "fail": "The step is counted as failed.",
}


def failed_key(run_id: str) -> str:
    return f"alert:{run_id}:failed"


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
        blocks.section("\n".join([title, reason])),
        *evidence(scene),
        *run_again(scene, *advice),
        _ways(scene),
        blocks.context(*(part for part in (_owner(scene), _started(scene), _trace(scene)) if part)),
    ]
    return Rendering(_fallback([title, reason, *advice]), tuple(_present(shown)))


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
    return _rendering([blocks.section("\n".join([title, why, *_resume_lines(run.name)])), _ways(scene), context])


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


def _ways(scene: Scene) -> Block:
    """To the run, and to how it stands."""
    run, address = scene.run, scene.links.get(root_key(scene.run), "")
    open_it = blocks.button("Open the Run", OPEN, run.id, url=address, label=f"Open {run.name}")
    status = blocks.button("Status", STATUS, run.id, label=f"Status of {run.name}")
    return blocks.actions(*([open_it] if address else []), status, block_id=f"ways:{run.name}:{run.status}")


def _settle_lines(run: str, step: StepKey) -> list[str]:
    command = f"pointsman settle {run} {step}"
    return [
        "Look at the other end, then type one of these:",
        f"• {code(f'{command} --happened')}  it happened: go on",
        f"• {code(f'{command} --again')}  it did not: run it again",
        f"• {code(f'{command} --fail')}  give it up: count it as failed",
    ]


def _resume_lines(run: str) -> list[str]:
    return [
        "When the cause is gone, type one of these:",
        f"• {code(f'pointsman resume {run}')}  go on",
        f"• {code(f'pointsman cancel {run}')}  give it up",
    ]


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
