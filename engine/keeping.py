"""Keeping house in the file: what was written in old runs is erased, old runs are dropped, unused values removed.

All of it in small batches beside the work that goes on: no commit waits for more than a few runs of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio
import structlog

from engine.api import Engine
from store import erasure, leavings, pruning, uses
from store.database import Reader, Writer
from store.faults import StoreFault
from store.model import ENGINE, Actor, Millis, RunId
from store.pruning import Cursor

log = structlog.get_logger("engine")

EVERY_MS = 3_600_000
PAUSE_MS = 200  # between two passes while there is more to do
RUNS_PER_WRITE = 20
RUNS_PER_PASS = 200
SHARDS = 256  # parts of the content folder; one is looked through in each pass
_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))


@dataclass(slots=True)
class Tally:
    """What was done, or in a rehearsal would be."""

    erased: int = 0
    pruned: list[str] = field(default_factory=list)  # short names
    files: int = 0
    after: Cursor | None = None  # where to look on; None when everything has been looked at


@dataclass(slots=True)
class Keeping:
    """The quiet work, and the same on request."""

    engine: Engine
    _shard: int = 0

    async def loop(self) -> None:
        """Once an hour look for something to erase, as long as the service runs."""
        clock = self.engine.clock
        while True:
            done = Tally()
            try:
                done = await self.erase(limit=RUNS_PER_PASS)
                self._shard = (self._shard + 1) % SHARDS
                done.files += await self._swept(self._shard)
            except StoreFault as fault:
                if fault.fatal or self.engine.database.closed:
                    return
                log.warning("keeping.waits", reason=fault.message, hint=fault.hint)
            if done.erased or done.files:
                log.info("content.erased", runs=done.erased, files=done.files)
            pause_ms = PAUSE_MS if done.erased >= RUNS_PER_PASS else EVERY_MS
            await clock.wait(anyio.Event(), clock.now() + pause_ms)

    # What was written ------------------------------------------------------------------------------------------------

    async def erase(self, *, limit: int, dry: bool = False, workflow: str | None = None) -> Tally:
        """Erase what was written in runs whose workflow says that it is to be kept no longer."""
        done = Tally()
        policies = await self.engine.database.read(erasure.policies)
        for name, keep_ms in sorted(policies.items()):
            if workflow not in (None, name) or done.erased >= limit:
                continue
            by, most = self.engine.clock.now() - keep_ms, limit - done.erased
            due = await self.engine.database.read(partial(_due, workflow=name, ended_by=by, limit=most))
            if dry:
                done.erased += len(due)
                continue
            for start in range(0, len(due), RUNS_PER_WRITE):
                await self._erase(due[start : start + RUNS_PER_WRITE], f"keep: content {spoken(keep_ms)}", done)
        return done

    async def _erase(self, ids: Sequence[RunId], why: str, done: Tally) -> None:
        now, chain = self.engine.clock.now(), self.engine.chain
        erased, free = await self.engine.database.write(lambda tx: erasure.erase(tx, chain, ids, now, ENGINE, why))
        done.erased += erased
        done.files += await self._removed(free)

    # Whole runs ------------------------------------------------------------------------------------------------------

    async def prune(
        self,
        older_than_ms: int,
        *,
        by: Actor,
        workflow: str | None = None,
        after: Cursor = pruning.START,
        limit: int = RUNS_PER_PASS,
        dry: bool = False,
    ) -> Tally:
        """Drop runs that ended longer ago than that, each with all below it; so many families at once."""
        ended_by = self.engine.clock.now() - older_than_ms
        families, following = await self.engine.database.read(
            lambda tx: pruning.roots(tx, ended_by, workflow, after, limit)
        )
        done = Tally(after=following)
        if dry:
            done.pruned = await self.engine.database.read(
                lambda tx: pruning.names(tx, [one for family in families for one in family])
            )
            return done
        why = f"it ended more than {spoken(older_than_ms)} ago"
        for start in range(0, len(families), RUNS_PER_WRITE):
            roots = [family[0] for family in families[start : start + RUNS_PER_WRITE]]
            drop = partial(self._drop, roots=roots, ended_by=ended_by, by=by, why=why)
            names, free = await self.engine.database.write(drop)
            done.pruned += names
            done.files += await self._removed(free)
        return done

    def _drop(
        self, tx: Writer, *, roots: Sequence[RunId], ended_by: Millis, by: Actor, why: str
    ) -> tuple[list[str], list[str]]:
        dropped: list[str] = []
        free: list[str] = []
        for root in roots:
            names, unused = pruning.prune(tx, self.engine.chain, root, ended_by, self.engine.clock.now(), by, why)
            dropped, free = dropped + names, free + unused
        return dropped, uses.unused(tx, dict.fromkeys(free))

    # Values that nobody refers to ------------------------------------------------------------------------------------

    async def sweep(self) -> int:
        """Look through the whole content folder for what nobody refers to. Gives how many files were removed."""
        return sum([await self._swept(shard) for shard in range(SHARDS)])

    async def _swept(self, shard: int) -> int:
        folder, before = self.engine.content.folder, self.engine.clock.now() - leavings.YOUNG_MS
        old = await anyio.to_thread.run_sync(leavings.old_in, folder, shard, before)
        return await self._removed(await self.engine.database.read(lambda tx: uses.unused(tx, old))) if old else 0

    async def _removed(self, names: Sequence[str]) -> int:
        folder, before = self.engine.content.folder, self.engine.clock.now() - leavings.YOUNG_MS
        return await anyio.to_thread.run_sync(leavings.removed, folder, names, before) if names else 0


def _due(tx: Reader, *, workflow: str, ended_by: Millis, limit: int) -> list[RunId]:
    return erasure.due(tx, workflow, ended_by, limit)


def spoken(ms: int) -> str:
    """A length of time as people write it: 90d."""
    return next((f"{ms // size}{unit}" for size, unit in _UNITS if ms % size == 0), f"{ms}ms")
