"""Runs, steps and gates with something odd in every field, as far as a row of that kind may hold it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from store.model import (
    Actor,
    Choice,
    Content,
    Coordinates,
    Decision,
    Failure,
    Fan,
    Gate,
    GateState,
    GateTerms,
    Kept,
    Parent,
    Review,
    Run,
    RunStatus,
    Seats,
    Signal,
    Step,
    StepStatus,
)
from store.tally import counted
from tests.support.strange_runs import HOSTILE

OPEN = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.ENDING)
VERSIONS = ("v1", "v2")


class OddRows:
    """Makes them from chance; whatever is made may be saved."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self._gates = 0

    def run(self, **more: Any) -> Run:
        keys = [("a", None), ("b", None), ("b", "k1"), ("b.c", "k1"), ("b.c", "ü/2%2F"), ("a:undo", None)]
        steps = [self.step(name, item) for name, item in keys]
        made = Run(
            id="run-1",
            name="R-7K2",
            workflow="odd",
            version="v1",
            requester=self.actor(),
            origin=self.one({}, {"channel": "C0", "user": self.text(), "slot": None}),
            inputs=self.content(),
            trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
            created_at=self.moment(),
            duration_ms=self.chance.randint(1, 10**9),
            dedupe_key=self.maybe(self.text),
            parent=self.maybe(lambda: Parent(self.text(), self.place(), self.chance.randint(1, 5))),
            previous=self.maybe(self.content),
            steps={step.key: step for step in steps},
        )
        return counted(replace(made, **{**self.fate(), **more}))

    def fate(self) -> dict[str, Any]:
        """Everything of a run that may change."""
        status = self.one(*RunStatus)
        return {
            "status": status,
            "outcome": status if status.finished else self.maybe(lambda: self.one(*RunStatus)),
            "outputs": self.maybe(self.content),
            "error": self.maybe(self.failure),
            "reason": self.text(),
            "warnings": self.flag(),
            "ended_at": self.moment() if status.finished else None,
            "active_since": self.maybe(self.moment),
            "active_ms": self.chance.randint(0, 10**9),
            "version": self.one(*VERSIONS),
            "inputs": self.content(),
            "signals": tuple(self.signal() for _ in range(self.chance.randint(0, 3))),
            "usage": self.one({}, {"tokens_in": self.chance.randint(0, 10**6), "usd_micros": 0}),
            "queue": self.text(),
            "queued_at": self.maybe(self.moment),
            "winding_up": self.flag(),
        }

    def step(self, name: str, item: str | None) -> Step:
        return Step(name, item, **self.state())

    def state(self) -> dict[str, Any]:
        """Everything of a step that may change, but its gate."""
        status = self.one(*StepStatus)
        waits = status in (StepStatus.READY, StepStatus.WAITING)
        return {
            "round": self.chance.randint(1, 9),
            "status": status,
            "attempt": self.chance.randint(0, 99),
            "failures": self.chance.randint(0, 9),
            "crashes": self.chance.randint(0, 9),
            "due_at": self.moment() if waits else None,
            "ready_at": self.maybe(self.moment),
            "started_at": self.maybe(self.moment),
            "ended_at": self.maybe(self.moment),
            "seq": self.chance.randint(0, 10**6),
            "output": self.maybe(self.content),
            "receipt": self.value(),
            "error": self.maybe(self.failure),
            "reason": self.text(),
            "n": self.chance.randint(0, 10**5),
            "review": self.maybe(lambda: Review(2, self.text(), self.content(), self.text())),
            "memo": self.value(),
            "kept": self.maybe(lambda: Kept(self.text(), self.content())),
            "child": self.maybe(self.text),
            "event": self.text(),
            "fan": self.maybe(lambda: Fan(self.content(), 9, *(self.chance.randint(0, 9) for _ in range(3)))),
        }

    def gate(self) -> Gate:
        self._gates += 1
        state = self.one(*GateState)
        return Gate(
            id=f"gate-{self._gates}",
            number=self._gates,
            version=self.chance.randint(1, 9),
            state=state,
            question=self.text(),
            shown=self.content(),
            card=self.value(),
            digest=self.text(),
            approvers=tuple({self.reference() for _ in range(self.chance.randint(0, 4))}),
            quorum=self.chance.randint(1, 5),
            requester_may_decide=self.flag(),
            opened_at=self.moment(),
            due_at=self.maybe(self.moment),
            expires_at=self.moment(),
            overdue=self.flag(),
            closed_at=None if state is GateState.OPEN else self.moment(),
            decisions=tuple(self.decision() for _ in range(self.chance.randint(0, 3))),
            terms=self.terms(),
            reminded=self.chance.randint(0, 3),
            escalated=self.flag(),
        )

    def terms(self) -> GateTerms:
        some = range(self.chance.randint(0, 2))
        return GateTerms(
            seats=tuple(Seats((self.text(),), 2) for _ in some),
            among=tuple(self.text() for _ in some),
            form=self.value(),
            edit=tuple(self.text() for _ in some),
            choices=tuple(Choice(self.text(), self.text()) for _ in some),
            rounds_max=self.chance.randint(0, 9),
            rounds_left=self.chance.randint(0, 9),
            reminders=tuple(self.moment() for _ in some),
            escalate_at=self.maybe(self.moment),
            escalate_to=tuple(self.text() for _ in some),
            digest_ms=self.maybe(self.moment),
        )

    def decision(self) -> Decision:
        verdict = self.one("approve", "reject", "changes", "choose", "answer")
        words = (self.text() for _ in range(5))
        digest, comment, surface, override, choice = words
        matches = tuple(self.text() for _ in range(self.chance.randint(0, 2)))
        edits = self.one(None, {"title": [self.text(), self.value()]})
        return Decision(
            self.actor(), verdict, self.moment(), digest, comment, surface, override, choice, matches, edits
        )

    def signal(self) -> Signal:
        return Signal(self.chance.randint(1, 99), self.text(), self.content(), self.moment(), self.actor())

    def place(self) -> Coordinates:
        return Coordinates(self.text(), self.maybe(self.text), 2, 3, self.one("do", "undo"))

    def failure(self) -> Failure:
        wait = self.maybe(lambda: self.chance.randint(0, 10**6))
        return Failure("code", self.text(), self.text(), self.flag(), wait, self.flag(), self.value())

    def content(self) -> Content:
        return self.one(Content(self.value()), Content(None, f"{self.chance.getrandbits(256):064x}", 90_000))

    def actor(self) -> Actor:
        return Actor(self.one("person", "operator", "trigger", "engine"), self.text(), self.text())

    def value(self, depth: int = 0) -> Any:
        scalar = self.one(None, True, 7, -1.5, 2**53, "", self.text())
        if depth > 1 or self.flag():
            return scalar
        if self.flag():
            return [self.value(depth + 1) for _ in range(self.chance.randint(0, 3))]
        return {self.text(): self.value(depth + 1) for _ in range(self.chance.randint(0, 3))}

    def text(self) -> str:
        return self.one("", "plain", "Größe", *(one for one in HOSTILE if len(one) < 60))

    def reference(self) -> str:
        """Somebody's name as a gate has it; SQLite's own JSON ends a text at a zero byte."""
        return self.text().partition("\x00")[0]

    def moment(self) -> int:
        return self.chance.randint(1_600_000_000_000, 1_900_000_000_000)

    def flag(self) -> bool:
        return self.chance.random() < 0.5

    def one(self, *choices: Any) -> Any:
        return self.chance.choice(choices)

    def maybe(self, make: Any) -> Any:
        return make() if self.flag() else None
