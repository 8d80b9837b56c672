"""Company: who somebody is in a rehearsal, and which of those that a gate asks this person is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from store.model import Actor, Gate, Millis, Person, Run

GUEST = "guest"
REQUESTER = "requester"


@dataclass(slots=True)
class Company:
    """The people of a rehearsal. Of whom nothing is said, it is taken that the gate asks them."""

    requester: str = "U0REQUESTER"
    people: Mapping[str, Sequence[str] | str] = field(default_factory=dict)  # groups of each; or `guest`
    _nobody: count[int] = field(default_factory=lambda: count(1))

    def somebody(self) -> str:
        """A person who has not decided before."""
        return f"U0SOMEBODY{next(self._nobody)}"

    def actor(self, who: str) -> Actor:
        found = self.requester if who == REQUESTER else who
        return Actor("person", found, found)

    def person(self, who: str, gate: Gate, now: Millis) -> Person:
        """What Slack would say of this person at this moment, asked about those whom the gate means."""
        known = self.people.get(who)
        if known == GUEST:
            return Person(who, who, False, (), now, GUEST)
        if known is not None and not isinstance(known, str):
            return Person(who, who, True, (who, *known), now)
        seats = (one for seat in gate.terms.seats for one in seat.approvers)
        matches = dict.fromkeys((who, *gate.approvers, *seats, *gate.terms.among, *gate.terms.escalate_to))
        return Person(who, who, True, tuple(matches), now)


def asked(run: Run) -> list[str]:
    """The gates of a run that are open, by the key of their step."""
    return [key for key, step in run.steps.items() if step.gate is not None and step.gate.state.value == "open"]
