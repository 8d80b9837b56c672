"""Makes Slack show what is true: looks at runs that changed, and has every message that differs brought up to date.

Level-triggered: it compares what should be shown with what was shown last, so late, doubled and lost words heal. A run
counts as told when all its messages stand as they should.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import anyio
import structlog

from bot.copies import Reach, original
from bot.digested import next_post_at
from bot.digests import Digest, digests_in
from bot.kinship import around
from bot.message import Message
from bot.said import overtaken
from bot.sender import Sender
from bot.slack import Me
from bot.tickets import differs, ticket_for
from bot.views.past import KINDS, NO_PAST, Past, past
from bot.views.scene import Scene
from bot.wanted import needs_past, references, wanted
from bot.whereabouts import is_unplaced, shows
from bot.wording import size_text
from engine.bell import Bell
from engine.clock import Clock
from store import anchors, definitions, history, lookups, outbox, unshown
from store.anchors import Anchor
from store.content import ContentFolder
from store.database import Database, Reader, Writer
from store.events import StepSucceeded
from store.faults import StoreFault
from store.model import Content, Json, Millis, Plan, Run, RunId, Workflow
from store.unshown import Unshown

log = structlog.get_logger("slack")

BATCH = 64  # runs looked at in one pass
BACKLOG_MAX = 5_000  # messages that wait: beyond that looking at more runs would only use memory
PASS_EVERY_MS = 100  # rings that come closer together share a pass
RUN_EVERY_MS = 500  # a run that changes all the time is looked at this often
DISK_AGAIN_MS = 1_000
AGAIN_MS = 60_000  # when to look again at a run that could not be rendered
SHOWN_BYTES_MAX = 2_000_000  # a larger value is not even loaded: no message could show it
LABEL_BYTES_MAX = 100_000  # of one item among many only a few words are shown
DIRECTORY_SECONDS = 5.0
PLANS_MAX = 256
NAMES_MAX = 5_000


class Directory(Protocol):
    """Whoever knows people, groups and channels by how the author wrote them; what is not known is left out."""

    async def ids(self, references: Sequence[str]) -> Mapping[str, str]: ...

    async def behind(self, references: Sequence[str]) -> Mapping[str, tuple[str, ...]]: ...

    def absent(self, references: Sequence[str]) -> Mapping[str, str]: ...


class NoDirectory:
    """A directory without entries."""

    async def ids(self, references: Sequence[str]) -> Mapping[str, str]:
        return {}

    async def behind(self, references: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return {}

    def absent(self, references: Sequence[str]) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class _Sight:
    """What was found about a run in one look at the rows."""

    scene: Scene
    anchors: Mapping[str, Anchor]
    unshown: Sequence[Unshown]


class Projector:
    """The loop between the outbox and the sender, who asks it back for what a message says now."""

    def __init__(
        self,
        database: Database,
        content: ContentFolder,
        clock: Clock,
        changed: Bell,
        me: Me,
        directory: Directory | None = None,
    ) -> None:
        self._database = database
        self._content = content
        self._clock = clock
        self._changed = changed
        self._me = me
        self._directory = directory or NoDirectory()
        self._sender: Sender | None = None
        self._looked: dict[RunId, tuple[int, Millis]] = {}  # runs under way: seen at which seq, and when
        self._broken: dict[RunId, Millis] = {}  # runs that could not be rendered, and when to try again
        self._gathering: dict[RunId, tuple[int, int, Millis]] = {}  # seq, what was told of it, and when a card is due
        self._plans: dict[str, Plan] = {}
        self._known: dict[str, str] = {}  # what the directory said

    def hand_to(self, sender: Sender) -> None:
        """Name the sender: each needs the other."""
        self._sender = sender

    @property
    def sender(self) -> Sender:
        assert self._sender is not None, "hand_to was not called"
        return self._sender

    # The loop -------------------------------------------------------------------------------------------------------

    async def loop(self) -> None:
        """Project for as long as the service lives."""
        while True:
            rung = anyio.Event()
            async with anyio.create_task_group() as group:
                for bell in (self._changed.event(), self.sender.settled.event()):
                    group.start_soon(_pass_on, bell, rung)
                next_at = await self._pass(self._clock.now())
                await self._clock.wait(rung, next_at)
                group.cancel_scope.cancel()
            await self._clock.wait(anyio.Event(), self._clock.now() + PASS_EVERY_MS)

    async def _pass(self, now: Millis) -> Millis | None:
        """A pass, which is made again in a moment when the disk gives or takes nothing: all is in the outbox still."""
        try:
            return await self.run_once(now)
        except StoreFault as fault:
            if fault.fatal:
                raise
            log.warning("outbox.waits", why=fault.message, hint=fault.hint)
            return now + DISK_AGAIN_MS

    async def run_once(self, now: Millis) -> Millis | None:
        """Look at a batch of changed runs; gives when to look again, None for at the next ring."""
        room = BATCH if self.sender.backlog < BACKLOG_MAX else 0
        limit = len(self._looked) + room  # runs under way come up again: room is for those that are new
        rows = await self._database.read(lambda tx: outbox.to_tell(tx, limit))
        told, moments = [], []
        for run_id, seq, seen in rows:
            look_at = self._look_at(run_id, seq, seen)
            if look_at is None:
                continue
            if look_at > now:
                moments.append(look_at)
            elif await self._examine(run_id, seq, seen, now):
                told.append((run_id, seq, seen))
        await self._tell(told)
        more = room > 0 and len(rows) == limit
        return now if more else min(moments, default=None)

    def _look_at(self, run_id: RunId, seq: int, told: int) -> Millis | None:
        """When to look at a run; None while the sender works on what was found."""
        if run_id in self._broken:
            return self._broken[run_id]
        seen = self._looked.get(run_id)
        if seen is None:
            return 0
        if self.sender.waiting_for(run_id):
            return None if seen[0] == seq else seen[1] + RUN_EVERY_MS
        gathered = self._gathering.get(run_id)
        if gathered is not None and gathered[:2] == (seq, told):
            return gathered[2]
        return 0  # all was sent; messages that link to each other may differ once more

    async def _tell(self, told: Iterable[tuple[RunId, int, int]]) -> None:
        rows = list(told)
        if not rows:
            return

        def note(tx: Writer) -> None:
            for run_id, seq, seen in rows:
                outbox.told(tx, run_id, seq, seen)

        await self._database.write(note)
        for run_id, _, _ in rows:
            self._looked.pop(run_id, None)

    async def _examine(self, run_id: RunId, seq: int, told: int, now: Millis) -> bool:
        """Hand what differs to the sender; True when nothing does, and nothing will as long as nothing happens."""
        self._looked[run_id] = (seq, now)
        self._gathering.pop(run_id, None)
        try:
            messages, standing, post_at = await self._view(run_id)
        except StoreFault:
            raise
        except Exception:
            # A bug with one run must not silence the others. It stays in the outbox and is tried again.
            log.exception("run.not_rendered", run=run_id)
            self._broken[run_id] = now + AGAIN_MS
            return False
        self._broken.pop(run_id, None)
        different = [one for one in messages if differs(one, standing)]
        for message in different:
            self.sender.want(ticket_for(message, standing))
        if different or self.sender.waiting_for(run_id):
            return False
        if post_at is not None:
            self._gathering[run_id] = (seq, told, post_at)
        return post_at is None

    # Rendering ------------------------------------------------------------------------------------------------------

    async def compose(self, run_id: RunId, key: str) -> Message | None:
        """One message of a run as it should be now; None when there should be none."""
        messages, _ = await self._messages(run_id)
        return next((one for one in messages if one.key == key), None)

    async def _messages(self, run_id: RunId) -> tuple[list[Message], Mapping[str, Anchor]]:
        messages, standing, _ = await self._view(run_id)
        return messages, standing

    async def _view(self, run_id: RunId) -> tuple[list[Message], Mapping[str, Anchor], Millis | None]:
        """Its messages, those that stand, and when a card is to be posted for which gates are still gathered."""
        sight = await self._database.read(lambda tx: self._look(tx, run_id))
        if sight is None:
            return [], {}, None
        scene = replace(sight.scene, names=await self._names(references(sight.scene)))
        reach, now = await self._reach(scene, sight), self._clock.now()
        said = {original(key): anchor for key, anchor in sight.anchors.items()}
        post_at = next_post_at(scene, said, now) if shows(scene, sight.anchors) else None
        return wanted(scene, sight.anchors, reach, now), sight.anchors, post_at

    async def _reach(self, scene: Scene, sight: _Sight) -> Reach:
        """Whom and what we can reach; people are asked for only when something cannot be shown where all see it."""
        written = references(scene)
        people = await self._people(written) if sight.unshown or is_unplaced(scene) else {}
        return Reach(sight.unshown, people, self._directory.absent(written))

    def _look(self, tx: Reader, run_id: RunId) -> _Sight | None:
        run = lookups.run(tx, run_id)
        plan = self._plan(tx, run.version) if run else None
        if run is None or plan is None:
            return None
        standing = {anchor.key: anchor for anchor in anchors.of_run(tx, run_id)}
        before = (
            past(one.event for one in history.of(tx, run_id, KINDS) if one.event)
            if needs_past(run, standing.values(), plan)
            else NO_PAST
        )
        digests, by = digests_in(tx, run), around(tx, run, self._me.permalink)
        earlier = overtaken(tx, run, plan, {original(key) for key in standing})
        shown = _shown(run, plan, before, digests, earlier)
        scene = Scene(
            run=run,
            plan=plan,
            workflow=definitions.workflow(tx, run.workflow) or Workflow(run.workflow, "", run.version),
            contents={of: self._load(one) for of, one in shown.items()},
            links={
                key: self._me.permalink(one.channel, one.ts, one.thread_ts) for key, one in standing.items() if one.ts
            },
            past=before,
            kin=by.kin,
            ahead=by.ahead,
            holders=by.holders,
            held=by.held,
            off=by.off,
            overtaken=earlier,
            digests=digests,
        )
        return _Sight(scene, standing, unshown.of_run(tx, run_id))

    def _plan(self, tx: Reader, version: str) -> Plan | None:
        known = self._plans.get(version) or definitions.plan(tx, version)
        if known is not None and version not in self._plans:
            while len(self._plans) >= PLANS_MAX:
                del self._plans[next(iter(self._plans))]
            self._plans[version] = known
        return known

    def _load(self, content: Content) -> Json:
        assert content.hash is not None
        if content.size > SHOWN_BYTES_MAX:
            return f"(too large to show here: {size_text(content.size)})"
        try:
            return self._content.load(content.hash)
        except StoreFault:
            return "(erased)"

    async def _names(self, written: Sequence[str]) -> Mapping[str, str]:
        """The directory's entries, or those it had before: a silent Slack must not turn mentions back into words."""
        try:
            with anyio.move_on_after(DIRECTORY_SECONDS):
                found = await self._directory.ids(written)
                if len(self._known) > NAMES_MAX:
                    self._known.clear()
                self._known.update(found)
        except Exception:
            log.exception("directory.failed")
        return {one: self._known[one] for one in written if one in self._known}

    async def _people(self, written: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        try:
            with anyio.move_on_after(DIRECTORY_SECONDS):
                return await self._directory.behind(written)
        except Exception:
            log.exception("directory.failed")
        return {}


async def _pass_on(bell: anyio.Event, rung: anyio.Event) -> None:
    await bell.wait()
    rung.set()


def _shown(
    run: Run, plan: Plan, before: Past, digests: Sequence[Digest], earlier: Sequence[StepSucceeded]
) -> dict[str, Content]:
    """Every value that its messages may show and that is kept outside the rows, by its hash."""
    beside = {one.gate.id: one.gate for digest in digests if len(digest.items) > 1 for one in digest.items}
    gates = [gate for _, gate in before.gates.values()] + [step.gate for step in run.steps.values() if step.gate]
    gates += [one.gate for digest in digests for one in digest.items]
    shown = [one.shown for one in gates if one.id not in beside or one.shown.size <= LABEL_BYTES_MAX]
    telling = {spec.name for spec in (*plan.steps, *plan.undo) if spec.uses in ("message", "form")}
    told = [step.output for step in run.steps.values() if step.name in telling]
    found = [run.inputs, run.outputs, *shown, *told, *(event.output for event in earlier)]
    return {one.hash: one for one in found if one is not None and one.hash is not None}
