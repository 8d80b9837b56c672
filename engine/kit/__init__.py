"""What the Python of a workflow may import: `from engine.kit import NonRetryable, current_attempt, effect`.

A function that makes a file writes it where `new_file` says, and gives back what `made` gives for it.

testing     for tests: workflows run here without Slack and network, and crash at every commit
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

Effect = Literal["pure", "idempotent", "once"]
Function = TypeVar("Function", bound=Callable[..., object])


class NonRetryable(Exception):
    """Raise this when trying again cannot help: the step fails at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The attempt that is calling this function.

    `idempotency_key` is the same for every attempt of one (run, step, item, round): hand it to whatever has the effect.
    """

    run_id: str
    run_name: str
    workflow: str
    step: str
    item: str | None
    round: int
    number: int
    idempotency_key: str
    traceparent: str
    folder: str = ""  # where `new_file` puts files


File: TypeAlias = dict[str, Any]
"""What a run says of a file: its name, media_type, size and hash. For annotations: `def render() -> File`."""

_current: Attempt | None = None
_made: dict[str, dict[str, str]] = {}


def current_attempt() -> Attempt:
    """The attempt this process is working on; LookupError outside one, as in a unit test of the function."""
    if _current is None:
        raise LookupError("no attempt is running: this function was called by something else than a step")
    return _current


def enter_attempt(attempt: Attempt | None) -> None:
    """Say which attempt runs from here on; the worker process calls it around each call."""
    global _current
    _current = attempt
    _made.clear()


def new_file(name: str) -> Path:
    """Where to write a file of that name that the step gives back; nobody else writes there.

    Whatever is not given back is gone with the attempt.
    """
    attempt = current_attempt()
    if not attempt.folder:
        raise LookupError("this attempt has no folder for files")
    plain = Path(name).name
    if plain in ("", ".", ".."):
        raise ValueError(f"{name!r} is no name for a file")
    folder = Path(attempt.folder, os.urandom(4).hex())
    folder.mkdir(mode=0o700, parents=True)
    return folder / plain


def made(path: str | Path, name: str = "", media_type: str = "") -> File:
    """A file as a part of what the function gives back: return this, or put it into a dict or list that is returned.

    A file from `new_file` is moved into the run, any other one is copied; both happens when the function is done.
    """
    found = Path(path).absolute()
    if not found.is_file():
        raise FileNotFoundError(f"there is no file {found}")
    mark = f"made:{os.urandom(16).hex()}"
    _made[mark] = {"path": str(found), "name": name or found.name, "media_type": media_type}
    return {"name": name or found.name, "media_type": media_type, "size": found.stat().st_size, "hash": mark}


def files_made() -> dict[str, dict[str, str]]:
    """What `made` was called for in this attempt, by its mark."""
    return dict(_made)


def effect(kind: Effect) -> Callable[[Function], Function]:
    """Say beside the function what repeating it means: `@effect("once")`. Without it a function is idempotent."""
    if kind not in ("pure", "idempotent", "once"):
        raise ValueError(f'effect is "pure", "idempotent" or "once", not {kind!r}')

    def mark(function: Function) -> Function:
        function.__pointsman_effect__ = kind  # type: ignore[attr-defined]
        return function

    return mark
