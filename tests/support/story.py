"""Given, when, then: the rules as stories, without a database and without a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from engine.rules.commands import (
    Answer,
    Claim,
    Command,
    OpenGate,
    Refusal,
    ReportFailure,
    ReportSuccess,
    Retry,
    StartRun,
)
from engine.rules.evolution import fold
from engine.rules.lifecycle import handle
from store.events import Event
from store.model import Content, Coordinates, Facts, Failure, Person, Plan, Run
from store.tally import counted
from tests.support.engines import MINA

START_AT = 1_000_000
SEEN_REFUSALS: set[Refusal] = set()
SEEN_EVENTS: set[str] = set()
SEEN_COMMANDS: set[str] = set()
FINAL = Failure("http_status", "400 from the server")


@dataclass
class Story:
    """A run under a plan, moved by commands at moments that the story names."""

    plan: Plan
    inputs: Mapping[str, Any] = field(default_factory=dict)
    now: int = START_AT
    run: Run | None = None
    events: list[Event] = field(default_factory=list)
    answer: Answer = field(default_factory=Answer)
    gates: int = 40
    queued: bool = False

    def __post_init__(self) -> None:
        command = StartRun("run1", "R-7K2", MINA, {}, Content(dict(self.inputs)), "trace", queued=self.queued)
        self._take(handle(self.plan, None, command, Facts(), self.now))

    def given(self, *commands: Command, **known: Any) -> Self:
        """Commands that must be taken."""
        for command in commands:
            self.when(command, **known)
            assert self.answer.refusal is None, f"{command} was refused: {self.answer.refusal}"
        return self

    def when(
        self, command: Command, *, after: int = 0, person: Person | None = None, override: bool = False, **known: Any
    ) -> Self:
        """One command, so many milliseconds later; `known` are further facts."""
        self.now += after
        self.gates += 1
        fresh = None if person is None else replace(person, fetched_at=person.fetched_at or self.now)
        SEEN_COMMANDS.add(type(command).__name__)
        facts = Facts(
            person=fresh, gate_id=f"gate{self.gates}", gate_number=self.gates, override_allowed=override, **known
        )
        self._take(handle(self.plan, self.run, command, facts, self.now))
        if isinstance(command, Retry) and command.newest and self.answer.refusal is None:
            self.plan = known["newest"]
        return self

    def then(self, *expected: type | Refusal) -> Self:
        """The kinds of the events that followed, in order, or the refusal; a refusal may come with events."""
        refusal = next((item for item in expected if isinstance(item, Refusal)), None)
        kinds = [item.__name__ for item in expected if not isinstance(item, Refusal)]
        assert self.answer.refusal == refusal, f"refused: {self.answer.refusal}, expected {refusal}"
        happened = [type(event).__name__ for event in self.answer.events]
        assert happened == kinds, f"happened: {happened}, expected {kinds}"
        return self

    def opening(
        self, step: str, question: str = "Go on?", shown: Any = None, digest: str = "digest1", **more: Any
    ) -> OpenGate:
        """The command by which the runner opens the gate of a step."""
        policy = self.plan.step(step).gate
        assert policy is not None
        more.setdefault("approvers", policy.approvers)
        more.setdefault("expires_at", self.now + policy.expires_ms)
        more.setdefault("due_at", None if policy.due_ms is None else self.now + policy.due_ms)
        place = more.pop("place", None) or self.place(step)
        return OpenGate(place, question, Content(shown), None, digest, **more)

    def place(self, step: str, attempt: int = 1) -> Coordinates:
        return Coordinates(step, None, 1, attempt)

    def at(self, key: str) -> Coordinates:
        """Where a step stands, with its item, its round and its latest attempt."""
        assert self.run is not None
        return self.run.steps[key].place

    def done(self, key: str, output: Any = None) -> Self:
        """A step is claimed and reports that it succeeded."""
        self.given(Claim(key))
        return self.given(ReportSuccess(self.at(key), Content(output)))

    def failed(self, key: str, error: Failure = FINAL) -> Self:
        """A step is claimed and reports that it failed."""
        return self.given(Claim(key)).failed_now(key, error)

    def failed_now(self, key: str, error: Failure = FINAL) -> Self:
        """A step that is under way reports that it failed."""
        return self.given(ReportFailure(self.at(key), error))

    def asked(self, key: str, **more: Any) -> Self:
        """A step that asks people is claimed, and its gate opens."""
        self.given(Claim(key))
        place = self.at(key)
        return self.given(self.opening(place.step, place=place, **more))

    def last(self, kind: type) -> Any:
        return next(event for event in reversed(self.events) if isinstance(event, kind))

    def _take(self, answer: Answer) -> None:
        self.answer = answer
        self.run = fold(self.run, answer.events) if answer.events else self.run
        self.events += answer.events
        if answer.refusal is not None:
            SEEN_REFUSALS.add(answer.refusal)
        SEEN_EVENTS.update(type(event).__name__ for event in answer.events)
        assert fold(None, self.events) == self.run
        assert counted(self.run) == self.run
        if answer.events:
            assert answer.run == self.run

    def statuses(self, names: Iterable[str] = ()) -> dict[str, str]:
        assert self.run is not None
        return {key: step.status.value for key, step in self.run.steps.items() if not names or key in names}

    def rounds(self) -> dict[str, int]:
        assert self.run is not None
        return {key: step.round for key, step in self.run.steps.items()}
