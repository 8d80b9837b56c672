"""Messages that are not yet as they should be, in the order of their importance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from bot.message import Message, Priority
from bot.obstacles import Trouble
from store.anchors import Anchor
from store.model import RunId


@dataclass(frozen=True, slots=True)
class Ticket:
    """One message that waits. It holds no text: that is rendered when the message goes out."""

    key: str
    run_id: RunId
    lane: str  # its channel: one call at a time in each
    under: str  # key of the message that must stand before it
    kind: Literal["post", "update"]
    priority: Priority
    final: bool
    order: int  # among the messages of its run
    number: int = 0  # when it was first wanted

    @property
    def rank(self) -> tuple[int, bool, int, int]:
        """Alerts before cards before progress; what says how something ended before what may still change."""
        return (self.priority, not self.final, self.number, self.order)


class Tickets:
    """All that wait, each once, with what stood in their way so far."""

    def __init__(self) -> None:
        self._waiting: dict[str, Ticket] = {}
        self._of_run: dict[RunId, set[str]] = {}
        self._troubles: dict[str, Trouble] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Ticket]:
        """The most important first."""
        return iter(sorted(self._waiting.values(), key=lambda ticket: ticket.rank))

    def of(self, key: str) -> Ticket | None:
        return self._waiting.get(key)

    def of_run(self, run_id: RunId) -> bool:
        """Whether anything of this run waits."""
        return run_id in self._of_run

    def put(self, ticket: Ticket) -> None:
        """Add a ticket, or what is newly known about one that waits already: it keeps its place in the queue."""
        known = self._waiting.get(ticket.key)
        if known is None:
            self._number += 1
        self._waiting[ticket.key] = replace(ticket, number=known.number if known else self._number)
        self._of_run.setdefault(ticket.run_id, set()).add(ticket.key)

    def change(self, ticket: Ticket, **changes: Any) -> None:
        """Put back what was learnt about a ticket, unless a newer one took its place."""
        if self._waiting.get(ticket.key) is ticket:
            self._waiting[ticket.key] = replace(ticket, **changes)

    def drop(self, ticket: Ticket) -> bool:
        """Done with it; False when it was wanted again meanwhile."""
        self._troubles.pop(ticket.key, None)
        if self._waiting.get(ticket.key) is not ticket:
            return False
        del self._waiting[ticket.key]
        keys = self._of_run[ticket.run_id]
        keys.discard(ticket.key)
        if not keys:
            del self._of_run[ticket.run_id]
        return True

    def trouble(self, ticket: Ticket) -> Trouble:
        return self._troubles.setdefault(ticket.key, Trouble())

    def not_before(self, ticket: Ticket) -> int:
        trouble = self._troubles.get(ticket.key)
        return trouble.not_before if trouble else 0


def differs(message: Message, standing: Mapping[str, Anchor]) -> bool:
    """Whether a message is not as it should be, by what stands where."""
    anchor, above = standing.get(message.key), standing.get(message.under)
    if anchor is None:
        return above is None or above.state != "gone"  # under what could go nowhere, nothing can stand
    return anchor.state != "gone" and (anchor.state == "sending" or anchor.shown != message.shown)


def ticket_for(message: Message, standing: Mapping[str, Anchor]) -> Ticket:
    """A ticket for a message that is not as it should be."""
    own, above = standing.get(message.key), standing.get(message.under)
    place = own or above
    return Ticket(
        key=message.key,
        run_id=message.run_id,
        lane=place.channel if place and place.channel else message.channel,
        under=message.under,
        kind="update" if own is not None and own.ts is not None else "post",
        priority=message.priority,
        final=message.final,
        order=message.order,
    )
