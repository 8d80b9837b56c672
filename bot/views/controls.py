"""Answers to those who retry, pause or resume a run."""

from __future__ import annotations

from collections.abc import Sequence

from bot.views import blocks
from bot.views.markup import escape, link, one_line
from bot.views.reply import Reply, said
from bot.views.run_again import retry_button
from bot.views.run_words import ending_text
from bot.views.scene import Scene, actor_markup, asked_markup
from bot.wording import Circumstances, listed, refusal_text
from engine.rules.commands import Refusal
from store.model import Millis, Run

NAMED_MAX = 8


def done(what: str, scene: Scene, address: str = "") -> Reply:
    """It is on disk; the run's message follows."""
    run = _run(scene.run, address)
    match what:
        case "retried":
            return said(f"{run} goes on where it broke; its message shows how it gets on.")
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


def would_repeat(scene: Scene, repeats: Sequence[str], step: str, address: str = "") -> Reply:
    """It repeats steps whose effect took place already: somebody has to mean it."""
    names = listed([escape(one_line(name), 100) for name in repeats[:NAMED_MAX]]) or "steps"
    button = retry_button(scene.run, "Retry All the Same", anyway=True, step=step)
    return said(
        f"Retrying {_run(scene.run, address)} would do this once more, although it has happened or may have: {names}. "
        "Nothing was changed. Look at the other end first.",
        "If you mean it, press the button.",
        more=[blocks.actions(button)],
    )


def _run(run: Run, address: str) -> str:
    return link(address, run.name) if address else run.name
