"""Pruning on request: what was written in old runs goes, then old runs as a whole, then values without a run."""

from __future__ import annotations

from typing import Any

from bot.requests import Objection, Prune
from engine.api import Engine
from engine.keeping import Keeping, Tally
from engine.quantities import duration_ms
from store import pruning
from store.model import Actor
from store.pruning import Cursor

FAMILIES_MAX = 500  # in one piece, so that its answer does not keep anybody waiting
ERASED_MAX = 1_000
COUNTED_MAX = 1_000_000
OLDER_THAN_MS_MIN = 3_600_000


async def pruned(engine: Engine, request: Prune, by: Actor) -> dict[str, Any]:
    """One piece of it: `{"dry_run", "erased", "pruned": [names], "files", "after"}`. Raises Objection."""
    keeping, dry, after = Keeping(engine), request.dry_run, _cursor(request.after)
    older_than_ms = None if request.older_than is None else _length(request.older_than)
    done = Tally()
    if not dry or request.after is None:
        done = await keeping.erase(limit=COUNTED_MAX if dry else ERASED_MAX, dry=dry, workflow=request.workflow)
    if done.erased >= ERASED_MAX and not dry:
        done.after = after
        return _told(request, done)
    if older_than_ms is not None:
        dropped = await keeping.prune(
            older_than_ms, by=by, workflow=request.workflow, after=after, limit=FAMILIES_MAX, dry=dry
        )
        done.pruned, done.after, done.files = dropped.pruned, dropped.after, done.files + dropped.files
    if done.after is None and not dry:
        done.files += await keeping.sweep()
    return _told(request, done)


def _told(request: Prune, done: Tally) -> dict[str, Any]:
    after = None if done.after is None else f"{done.after[0]}:{done.after[1]}"
    return {
        "dry_run": request.dry_run,
        "erased": done.erased,
        "pruned": done.pruned,
        "files": done.files,
        "after": after,
    }


def _length(text: str) -> int:
    try:
        length = duration_ms(text)
    except ValueError as error:
        raise Objection("bad_time", f"{text} is not a length of time: {error}.", "Write 180d.", status=422) from None
    if length < OLDER_THAN_MS_MIN:
        raise Objection("bad_time", f"{text} is too short: at least an hour.", "Write 180d.", status=422)
    return length


def _cursor(text: str | None) -> Cursor:
    if text is None:
        return pruning.START
    at, _, run_id = text.partition(":")
    try:
        return int(at), run_id
    except ValueError:
        raise Objection("bad_request", f"{text} is not where a pruning stopped.", status=422) from None
