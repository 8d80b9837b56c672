"""Paths to steps: where in a file steps may stand, and what a step that stands there is called in the plan."""

from __future__ import annotations

from collections.abc import Iterator

from engine.definitions.source import Path
from store.model import Json

HOMES = ("steps", "finally")  # keys of the file under which steps stand


def step_in(path: Path) -> Path:
    """The part of a path that leads to a step (or to how one is taken back); empty when it leads to none."""
    if len(path) < 2 or path[0] not in HOMES:
        return ()
    end = 2
    while path[end : end + 1] == ("undo",) or (path[end : end + 1] == ("steps",) and len(path) > end + 1):
        end += 1 if path[end] == "undo" else 2
    return path[:end]


def plan_name(path: Path) -> str:
    """What the step at this path is called in the plan: checks.verify, publish:undo."""
    undo = path[-1:] == ("undo",)
    names = path[1::2] if not undo else path[1:-1:2]
    return ".".join(str(name) for name in names) + (":undo" if undo else "")


def steps_of(data: Json, path: Path = ()) -> Iterator[tuple[Path, dict[str, Json]]]:
    """Every map of steps in the data of a file, and where it stands; those in blocks after the one around them."""
    keys = HOMES if not path else ("steps",)
    for key in keys:
        steps = data.get(key) if isinstance(data, dict) else None
        if not isinstance(steps, dict):
            continue
        yield (*path, key), steps
        for name, step in list(steps.items()):
            yield from steps_of(step, (*path, key, name))
