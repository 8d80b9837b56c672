"""Answers to those who only look: runs, histories and whether the record holds together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from bot import shapes
from bot.absence import absent
from bot.evidence import trail
from bot.requests import History, Objection, Runs, Status, Trail, Verify
from bot.times import moment
from engine import audit
from store import definitions, history, lookups, pruning, unshown
from store.content import ContentFolder
from store.database import Reader
from store.erasure import ERASED
from store.model import Millis, Run, RunStatus

T = TypeVar("T")


class Read(Protocol):
    """Runs a function that only looks."""

    def __call__(self, look: Callable[[Reader], T], /) -> Awaitable[T]: ...


class Looking:
    """Everything that can be asked without changing anything."""

    def __init__(self, read: Read, content: ContentFolder, chain: history.Chain, now: Callable[[], Millis]) -> None:
        self._read = read
        self._content = content
        self._chain = chain
        self._now = now

    async def status(self, request: Status) -> Any:
        return await self._told(await self._run(request.ref))

    async def runs(self, request: Runs) -> Any:
        if request.status is not None and request.status not in set(RunStatus):
            raise Objection(
                "bad_status",
                f"{request.status} is not a status of a run.",
                f"There are: {', '.join(RunStatus)}.",
                status=422,
            )
        since = None if request.since is None else moment(request.since, self._now())
        rows = await self._read(
            lambda tx: lookups.run_list(
                tx,
                status=request.status,
                workflow=request.workflow,
                by=request.by,
                since=since,
                limit=request.limit,
            )
        )
        return [self._row(row) for row in rows]

    async def history(self, request: History) -> Any:
        run = await self._run(request.ref)
        entries = await self._read(lambda tx: history.of(tx, run.id))
        return [
            {
                "seq": entry.seq,
                "at": shapes.moment(entry.at),
                "actor": shapes.actor(entry.actor),
                "event": entry.kind,
                "step": entry.step,
                "data": ERASED if entry.content is None else entry.content,
                "hash": entry.hash,
            }
            for entry in entries
        ]

    async def verify(self, request: Verify) -> Any:
        """Follow every hash and tell every row again; `problems` is empty when nothing was changed, cut or added."""
        run = None if request.ref is None else await self._run(request.ref)
        chain, run_id = self._chain, None if run is None else run.id
        breaks = await self._read(lambda tx: list(audit.verify(tx, chain, run_id)))
        return {
            "verified": not breaks,
            "run": run_id,
            "problems": [{"run": one.run_id, "seq": one.seq, "problem": one.problem} for one in breaks],
        }

    async def trail(self, request: Trail) -> Any:
        now = self._now()
        return trail.told(request, await self._read(lambda tx: trail.found(tx, request, now)))

    async def _run(self, ref: str) -> Run:
        """A run by its id or name, or by a gate of it."""
        found = await self._read(lambda tx: lookups.run(tx, ref))
        if found is None:
            at_gate = await self._read(lambda tx: lookups.gate(tx, ref))
            found = None if at_gate is None else at_gate[0]
        if found is None:
            await self._must_not_be_gone(ref)
            raise Objection(
                "unknown_run", f"There is no run {ref} here.", "`pointsman runs` lists the newest.", status=404
            )
        return found

    async def _must_not_be_gone(self, ref: str) -> None:
        """Raise Objection when there was such a run, and it was dropped by policy."""
        left = await self._read(lambda tx: pruning.tombstone(tx, ref))
        if left is not None:
            message = f"{left.name} of {left.workflow} was dropped on {shapes.moment(left.at)}: {left.why}."
            hint = "That it was there, and that it was dropped by policy, stands in the chain of heads."
            raise Objection("run_pruned", message, hint, status=410)

    async def _told(self, run: Run) -> Any:
        number, closed, missing, off = await self._read(
            lambda tx: (
                definitions.number(tx, run.version),
                unshown.of_run(tx, run.id),
                absent(tx, run),
                definitions.disabled(tx, run.workflow),
            )
        )
        return shapes.status(run, self._content.value, number=number, unshown=closed, absent=missing, off=off)

    def _row(self, row: lookups.RunRow) -> Any:
        return {
            "run": row.id,
            "name": row.name,
            "workflow": row.workflow,
            "version": row.version,
            "version_number": row.number,
            "status": row.status.value,
            "requester": shapes.actor(row.requester),
            "origin": shapes.origin(row.origin),
            "started_at": shapes.moment(row.started_at),
            "ended_at": shapes.moment(row.ended_at),
            "trace_id": row.trace_id,
            "inputs": self._content.value(row.inputs),
            "outputs": self._content.value(row.outputs),
            "error": shapes.failure(row.error),
            "reason": row.reason,
        }
