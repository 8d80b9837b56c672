"""What is said to who names what is not there, or gives what does not fit: what is meant, and what to write."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

from bot.requests import Objection, Trouble
from engine.api import NotStarted
from engine.inputs import InputProblem
from engine.schedule_book import NoSuchSchedule
from store.model import Run


def unknown_workflow(name: str, known: Mapping[str, object]) -> Objection:
    close = get_close_matches(name.lower().replace("-", "_"), known, n=1)
    listed = ", ".join(sorted(known)) or "none; see `pointsman check`"
    return Objection(
        "unknown_workflow",
        f"I don't know a workflow called {name}.",
        f"Did you mean {close[0]}?" if close else f"There are: {listed}.",
        status=404,
    )


def unknown_step(run: Run, step: str) -> Objection:
    close = get_close_matches(step, run.steps, n=1)
    return Objection(
        "step_unknown_name",
        f"{run.name} has no step called {step}.",
        f"Did you mean {close[0]}?" if close else f"Its steps are: {', '.join(run.steps)}.",
        status=404,
    )


def unknown_event(run: Run, event: str, known: Collection[str]) -> Objection:
    close = get_close_matches(event, known, n=1)
    hint = f"Its steps wait for: {', '.join(sorted(known))}." if known else "None of its steps waits for an event."
    return Objection(
        "unknown_event",
        f"No step of {run.name} waits for an event called {event}.",
        f"Did you mean {close[0]}?" if close else hint,
        status=404,
    )


def unknown_schedule(error: NoSuchSchedule) -> Objection:
    wanted, ends = str(error), {one.rpartition("/")[2]: one for one in error.known}
    if len([one for one in error.known if one.rpartition("/")[2] == wanted]) > 1:
        both = ", ".join(error.known)
        return Objection("which_schedule", f"Several workflows have a schedule {wanted}.", f"Name one: {both}.")
    close = get_close_matches(wanted, [*error.known, *ends], n=1)
    meant = ends.get(close[0], close[0]) if close else ""
    listed = f"There are: {', '.join(error.known)}." if error.known else "There are none; see `pointsman schedules`."
    hint = f"Did you mean {meant}?" if meant else listed
    return Objection("unknown_schedule", f"There is no schedule {wanted}.", hint, status=404)


def unknown_endpoint(name: str, known: Sequence[str]) -> Objection:
    listed = f"Down are: {', '.join(known)}." if known else "None is down: each answered when it was asked last."
    return Objection("unknown_endpoint", f"No endpoint that is down is called {name}.", listed, status=404)


def bad_inputs(workflow: str, problems: Iterable[InputProblem]) -> Objection:
    """Every wrong input at once, each with its cure."""
    return _wrong("inputs_invalid", f"{workflow} cannot start", problems)


def bad_retry(run: Run, problems: Iterable[InputProblem]) -> Objection:
    return _wrong("inputs_invalid", f"{run.name} cannot go on with that", problems)


def bad_answer(gate: str, problems: Iterable[InputProblem]) -> Objection:
    return _wrong("content_invalid", f"That does not answer {gate}", problems)


def wrong_delivery(workflow: str, problems: Iterable[InputProblem]) -> Objection:
    return _wrong("inputs_invalid", f"{workflow} cannot be started with this delivery", problems)


def _wrong(code: str, what: str, problems: Iterable[InputProblem]) -> Objection:
    told = [Trouble(one.name, one.message, one.hint) for one in problems]
    message = "; ".join(one.message.rstrip(".") for one in told)
    hints = " ".join(dict.fromkeys(one.hint for one in told if one.hint))
    return Objection(code, f"{what}: {message}.", hints, status=422, problems=told)


def not_started(refused: NotStarted) -> Objection:
    return Objection("not_started", refused.message, refused.hint, status=409)
