"""Answers to those who retry, pause or resume a run."""

from __future__ import annotations

from bot.views.markup import escape, link, one_line
from bot.views.reply import Reply, said
from bot.views.run_words import ending_text
from bot.views.scene import Scene, actor_markup, asked_markup
from bot.wording import Circumstances, refusal_text
from engine.rules.commands import Refusal
from store.model import Millis, Run, RunStatus

NAMED_MAX = 8


def done(what: str, scene: Scene, address: str = "") -> Reply:
    """It is on disk; the run's message follows."""
    run = _run(scene.run, address)
    match what:
        case "retried" if scene.run.status is RunStatus.QUEUED:
            return said(f"{run} goes on when its turn has come; as many runs are open as may be.")
        case "retried":
            return said(f"{run} goes on; its message shows how it gets on.")
        case "paused":
            return said(f"{run} is paused: nothing more is started until somebody resumes it.")
        case _:
            return said(f"{run} goes on.")


def may_not(verb: str, scene: Scene, address: str = "") -> Reply:
    """Names those who may."""
    others = [one for one in scene.workflow.access.control if one != "members"]
    requester = actor_markup(scene.run.requester)
    who = f"{requester} or {asked_markup(scene, others)}" if others else requester
    return said(f"Only {who} may {verb} {_run(scene.run, address)}. Nothing was changed.")


def refused(scene: Scene, refusal: Refusal, now: Millis, step: str = "", address: str = "") -> Reply:
    """Why it was not done."""
    run = scene.run
    ended = None if run.ended_at is None else now - run.ended_at
    if refusal is Refusal.RUN_ENDING:
        return said(f"{_run(run, address)} is ending already: {ending_text(scene)}. Nothing was changed.")
    if refusal is Refusal.RUN_PAUSED:
        return said(f"{_run(run, address)} is paused already. `resume {run.name}` lets it go on.")
    about = Circumstances(
        run=_run(run, address),
        step=f"“{escape(one_line(step), 80)}”",
        steps=[escape(one_line(name), 80) for name in list(run.steps)[:NAMED_MAX]],
        ago_ms=ended,
    )
    return said(refusal_text(refusal, about))


def _run(run: Run, address: str) -> str:
    return link(address, run.name) if address else run.name
