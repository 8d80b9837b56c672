"""The loop: every receipt is carried out once and answered, also after a crash.

Receipts of one person are taken in their order, those of different people side by side. What fails for a passing
reason is tried again; what fails because of a bug of ours is answered with a token that finds the log line, and never
tried again. Who waits for an answer longer than a moment is told that it will come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256

import anyio
import structlog
from anyio.abc import TaskGroup

from bot import intake
from bot.desk.answering import Answering
from bot.desk.bench import NotYet
from bot.desk.clerk import Clerk
from bot.intake import Heard, Posted, Submitted
from bot.slack import SlackFault
from bot.views import answers, reply
from bot.views.reply import NOTHING, Reply
from engine.api import Engine, Poisoned
from store import receipts
from store.faults import StoreFault
from store.model import Json, Millis
from store.receipts import Receipt
from store.unwrap import lone_errors

log = structlog.get_logger()

OPEN_MAX = 1_000  # looked at in one go
LANES_MAX = 16  # people served side by side
TRIES_MAX = 70  # over about an hour
AGAIN_MIN_MS = 1_000
AGAIN_MAX_MS = 60_000
MOMENT_MS = 5_000  # who waits longer for an answer is told that it will come
DRAIN_SECONDS = 5.0
KEEP_MS = 26 * 3_600_000  # delayed events may come again for a day
PRUNE_EVERY_MS = 3_600_000


class Worker:
    """Serves receipts for as long as it works."""

    def __init__(self, engine: Engine, clerk: Clerk, answering: Answering) -> None:
        self._engine = engine
        self._clerk = clerk
        self._answering = answering
        self._busy: set[str] = set()  # keys under way
        self._lanes: set[str] = set()  # people who are being served
        self._not_before: dict[str, Millis] = {}
        self._announced: set[str] = set()  # keys of which was said that the answer will come
        self._pruned_at: Millis = 0
        self._idle = anyio.Event()
        self._idle.set()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Serve while the block lasts; at its end what is under way may finish, within a few seconds."""
        async with anyio.create_task_group() as group:
            looping = anyio.CancelScope()

            async def loop() -> None:
                with looping:
                    await self._loop(group)

            group.start_soon(loop)
            try:
                yield
            finally:
                looping.cancel()
                with anyio.move_on_after(DRAIN_SECONDS, shield=True):
                    await self._finish(group)
                group.cancel_scope.cancel()

    async def _finish(self, group: TaskGroup) -> None:
        """Serve what was received so far, as long as there is something that may be served."""
        await self._start_due(group)
        while not self._idle.is_set():
            await self._idle.wait()
            await self._start_due(group)

    async def complaint(self, submitted: Submitted) -> Json:
        """What Slack is to say under a form that is not filled in as it should be; None when it may close."""
        try:
            return await self._clerk.complaint(submitted)
        except StoreFault:
            raise
        except Exception:
            log.exception("form.not_read", form=submitted.callback_id)
            return None  # it is received, and what is wrong is answered

    async def onward(self, submitted: Submitted) -> Json:
        """The page that follows the one that was just received; None when the window may close."""
        try:
            return await self._clerk.onward(submitted)
        except Exception:
            # The page before it is on disk: a window that closes too early loses nothing.
            log.exception("form.not_continued", form=submitted.callback_id)
            return None

    async def concerns(self, heard: Heard) -> bool:
        """Whether there is anything to do about it; else it is not even put down. Raises StoreFault."""
        return await self._clerk.concerns(heard)

    def listens_in(self, channel: str) -> bool:
        """Whether messages in this channel start something."""
        return self._clerk.listens_in(channel)

    async def options(self, user: str, typed: str, metadata: str) -> list[Json]:
        """What a menu offers to somebody who types into it."""
        return await self._clerk.options(user, typed, metadata)

    def hold(self, key: str) -> bool:
        """Set a receipt aside for `serve_held`: a form must be open within three seconds, so it waits for no turn.

        False when it is under way already.
        """
        if key in self._busy:
            return False
        self._busy.add(key)
        self._idle = anyio.Event() if self._idle.is_set() else self._idle
        return True

    async def serve_held(self, receipt: Receipt) -> None:
        """Serve a receipt that `hold` has set aside."""
        await self._serve(receipt, lane=None)

    def release(self, key: str) -> None:
        """Give a held receipt back to the loop."""
        self._busy.discard(key)
        if not self._busy:
            self._idle.set()
        self._engine.received.ring()

    async def run_once(self) -> int:
        """Serve what is open now and due; gives how many receipts were served."""
        open_ones = await self._open()
        count = 0
        for receipt, lane in open_ones:
            if self._may_take(receipt, lane):
                self._take(receipt, lane)
                await self._serve(receipt, lane)
                count += 1
        return count

    async def _loop(self, group: TaskGroup) -> None:
        while True:
            bell = self._engine.received.event()
            next_at = await self._start_due(group)
            await self._engine.clock.wait(bell, next_at)

    async def _start_due(self, group: TaskGroup) -> Millis | None:
        """Start serving whatever may be served; gives when something is due that was put off."""
        try:
            await self._prune()
            open_ones = await self._open()
        except StoreFault as fault:
            log.warning("receipts.unreadable", error=type(fault).__name__)
            return self._engine.clock.now() + AGAIN_MIN_MS
        for receipt, lane in open_ones:
            if self._may_take(receipt, lane):
                self._take(receipt, lane)
                group.start_soon(self._serve, receipt, lane)
        keys = {receipt.key for receipt, _ in open_ones}
        self._not_before = {key: at for key, at in self._not_before.items() if key in keys}
        return min((at for key, at in self._not_before.items() if key not in self._busy), default=None)

    async def _open(self) -> list[tuple[Receipt, str]]:
        found = await self._engine.database.read(lambda tx: receipts.open(tx, OPEN_MAX))
        return [(receipt, str(receipt.payload.get("user") or receipt.key)) for receipt in found]

    def _may_take(self, receipt: Receipt, lane: str) -> bool:
        if receipt.key in self._busy or lane in self._lanes or len(self._lanes) >= LANES_MAX:
            return False
        return self._not_before.get(receipt.key, 0) <= self._engine.clock.now()

    def _take(self, receipt: Receipt, lane: str) -> None:
        self.hold(receipt.key)
        self._lanes.add(lane)

    async def _serve(self, receipt: Receipt, lane: str | None) -> None:
        try:
            receipt = await self._as_it_stands(receipt)
            if receipt.state != "answered":
                await self._carry_out_and_answer(receipt)
        except SlackFault as fault:
            await self._put_off(receipt, fault)
        except StoreFault as fault:
            log.warning("receipt.not_written", receipt=receipt.key, error=type(fault).__name__)
            self._not_before[receipt.key] = self._engine.clock.now() + AGAIN_MIN_MS
        finally:
            if lane is not None:
                self._lanes.discard(lane)
            self.release(receipt.key)

    async def _as_it_stands(self, receipt: Receipt) -> Receipt:
        """The receipt as the table has it: between the look that found it and its turn it may have been served."""
        found = await self._engine.database.read(lambda tx: receipts.of(tx, receipt.key))
        return found or replace(receipt, state="answered")  # only what was answered is ever forgotten

    async def _carry_out_and_answer(self, receipt: Receipt) -> None:
        try:
            heard = intake.heard(receipt)
        except Exception:
            log.exception("receipt.unreadable", receipt=receipt.key)
            await self._answered(receipt)
            return
        try:
            said = await self._reply_or_word(receipt, heard)
        except NotYet as trouble:
            if receipt.tries + 1 < TRIES_MAX:
                await self._announce(receipt, heard)
                raise
            known = trouble.person.member
            said = _to(heard, answers.never_told() if known else answers.not_a_member(trouble.person))
        if receipt.state == "received":
            await self._engine.database.write(lambda tx: receipts.performed(tx, receipt.key, reply.dump(said)))
        try:
            await self._answering.deliver(receipt, heard, said)
        except (SlackFault, StoreFault):
            raise
        except Exception:
            log.exception("answer.failed", receipt=receipt.key, token=token(receipt))
        await self._answered(receipt)

    async def _reply_or_word(self, receipt: Receipt, heard: Heard) -> Reply:
        """What to answer; a word goes before it when it takes longer than a moment."""

        async def after_a_moment() -> None:
            until = self._engine.clock.now() + MOMENT_MS
            while self._engine.clock.now() < until:
                await self._engine.clock.wait(anyio.Event(), until)
            with anyio.CancelScope(shield=True):  # half a word is none, and the answer comes after it
                await self._announce(receipt, heard)

        with lone_errors():
            async with anyio.create_task_group() as group:
                group.start_soon(after_a_moment)
                reply = await self._reply(receipt, heard)
                group.cancel_scope.cancel()
        return reply

    async def _announce(self, receipt: Receipt, heard: Heard) -> None:
        """Say once that the answer will come."""
        if receipt.key not in self._announced:
            self._announced.add(receipt.key)
            await self._answering.tell_meanwhile(receipt, heard, answers.not_yet())

    async def _reply(self, receipt: Receipt, heard: Heard) -> Reply:
        """What to answer; what it asks for has been carried out then."""
        try:
            if receipt.state == "performed":
                return await self._clerk.tell_again(receipt)
            return await self._clerk.carry_out(receipt, heard)
        except (StoreFault, NotYet):
            raise
        except Poisoned:
            log.exception("receipt.poisoned", receipt=receipt.key, token=token(receipt))
            return _to(heard, answers.broken(token(receipt), "Nothing was changed, and the run is paused."))
        except Exception:
            log.exception("receipt.poisoned", receipt=receipt.key, token=token(receipt))
            now = await self._engine.database.read(lambda tx: receipts.of(tx, receipt.key))
            recorded = now is not None and now.state != "received"
            effect = "What you asked for was recorded." if recorded else "Nothing was changed."
            return _to(heard, answers.broken(token(receipt), effect))

    async def _put_off(self, receipt: Receipt, fault: SlackFault) -> None:
        """Slack does not take the answer now: later, but not for ever."""
        tries = receipt.tries + 1
        if not fault.retryable or tries >= TRIES_MAX:
            log.error("answer.given_up", receipt=receipt.key, error=fault.code, tries=tries)
            await self._answered(receipt)
            return
        # From the refusal on, not from when it is written down: that may take a while.
        wait_ms = max(fault.retry_after_ms or 0, min(AGAIN_MAX_MS, AGAIN_MIN_MS << (tries - 1)))
        self._not_before[receipt.key] = self._engine.clock.now() + wait_ms
        await self._engine.database.write(lambda tx: receipts.tried(tx, receipt.key))

    async def _answered(self, receipt: Receipt) -> None:
        self._not_before.pop(receipt.key, None)
        self._announced.discard(receipt.key)
        await self._engine.database.write(lambda tx: receipts.answered(tx, receipt.key))

    async def _prune(self) -> None:
        now = self._engine.clock.now()
        if now - self._pruned_at < PRUNE_EVERY_MS:
            return
        self._pruned_at = now
        await self._engine.database.write(lambda tx: receipts.prune(tx, now - KEEP_MS))


def _to(heard: Heard, word: Reply) -> Reply:
    """A word to whoever asked; to who only talked in a channel none."""
    return NOTHING if isinstance(heard, Posted) else word


def token(receipt: Receipt) -> str:
    """What the person is told and the log line holds, so that one is found by the other."""
    return f"E-{sha256(receipt.key.encode()).hexdigest()[:6].upper()}"
