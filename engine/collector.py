"""The collector: how often Python looks for rubbish, in a process of our own. Nothing here happens on import."""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 50)
"""New objects before a look at the young ones, and looks at each generation before one at the next.

A batch of a thousand changes makes hundreds of thousands of objects that all die by themselves when it is committed,
and a start hundreds of thousands that all stay: with Python's usual 700 a tenth of the time goes into looking at them.
"""


def look_seldom() -> None:
    """Call it before anything large is imported."""
    gc.set_threshold(*THRESHOLDS)


def settle() -> None:
    """Call it when everything is loaded: what is there stays, and is not looked at again."""
    look_seldom()
    gc.collect()
    gc.freeze()
