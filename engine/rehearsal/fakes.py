"""Fakes: what comes of attempts that would reach outside. They see what the step was really given."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

from engine.activities import ACTIVITIES, Activity, Result, Work
from engine.activities.outputs import require_output
from engine.faults import ActivityFault, Fault, Interrupted
from engine.outside import CHILD
from engine.secrets import Secret
from store.model import Json, StepPlan

FOR_REAL = frozenset({"python"})  # these run here as they run anywhere, unless they are faked


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of one attempt, or of so many in a row; the last one given for a step goes on for good."""

    output: Json = None
    fault: Callable[[], Fault] | None = None
    times: int = 1
    receipt: Mapping[str, Json] = field(default_factory=dict)
    item: str = ""  # of a step in a list: the key of the element that this is about; empty for all others


@dataclass(frozen=True, slots=True)
class Given:
    """What a faked attempt was given: its input, filled in, and which piece of work it is."""

    step: str
    item: str | None
    round: int
    attempt: int
    idempotency_key: str
    input: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Call:
    """A faked attempt that took place."""

    given: Given
    output: Json = None
    fault: Fault | None = None

    @property
    def succeeded(self) -> bool:
        return self.fault is None


Deed: TypeAlias = Callable[[Given], Json | Outcome | Awaitable[Json | Outcome]]
Fake: TypeAlias = Outcome | Sequence[Outcome] | Deed


def gives(output: Json, *, times: int = 1, receipt: Mapping[str, Json] | None = None, item: str = "") -> Outcome:
    """The attempt succeeds with this output."""
    return Outcome(output, times=times, receipt=receipt or {}, item=item)


def fails(
    code: str,
    message: str = "",
    *,
    times: int = 1,
    retryable: bool = True,
    retry_after_ms: int | None = None,
    maybe_happened: bool = False,
    hint: str = "",
    item: str = "",
) -> Outcome:
    """The attempt fails. `maybe_happened` says of a `once` step that nobody knows whether its effect took place."""

    def fault() -> Fault:
        return ActivityFault(
            code,
            message or f"{code}, as it was written into the test",
            retryable=retryable,
            retry_after_ms=retry_after_ms,
            maybe_happened=maybe_happened,
            hint=hint,
        )

    return Outcome(fault=fault, times=times, item=item)


def interrupted(reason: str = "its process died", *, times: int = 1, item: str = "") -> Outcome:
    """The attempt is cut off through no fault of its own."""
    return Outcome(fault=lambda: Interrupted("interrupted", reason), times=times, item=item)


class Fakes:
    """Stands in for everything outside, and remembers what it was asked to do."""

    def __init__(self, workflow: str, fakes: Mapping[str, Fake]) -> None:
        self.calls: list[Call] = []
        self.missed: list[str] = []  # steps that would have reached outside, and were not faked
        self._workflow = workflow
        self._fakes = dict(fakes)
        self._played: Counter[tuple[str, str | None]] = Counter()

    def fake(self, step: str, fake: Fake) -> None:
        self._fakes[step] = fake

    def activity(self, workflow: str, spec: StepPlan) -> Activity | None:
        """What carries out a step: a fake, the real thing where that stays in here, or a refusal."""
        if workflow == self._workflow and spec.name in self._fakes:
            return self._play
        if spec.uses in FOR_REAL:
            return ACTIVITIES[spec.uses]
        return None if spec.uses == CHILD else self._refuse

    def secret(self, reference: str, name: str) -> Secret:
        """Secrets are not looked up: nothing that is given here leaves this process."""
        return Secret(f"the-secret-{name}", name)

    async def _play(self, work: Work) -> Result:
        given = Given(work.step, work.item, work.round, work.attempt, work.idempotency_key, _shown(work.with_))
        outcome = await self._outcome(work, given)
        if outcome.fault is not None:
            fault = outcome.fault()
            self.calls.append(Call(given, fault=fault))
            raise fault
        require_output(outcome.output)
        self.calls.append(Call(given, outcome.output))
        return Result(output=outcome.output, receipt={"faked": True, **outcome.receipt})

    async def _outcome(self, work: Work, given: Given) -> Outcome:
        fake = self._fakes[work.step]
        if isinstance(fake, Outcome):
            return fake
        if callable(fake):
            found: Any = fake(given)
            found = await found if inspect.isawaitable(found) else found
            return found if isinstance(found, Outcome) else Outcome(found)
        listed = [one for one in fake if one.item and one.item == work.item] or [one for one in fake if not one.item]
        if not listed:
            self._miss(work)
        turn = self._played[work.step, work.item]
        self._played[work.step, work.item] += 1
        for outcome in listed:
            if turn < outcome.times:
                return outcome
            turn -= outcome.times
        return listed[-1]

    async def _refuse(self, work: Work) -> Result:
        self._miss(work)

    def _miss(self, work: Work) -> NoReturn:
        step = work.step.removesuffix(".each")
        self.missed.append(step if work.workflow == self._workflow else f"{work.workflow}: {step}")
        message = f"`{step}` uses {work.kind}, and nothing says what comes of it here."
        raise ActivityFault("not_faked", message, retryable=False, hint="Fake the step: say what it gives.")


def _shown(value: Any) -> Any:
    """What was given, with the names of secrets in their place."""
    if isinstance(value, Secret):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _shown(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_shown(part) for part in value]
    return value
