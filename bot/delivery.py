"""Brings one message to Slack: posted once, edited until it says what is true, healed when Slack lost or refused it.

A channel that is closed to us is remembered with the run; what should stand there goes to people instead, as long as
it is (see `bot/copies.py`).

Before a message is posted its intent is on disk; its ts follows after. When nobody knows whether Slack took it (the
connection broke, or we crashed in between), the channel is read for our key in the metadata, and only what is not
there is sent again. Should it stand twice all the same, that does no harm: a decision belongs to its gate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from bot.closed import NO_CHANNEL, hint, problem
from bot.message import Message, client_msg_id, is_ours, metadata
from bot.obstacles import BLIND, BLOCKS, DUPLICATE, EDIT, LEVEL_MAX, MISSING, PLACE, THREAD, TOKEN, Trouble, said
from bot.slack import Slack, SlackFault
from bot.tickets import Ticket, Tickets
from engine.clock import Clock
from store import anchors, outbox, unshown
from store.anchors import Anchor
from store.database import Database, Writer
from store.model import RunId
from store.unshown import Unshown

log = structlog.get_logger("slack")

LOST_WAIT_MS = 2_000  # Slack may still be storing what it did not confirm
LOOK_BACK_MS = 60_000  # how far our clock and Slack's may differ
YOUNG_MS = 60_000  # a message that may not be edited even this young will never be
PAGES_MAX = 5

Compose = Callable[[RunId, str], Awaitable[Message | None]]


class Delivery:
    """Knows how to post, edit, find and move a message. Leaves a ticket where it is when there is more to do."""

    def __init__(
        self, slack: Slack, database: Database, clock: Clock, tickets: Tickets, compose: Compose, *, simple: bool
    ) -> None:
        self._slack = slack
        self._database = database
        self._clock = clock
        self._tickets = tickets
        self._compose = compose
        self._simple = simple

    async def bring_up_to_date(self, ticket: Ticket) -> bool:
        """Make one call to Slack for this message, if it needs one; gives whether Slack took it. Raises SlackFault."""
        message = await self._compose(ticket.run_id, ticket.key)
        anchor = await self._anchor(ticket.key)
        if message is None or (anchor is not None and anchor.state == "gone"):
            self._tickets.drop(ticket)
            return False
        if anchor is not None and anchor.ts is not None:
            return await self._update(ticket, message, anchor)
        if anchor is not None and anchor.sent_at is not None and not self._tickets.trouble(ticket).not_sent:
            return await self._recover(ticket, message, anchor)
        begun = anchor or Anchor(message.key, message.run_id, message.channel)
        if not message.channel:
            await self._closed(ticket, message, begun, NO_CHANNEL)
            return False
        place = await self._place(ticket, message, begun)
        return await self._post(ticket, message, place) if place else False

    # Posting --------------------------------------------------------------------------------------------------------

    async def _place(self, ticket: Ticket, message: Message, anchor: Anchor) -> Anchor | None:
        """The anchor with the thread it belongs in; None when there is no such place, now or ever."""
        if not message.under:
            return await self._direct(ticket, message, anchor) if message.person else anchor
        above = await self._anchor(message.under)
        if above is None or (above.state != "gone" and above.ts is None):
            raise SlackFault("no_root", retryable=True)  # it is being posted; ours comes after it
        if above.state == "gone":
            self._tickets.drop(ticket)
            return None
        return replace(anchor, channel=above.channel, thread_ts=above.thread_ts or above.ts)

    async def _direct(self, ticket: Ticket, message: Message, anchor: Anchor) -> Anchor | None:
        """The anchor in the direct messages with the person; None when this person cannot be written to."""
        try:
            return replace(anchor, channel=await self._slack.open_dm(message.person))
        except SlackFault as fault:
            if fault.retryable or fault.code in TOKEN:
                raise
            await self._give_up(ticket, anchor, fault.code)
            return None

    async def _post(self, ticket: Ticket, message: Message, anchor: Anchor) -> bool:
        sent_at = anchor.sent_at or self._clock.now()
        intent = replace(anchor, state="sending", ts=None, shown="", seq=message.seq, sent_at=sent_at)
        await self._keep(intent)
        try:
            answer = await self._slack.call(
                "chat.postMessage",
                channel=intent.channel,
                thread_ts=intent.thread_ts,
                metadata=metadata(message, intent.generation),
                client_msg_id=client_msg_id(intent.key, intent.generation),
                unfurl_links=False,
                unfurl_media=False,
                **self._content(ticket, message),
            )
        except SlackFault as fault:
            await self._not_posted(ticket, message, intent, fault)
            return False
        where = {"channel": str(answer["channel"]), "ts": str(answer["ts"])}
        posted = replace(intent, state="posted", shown=message.shown, **where)  # type: ignore[arg-type]
        await self._database.write(lambda tx: _posted(tx, message, posted))
        self._tickets.drop(ticket)
        return True

    async def _not_posted(self, ticket: Ticket, message: Message, intent: Anchor, fault: SlackFault) -> None:
        trouble = self._tickets.trouble(ticket)
        trouble.not_sent = not fault.lost
        if fault.code in PLACE:
            await self._closed(ticket, message, replace(intent, sent_at=None), fault.code)
        elif fault.code in THREAD and trouble.patient(fault):
            await self._doubt_root(ticket, message)
            raise fault
        elif fault.code in DUPLICATE and trouble.patient(fault):
            await self._keep(replace(intent, generation=intent.generation + 1, sent_at=None))
            raise fault
        elif fault.code in BLOCKS and self._level(trouble) < LEVEL_MAX:
            self._plainer(ticket, fault)
        elif trouble.patient(fault):
            raise fault
        else:
            await self._give_up(ticket, intent, fault.code)

    async def _doubt_root(self, ticket: Ticket, message: Message) -> None:
        """The thread is not there: have the message above it looked at first, which makes it anew."""
        above = await self._anchor(message.under) if message.under else None
        if above is None:
            return
        await self._keep(replace(above, shown=""))
        self._tickets.put(replace(ticket, key=above.key, under="", kind="update", final=True, order=0))

    # Editing --------------------------------------------------------------------------------------------------------

    async def _update(self, ticket: Ticket, message: Message, anchor: Anchor) -> bool:
        if anchor.shown == message.shown:
            self._tickets.drop(ticket)
            return False
        content = self._content(ticket, message)
        try:
            await self._slack.call("chat.update", channel=anchor.channel, ts=anchor.ts, **content)
        except SlackFault as fault:
            await self._not_updated(ticket, message, anchor, fault)
            return False
        updated = replace(anchor, shown=message.shown, seq=message.seq)
        await self._database.write(lambda tx: _stands(tx, message, updated))
        self._tickets.drop(ticket)
        return True

    async def _not_updated(self, ticket: Ticket, message: Message, anchor: Anchor, fault: SlackFault) -> None:
        trouble = self._tickets.trouble(ticket)
        if fault.code in EDIT | MISSING:
            await self._say_anew(ticket, message, anchor, fault.code)
        elif fault.code in PLACE and message.person:
            await self._settle_for(ticket, message, anchor)
        elif fault.code in PLACE:
            await self._closed(ticket, message, anchor, fault.code)
        elif fault.code in BLOCKS and self._level(trouble) < LEVEL_MAX:
            self._plainer(ticket, fault)
        elif trouble.patient(fault):
            raise fault
        else:
            log.error("message.not_updated", key=anchor.key, run=message.run, code=fault.code)
            await self._settle_for(ticket, message, anchor)

    async def _say_anew(self, ticket: Ticket, message: Message, anchor: Anchor, code: str) -> None:
        """A new generation in the thread; where edits are never allowed, only for what is final."""
        young = anchor.sent_at is not None and self._clock.now() - anchor.sent_at < YOUNG_MS
        if young and code in ("cant_update_message", "edit_window_closed"):
            consequence = "Messages cannot be kept up to date; only how they end is said, in a new one."
            self._slack.capabilities.note("chat.update", code, consequence)
            if not message.final:
                await self._settle_for(ticket, message, anchor)
                return
        thread_ts = anchor.thread_ts or (None if code in MISSING else anchor.ts)
        anew = replace(anchor, generation=anchor.generation + 1, state="sending", thread_ts=thread_ts)
        await self._keep(replace(anew, ts=None, shown="", sent_at=None))
        self._tickets.change(ticket, kind="post")

    async def _settle_for(self, ticket: Ticket, message: Message, anchor: Anchor) -> None:
        await self._keep(replace(anchor, shown=message.shown, seq=message.seq))
        self._tickets.drop(ticket)

    # When it may not stand there ------------------------------------------------------------------------------------

    async def _closed(self, ticket: Ticket, message: Message, anchor: Anchor, code: str) -> None:
        """Remember that we may not write there: the next look at the run sees whom to write to instead."""
        if message.person:
            await self._give_up(ticket, anchor, code)
            return
        name = message.place or message.channel
        row = Unshown(message.run_id, message.channel, name, code, self._slack.me.name, self._clock.now())

        def note(tx: Writer) -> Unshown:
            if anchor.ts is None and anchor.generation == 1:
                anchors.forget(tx, anchor.key)  # it stands nowhere, and may come to stand in another channel
            else:
                anchors.keep(tx, anchor)
            return unshown.note(tx, row)

        noted = await self._database.write(note)
        level = log.info if code == NO_CHANNEL else log.warning
        level("run.not_shown", run=message.run, channel=name, code=code, what=problem(noted), hint=hint(noted))
        self._tickets.drop(ticket)

    async def _give_up(self, ticket: Ticket, anchor: Anchor, code: str) -> None:
        log.error("message.given_up", key=anchor.key, run=anchor.run_id, channel=anchor.channel, code=code)
        await self._keep(replace(anchor, state="gone", ts=None))
        self._tickets.drop(ticket)

    def _plainer(self, ticket: Ticket, fault: SlackFault) -> None:
        trouble = self._tickets.trouble(ticket)
        trouble.level = self._level(trouble) + 1
        log.warning("message.simplified", key=ticket.key, code=fault.code, level=trouble.level)

    def _level(self, trouble: Trouble) -> int:
        return max(trouble.level, int(self._simple))

    def _content(self, ticket: Ticket, message: Message) -> Mapping[str, Any]:
        content: dict[str, Any] = self._slack.clean(said(message, self._level(self._tickets.trouble(ticket))))
        return content

    # Finding what was lost ------------------------------------------------------------------------------------------

    async def _recover(self, ticket: Ticket, message: Message, anchor: Anchor) -> bool:
        """Its sending was begun, and nobody knows the end of it: look before sending it again."""
        assert anchor.sent_at is not None
        if self._clock.now() < anchor.sent_at + LOST_WAIT_MS:
            self._tickets.trouble(ticket).not_before = anchor.sent_at + LOST_WAIT_MS
            return False
        ts = await self._find(anchor)
        if ts is None:
            return await self._post(ticket, message, anchor)
        log.info("message.found", key=anchor.key, ts=ts)
        await self._keep(replace(anchor, ts=ts, state="posted", shown=""))
        self._tickets.change(ticket, kind="update")
        return True

    async def _find(self, anchor: Anchor) -> str | None:
        """The ts of our message if Slack has it; None when it has not, or will not let us look."""
        if self._slack.capabilities.lacks("read back"):
            return None
        method = "conversations.replies" if anchor.thread_ts else "conversations.history"
        oldest = f"{max(0, (anchor.sent_at or 0) - LOOK_BACK_MS) / 1_000:.6f}"
        reading: dict[str, Any] = {"channel": anchor.channel, "ts": anchor.thread_ts, "oldest": oldest}
        for _ in range(PAGES_MAX):
            try:
                page = await self._slack.call(method, **reading, include_all_metadata=True, limit=200)
            except SlackFault as fault:
                if fault.retryable or fault.code in TOKEN - BLIND:
                    raise
                self._cannot_look(fault.code)
                return None
            found = next((one for one in page["messages"] if self._is_ours(one, anchor)), None)
            reading["cursor"] = (page.get("response_metadata") or {}).get("next_cursor") or None
            if found is not None:
                return str(found["ts"])
            if reading["cursor"] is None:
                break
        return None

    def _is_ours(self, found: Mapping[str, Any], anchor: Anchor) -> bool:
        me = self._slack.me
        ours = found.get("bot_id") == me.bot_id or found.get("user") == me.bot_user_id
        return ours and is_ours(found, anchor.key, anchor.generation)

    def _cannot_look(self, code: str) -> None:
        if code in BLIND:
            consequence = "After a lost connection a message is sent again, so that it may stand twice."
            self._slack.capabilities.note("read back", code, consequence)

    async def _anchor(self, key: str) -> Anchor | None:
        return await self._database.read(lambda tx: anchors.of(tx, key))

    async def _keep(self, anchor: Anchor) -> None:
        await self._database.write(lambda tx: anchors.keep(tx, anchor))


def _posted(tx: Writer, message: Message, anchor: Anchor) -> None:
    """It stands there for the first time: those that speak of this run can link to it."""
    _stands(tx, message, anchor)
    if message.key.startswith("run:") and not message.person:
        outbox.again_around(tx, message.run_id)


def _stands(tx: Writer, message: Message, anchor: Anchor) -> None:
    """It stands. At home that also means that the channel is open; with its root the whole run is shown."""
    anchors.keep(tx, anchor)
    if not message.person:
        names = (message.channel, message.place, anchor.channel)
        unshown.reached(tx, message.run_id, names, everything=not message.under and message.key.startswith("run:"))
