"""Decides which message may go to Slack next: by importance, at the pace that Slack allows, one at a time a channel.

It holds tickets, not texts: what is sent is rendered at the moment it goes out, so the latest state wins, and a message
that changes ten times in a second is edited once. A slow channel holds nobody else.
"""

from __future__ import annotations

import anyio
import structlog
from anyio.abc import TaskGroup

from bot.delivery import Compose, Delivery
from bot.obstacles import TOKEN
from bot.slack import Slack, SlackFault
from bot.tickets import Ticket, Tickets
from engine.bell import Bell
from engine.clock import Clock
from store.database import Database
from store.faults import StoreFault
from store.model import Millis, RunId

log = structlog.get_logger("slack")

AT_ONCE_MAX = 16  # calls under way: enough that some slow channels do not hold the rest
HALT_MS = 5 * 60_000  # how long to leave Slack alone when it does not know our token


class Sender:
    """The one that posts and edits. `compose` renders a message as it should be now, or None when it should not be.

    `simple` has every message written with the plainest blocks.
    """

    def __init__(
        self, slack: Slack, database: Database, clock: Clock, compose: Compose, *, simple: bool = False
    ) -> None:
        self.bell = Bell()  # there may be something to send
        self.settled = Bell()  # something was sent, or given up
        self._slack = slack
        self._clock = clock
        self._tickets = Tickets()
        self._delivery = Delivery(slack, database, clock, self._tickets, compose, simple=simple)
        self._busy: set[str] = set()
        self._halted_until: Millis = 0

    @property
    def backlog(self) -> int:
        return len(self._tickets)

    @property
    def halted(self) -> bool:
        """Whether Slack does not know our token; everything is kept until it does."""
        return self._halted_until > 0

    def waiting_for(self, run_id: RunId) -> bool:
        """Whether something of this run is not yet as it should be."""
        return self._tickets.of_run(run_id)

    def want(self, ticket: Ticket) -> None:
        """Have a message brought up to date; once, however often it is asked for meanwhile."""
        self._tickets.put(ticket)
        self.bell.ring()

    async def loop(self) -> None:
        """Send for as long as the service lives."""
        async with anyio.create_task_group() as group:
            while True:
                rung = self.bell.event()
                next_at = self._start_due(self._clock.now(), group)
                await self._clock.wait(rung, next_at)

    async def run_once(self, now: Millis) -> Millis | None:
        """Send what may go now, one message a channel; gives the moment at which there is more to do."""
        async with anyio.create_task_group() as group:
            self._start_due(now, group)
        now = self._clock.now()
        moments = [self._may_go_at(ticket, now) for ticket in self._tickets]
        return min((at for at in moments if at is not None), default=None)

    def _start_due(self, now: Millis, group: TaskGroup) -> Millis | None:
        """Start what may go; gives the moment at which the next may, as far as channels are free."""
        next_at: Millis | None = None
        for ticket in self._tickets:
            if len(self._busy) >= AT_ONCE_MAX:
                break
            at = self._may_go_at(ticket, now)
            if at is None or ticket.lane in self._busy:
                continue
            if at > now:
                next_at = at if next_at is None else min(next_at, at)
                continue
            self._busy.add(ticket.lane)
            self._count(ticket, now)
            group.start_soon(self._deliver, ticket)
        return next_at

    def _may_go_at(self, ticket: Ticket, now: Millis) -> Millis | None:
        """The moment from which a ticket may be tried; None while it waits for the message above it."""
        above = self._tickets.of(ticket.under)
        if above is not None and above.kind == "post":
            return None
        pacing = self._slack.pacing
        at = max(now, self._halted_until, self._tickets.not_before(ticket))
        if ticket.kind == "post":
            return max(at, pacing.post_at(ticket.lane, now))
        return max(at, pacing.update_at(ticket.key, now, final=ticket.final))

    def _count(self, ticket: Ticket, now: Millis) -> None:
        if ticket.kind == "post":
            self._slack.pacing.posted(ticket.lane, now)
        else:
            self._slack.pacing.updated(ticket.key, now)

    async def _deliver(self, ticket: Ticket) -> None:
        try:
            sent = await self._delivery.bring_up_to_date(ticket)
        except StoreFault as fault:
            if fault.fatal:
                raise
            log.warning("message.waits", key=ticket.key, run=ticket.run_id, why=fault.message, hint=fault.hint)
            self._put_off(ticket, SlackFault("not_noted", retryable=True))
        except SlackFault as fault:
            self._put_off(ticket, fault)
        except Exception:
            # A bug in one message must not silence the others.
            log.exception("message.failed", key=ticket.key, run=ticket.run_id)
            self._put_off(ticket, SlackFault("bug", retryable=True))
        else:
            if sent:
                self._reached()
        finally:
            self._busy.discard(ticket.lane)
            self.bell.ring()
            if self._tickets.of(ticket.key) is None:
                self.settled.ring()

    def _put_off(self, ticket: Ticket, fault: SlackFault) -> None:
        now = self._clock.now()
        if fault.code in TOKEN:
            self._halt(fault.code, now)
        elif fault.code == "ratelimited":
            method = "chat.postMessage" if ticket.kind == "post" else "chat.update"
            self._slack.pacing.hold(method, ticket.lane, now + (fault.retry_after_ms or 1_000))
        else:
            self._tickets.trouble(ticket).put_off(ticket.key, now)

    def _halt(self, code: str, now: Millis) -> None:
        if not self.halted:
            log.error("slack.halted", code=code, hint="Nothing is lost. Install the app again, or correct its token.")
        self._halted_until = now + HALT_MS

    def _reached(self) -> None:
        if self.halted:
            log.info("slack.resumed")
        self._halted_until = 0
