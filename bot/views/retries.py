"""Answers to those who retry a run: what is done again, or why nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.grammar import Retry, render
from bot.grammar.asks import Value
from bot.views import blocks
from bot.views.controls import refused as refused
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.reply import Reply, said
from bot.views.run_again import TO_FILL_IN, other_inputs_button, retry_button
from bot.views.scene import Scene
from bot.views.standing import off_line
from bot.views.starts import PROBLEMS_MAX, echoed, is_sensitive, problem_line
from bot.wording import listed
from engine.inputs import InputProblem
from store.model import Plan, RunStatus, StepKey

NAMED_MAX = 8


def retried(
    scene: Scene, redone: Sequence[StepKey], ask: Retry, changed: Sequence[str], before: str, address: str = ""
) -> Reply:
    """It is on disk; `before` is the version that the run followed until then."""
    run = scene.run
    titles = list(dict.fromkeys(scene.row_title(run.steps[key]) for key in redone if key in run.steps))
    named = escape(listed(_few(titles)), 500)
    again = f"Done again: {named}." if titles else "Nothing that was finished is done again."
    same = "It followed the newest version already." if ask.latest and run.version == before else ""
    version = "It goes on by the newest version." if run.version != before else same
    inputs = f"Changed: {listed([code(name) for name in changed[:NAMED_MAX]])}." if changed else ""
    when = "goes on when its turn has come" if run.status is RunStatus.QUEUED else "goes on"
    where = "" if ask.step or changed or run.version != before else " where it broke"
    more = " ".join(part for part in (version, inputs) if part)
    return said(f"{_run(scene, address)} {when}{where}. {again}", more, off_line(scene) if scene.off else "")


def not_retried(
    scene: Scene, plan: Plan, ask: Retry, problems: Sequence[InputProblem], prefix: str, address: str = ""
) -> Reply:
    """All problems at once, what was understood, and the line with what was good."""
    bad = {problem.name for problem in problems}
    good = tuple((name, _copied(plan, name, value)) for name, value in ask.given if name not in bad)
    offered = tuple((name, TO_FILL_IN) for name in plan.inputs if name in bad)
    line = render(replace(ask, run=scene.run.name, given=(*good, *offered)))
    return said(
        f"I did not retry {_run(scene, address)}; nothing was changed.",
        "\n".join(f"• {problem_line(problem)}" for problem in problems[:PROBLEMS_MAX]),
        understood(plan, ask),
        "Copy, complete and send:",
        copy=f"{prefix}{line}",
    )


def understood(plan: Plan, ask: Retry) -> str:
    """From where, by which version and with what, as it was read."""
    parts = [f"from {code(clip(ask.step, 80))}"] if ask.step else []
    parts += ["by the newest version"] if ask.latest else []
    parts += [f"{code(clip(name, 80))} = {echoed(plan.inputs.get(name), value)}" for name, value in ask.given]
    return f"Understood: {', '.join(parts)}" if parts else ""


def would_repeat(scene: Scene, repeats: Sequence[str], ask: Retry, prefix: str, address: str = "") -> Reply:
    """It repeats steps whose effect took place already: somebody has to mean it."""
    names = listed([escape(one_line(name), 100) for name in repeats[:NAMED_MAX]]) or "steps"
    told = (
        f"Retrying {_run(scene, address)} would do this once more, although it has happened or may have: {names}. "
        "Nothing was changed. Look at the other end first."
    )
    if ask.given:
        given = tuple((name, _copied(scene.plan, name, value)) for name, value in ask.given)
        line = render(replace(ask, run=scene.run.name, given=given, confirmed=True))
        return said(told, "If you mean it, send:", copy=f"{prefix}{line}")
    button = retry_button(scene.run, "Retry All the Same", anyway=True, step=ask.step, latest=ask.latest)
    return said(told, "If you mean it, press the button.", more=[blocks.actions(button)])


def form_missed(scene: Scene, action: str) -> Reply:
    """Slack did not open the window in time."""
    button = other_inputs_button(scene.run, latest=action.endswith("latest"))
    told = f"Slack did not open the form for {bold(scene.run.name)}; nothing was changed. Please try again."
    return said(told, more=[blocks.actions(button)])


def _copied(plan: Plan, name: str, value: Value) -> Value:
    return TO_FILL_IN if is_sensitive(plan.inputs.get(name)) else value


def _few(titles: Sequence[str]) -> list[str]:
    rest = len(titles) - NAMED_MAX
    return [*titles[:NAMED_MAX], f"{rest} more"] if rest > 0 else list(titles)


def _run(scene: Scene, address: str) -> str:
    return link(address, scene.run.name) if address else scene.run.name
