"""Gates and unknown effects: what an operator decides in other people's place, on record and with a reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot.cli.exits import Exit, fail, reported
from bot.cli.options import AsJson, Confirm, Reason, RunRef
from bot.cli.runs import act, pairs

if TYPE_CHECKING:
    from bot.requests import Settle

Gate = Annotated[str, typer.Argument(metavar="[STEP]", help="The step that waits; may be left out when just one does.")]
NamedGate = Annotated[str, typer.Argument(metavar="STEP", help="The step that waits.", show_default=False)]
Verdict = Literal["approve", "reject", "changes", "choose", "answer"]
Override = Annotated[
    str,
    typer.Option("--override", metavar="REASON", help="Why you decide in the approvers' place. The owner is told."),
]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="A word to the requester.")]


def approve(
    run: RunRef, step: Gate = "", override: Override = "", comment: Comment = "", as_json: AsJson = False
) -> None:
    """Approve at a gate in the approvers' place; asks for --override REASON."""
    _decide(run, step, "approve", override, comment, as_json)


def reject(
    run: RunRef,
    step: Gate = "",
    override: Override = "",
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is rejected.")] = "",
    comment: Comment = "",
    as_json: AsJson = False,
) -> None:
    """Reject at a gate in the approvers' place; asks for --override REASON."""
    _decide(run, step, "reject", override, reason or comment, as_json)


def changes(
    run: RunRef,
    step: NamedGate,
    comment: Annotated[str, typer.Argument(metavar="COMMENT", help="What is to be done.", show_default=False)],
    override: Override = "",
    confirm: Confirm = False,
    as_json: AsJson = False,
) -> None:
    """Send back what a gate shows, with what is to be done, in the approvers' place."""
    _decide(run, step, "changes", override, comment, as_json, confirm=confirm)


def answer(
    run: RunRef,
    step: NamedGate,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="CHOICE|KEY=VALUE...", help="One of the choices, or the form's fields."),
    ] = None,
    override: Override = "",
    comment: Comment = "",
    as_json: AsJson = False,
) -> None:
    """Answer a question or fill in a form in the approvers' place."""
    words = values or []
    if len(words) == 1 and "=" not in words[0]:
        _decide(run, step, "choose", override, comment, as_json, choice=words[0])
        return
    with reported(as_json):
        content = pairs(words)
    _decide(run, step, "answer", override, comment, as_json, content=content, typed=False)


def _decide(run: str, step: str, verdict: Verdict, override: str, comment: str, as_json: bool, **more: Any) -> None:
    from bot.requests import Decide

    with reported(as_json):
        request = Decide(ref=run, step=step, verdict=verdict, comment=comment, override=override, **more)
    act(request, as_json)


def settle(
    run: RunRef,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The step whose effect is unknown.", show_default=False)],
    happened: Annotated[
        bool, typer.Option("--happened", help="It happened; give what came of it as --output.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="It did not happen: run the step again.")] = False,
    fails: Annotated[bool, typer.Option("--fail", help="Fail the run.")] = False,
    output: Annotated[str, typer.Option("--output", metavar="JSON", help="The step's output, with --happened.")] = "",
    override: Override = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Say what became of an effect that nobody can be sure of: --happened, --again or --fail."""
    with reported(as_json):
        request = _settlement(run, step, (happened, again, fails), output, reason or override, as_json)
    act(request, as_json)


def _settlement(
    run: str, step: str, chosen: tuple[bool, bool, bool], output: str, reason: str, as_json: bool
) -> Settle:
    from bot.requests import Settle

    if sum(chosen) != 1:
        fail(
            Exit.USAGE,
            "which_answer",
            "What became of it?",
            "Give exactly one of --happened, --again and --fail.",
            as_json=as_json,
        )
    answers: tuple[Literal["happened"], Literal["again"], Literal["fail"]] = ("happened", "again", "fail")
    answer = answers[chosen.index(True)]
    if output and answer != "happened":
        fail(Exit.USAGE, "bad_output", "--output goes with --happened only.", "Leave it out.", as_json=as_json)
    try:
        value = json.loads(output) if output else None
    except ValueError as error:
        fail(
            Exit.USAGE,
            "bad_output",
            f"--output is not JSON: {error}.",
            'Write for instance {"id": 7}.',
            as_json=as_json,
        )
    return Settle(ref=run, step=step, answer=answer, output=value, reason=reason)


def register(app: typer.Typer) -> None:
    app.command()(approve)
    app.command()(reject)
    app.command()(changes)
    app.command()(answer)
    app.command()(settle)
