"""Good data made bad: parts missing, of another kind, enormous, nested without end, or written as nobody would."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TIMES = int(os.environ.get("HOSTILE_TIMES", "1"))  # the long way: so many times as many examples


def tries(count: int) -> settings:
    """So many examples in the short version. What is met once is met again: each time the same ones are drawn there."""
    return settings(
        max_examples=count * TIMES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=TIMES == 1
    )


CANARY = "canary-7f3a9c"  # stands in what nobody may find in a log
NESTED: Any = []
for _ in range(120):
    NESTED = [NESTED]

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    -0.0,
    "",
    " ",
    "\x00",
    "\ud800",
    "‮gnp.exe",
    "A" * 60_000,
    "<!channel> <@U0ADA> <https://x.example|here>",
    "../../../../etc/passwd",
    "'; DROP TABLE runs; --",
    "${{ secrets.KEY }}",
    "1e400",
    [],
    {},
    [None],
    {"": None},
    {"type": []},
    [{}] * 300,
    NESTED,
)
"""What may stand in the place of anything."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to everything in it, from the outside in; it itself is left out."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in steps:
        yield (*path, name)
        yield from places(inner, (*path, name))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Any JSON, with the numbers that are none."""


Twist: TypeAlias = tuple[float, str | int, Any]
"""Where (as a part of the way through), what is done there (or which of `ODD` is put there), and what else with."""

TWISTS = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, len(ODD) - 1) | st.sampled_from(("gone", "wrapped", "json")),
        JSON,
    ),
    min_size=1,
    max_size=3,
)


def twisted(good: Any, twists: Iterable[Twist]) -> Any:
    """The same with some of its parts spoiled."""
    made = copy.deepcopy(good)
    for where, what, value in twists:
        known = list(places(made))
        if not known:
            break
        *way, last = known[int(where * len(known))]
        holder = made
        for step in way:
            holder = holder[step]
        if what == "gone":
            del holder[last]
        else:
            holder[last] = _instead(holder[last], what, value)
    return made


def _instead(good: Any, what: str | int, value: Any) -> Any:
    if isinstance(what, int):
        return copy.deepcopy(ODD[what])
    return [good] if what == "wrapped" else value


def written(value: Any) -> bytes:
    """As JSON, with halves of surrogate pairs and numbers that are none."""
    return json.dumps(value).encode()
