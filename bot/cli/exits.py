"""How a command ends: exit codes, and errors in the words of the one table that Slack and the API use too."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from bot.requests import Objection


class Exit(IntEnum):
    """The documented exit codes."""

    GOOD = 0
    FAILED = 1  # the run or the check failed, or the answer was no
    USAGE = 2  # wrong use: an unknown name, a wrong input
    WAITING = 3  # the run waits for people
    UNREACHABLE = 4  # something cannot be reached or opened


USAGE_STATUSES = (400, 404, 422)
INTERRUPTED = 130


def emit(value: Any) -> None:
    """One JSON value on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Something for the person at the terminal that is no part of the answer."""
    sys.stderr.write(text + "\n")


def fail(exit_code: Exit, code: str, message: str, hint: str, *, as_json: bool) -> NoReturn:
    """End with an error: as a sentence and a cure, or as JSON where a program reads."""
    if as_json:
        emit({"error": {"code": code, "message": message, "hint": hint}})
    else:
        note(f"pointsman: {message}")
        if hint:
            note(f"  {hint}")
    raise typer.Exit(exit_code)


def _fail_with_problems(objection: Objection, as_json: bool) -> NoReturn:
    """Several things are wrong with what was given: each on a line of its own, with its cure."""
    if as_json:
        emit(objection.as_json())
        raise typer.Exit(Exit.USAGE)
    note(f"pointsman: {objection.message.partition(':')[0]}:")
    for one in objection.problems:
        note(f"  {one.message.rstrip('.')}." + (f" {one.hint}" if one.hint else ""))
    raise typer.Exit(Exit.USAGE)


@contextmanager
def reported(as_json: bool) -> Iterator[None]:
    """Turn whatever goes wrong in a command into an error with an exit code."""
    from bot.client import Unreachable
    from bot.requests import Objection
    from engine.faults import Fault
    from store.faults import StoreFault

    try:
        yield
    except Objection as objection:
        if objection.problems:
            _fail_with_problems(objection, as_json)
        exit_code = Exit.USAGE if objection.status in USAGE_STATUSES else Exit.FAILED
        exit_code = Exit.UNREACHABLE if objection.status >= 500 else exit_code
        fail(exit_code, objection.code, objection.message, objection.hint, as_json=as_json)
    except Unreachable as trouble:
        fail(Exit.UNREACHABLE, "unreachable", trouble.message, trouble.hint, as_json=as_json)
    except StoreFault as fault:
        fail(Exit.UNREACHABLE, "store", fault.message, fault.hint, as_json=as_json)
    except Fault as fault:
        fail(Exit.UNREACHABLE, fault.code, fault.message, fault.hint, as_json=as_json)
    except KeyboardInterrupt:
        note("")
        raise typer.Exit(INTERRUPTED) from None
