"""The stories of all modules beside this one, told together: every command, event and refusal has one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

from _pytest.mark import ParameterSet
from _pytest.pathlib import import_path

from engine.rules.commands import COMMANDS, Refusal
from store.events import KINDS
from tests.support.story import SEEN_COMMANDS, SEEN_EVENTS, SEEN_REFUSALS

HERE = Path(__file__).parent


def stories() -> Iterator[Callable[[], Any]]:
    for file in sorted(HERE.glob("test_*_stories.py")):
        module = import_path(file, mode="importlib", root=HERE.parents[1], consider_namespace_packages=False)
        for name, story in vars(module).items():
            if name.startswith("test_"):
                yield from told(story)


def told(story: Callable[..., Any]) -> Iterator[Callable[[], Any]]:
    """The story with each of the values that it is told with."""
    marks = [mark for mark in getattr(story, "pytestmark", ()) if mark.name == "parametrize"]
    names = [[name.strip() for name in _listed(mark.args[0])] for mark in marks]
    for values in product(*(filter(_holds, mark.args[1]) for mark in marks)):
        given: dict[str, Any] = {}
        for these, value in zip(names, values, strict=True):
            given |= dict(zip(these, _values(value, len(these)), strict=True))
        assert given.keys() == inspect.signature(story).parameters.keys(), f"{story.__name__} needs a fixture"
        yield lambda given=given: story(**given)


def _holds(value: Any) -> bool:
    """Whether a story is told with this value as something that holds, and not as what is still expected to fail."""
    return not (isinstance(value, ParameterSet) and any(mark.name == "xfail" for mark in value.marks))


def _values(value: Any, count: int) -> tuple[Any, ...]:
    """The values behind one entry of a table, which may have been given a name of its own."""
    if isinstance(value, ParameterSet):
        return tuple(value.values)
    return tuple(value) if count > 1 else (value,)


def _listed(names: str | tuple[str, ...]) -> list[str]:
    return names.split(",") if isinstance(names, str) else list(names)


def test_every_command_every_event_and_every_refusal_has_a_story() -> None:
    for story in stories():
        story()
    assert set(COMMANDS) - SEEN_COMMANDS == set()
    assert set(KINDS) - SEEN_EVENTS == set()
    assert set(Refusal) - SEEN_REFUSALS == set()
