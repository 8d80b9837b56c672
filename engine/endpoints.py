"""Endpoints: who may use one and when. A step that may not stands in line, ready; no attempt of it is burnt.

There are two reasons to wait. The operator limits an endpoint (engine.turns), or it is down: after several failures one
after the other it is held, for longer each time, and then one step may try it. All that is known stands in rows; what
is remembered here of them only spares looking for what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from engine.activities.work import Admission
from engine.models import Models
from engine.needing import MODEL, Needing
from engine.rules.attempts import may_work
from engine.turns import forget_old_uses, next_turn_at
from engine.verdicts import ENDS, Verdict, verdicts
from store import endpoints
from store.database import Reader, Writer
from store.endpoints import Attempt, Endpoint
from store.events import Event, StepPolled
from store.model import Failure, Json, Millis, Plan, Run, RunId, Step, StepKey, StepPlan, StepStatus

log = structlog.get_logger("engine")

FAILURES_TO_HOLD = 5
HOLD_MIN_MS = 10_000
HOLD_MAX_MS = 600_000
CONCURRENT_WAIT_MS = 1_000  # how long to wait when only the end of another use can make room
USES = frozenset(("model", "http"))
SpecOf = Callable[[Plan, str], StepPlan]
ClaimFirst = Callable[[RunId, StepKey, str], None]  # claims a step that left this line


@dataclass(slots=True)
class Endpoints:
    """Lets steps use their endpoints, or stand in line. All but `knows` and `spares` belongs inside a write."""

    models: Models
    needing: Needing
    spec_of: SpecOf
    _limited: frozenset[str] = frozenset()
    _troubled: dict[str, Endpoint] | None = None  # as committed; None until it has been looked up
    _lines: set[str] = field(default_factory=set)  # endpoints that somebody may stand in line for
    _touched: set[str] = field(default_factory=set)  # endpoints that changed in this batch
    _parked: dict[tuple[RunId, StepKey], str] = field(default_factory=dict)  # who joined which line in this batch
    _taken: dict[Attempt, str] = field(default_factory=dict)  # which endpoint an attempt was let in for

    def __post_init__(self) -> None:
        self._limited = frozenset(f"{MODEL}{one.name}" for one in self.models.endpoints.values() if one.limited)

    # Letting in --------------------------------------------------------------------------------------------------

    def lets(self, tx: Writer, plan: Plan, run: Run, key: StepKey, now: Millis, *, first_of: str | None = None) -> bool:
        """Whether a ready step may be claimed; else it stands in line from here on. `first_of` is the line it left."""
        step = run.steps.get(key)
        if step is None or step.kept is not None or not self.active(tx):
            return True  # also who was answered already, and only has to look into it
        spec = self.spec_of(plan, step.name)
        ready = step.status is StepStatus.READY and step.due_at is not None and step.due_at <= now
        if spec.uses not in USES or not ready or not may_work(plan, run, step):
            return True  # whoever claims it will see
        by = Attempt(run.id, key, step.attempt + 1)
        held: list[Endpoint] = []
        for name in self.needing.names(plan, spec, run, step, self._interesting()):
            one = self._state(tx, name)
            if one.held and not self._may_probe(tx, one, now):
                held.append(one)
            elif self._has_turn(tx, one, now, first_of):
                self._take(tx, one, by, now)
                return True
            else:
                return self._park(tx, name, by)
        if not held:
            return True
        return self._park(tx, min(held, key=lambda one: one.held_until or 0).name, by)

    def _has_turn(self, tx: Writer, one: Endpoint, now: Millis, first_of: str | None) -> bool:
        if one.held:
            return True  # it is the one that tries
        if one.name in self._lines and first_of != one.name:
            return False
        turn_at = self._turn_at(tx, one.name, now)
        return turn_at is not None and turn_at <= now

    def _may_probe(self, tx: Writer, one: Endpoint, now: Millis) -> bool:
        if one.held_until is None or one.held_until > now:
            return False
        return one.probe is None or not endpoints.is_under_way(tx, one.probe)

    def _turn_at(self, tx: Writer, name: str, now: Millis) -> Millis | None:
        if name not in self._limited:
            return now
        return next_turn_at(tx, name, self.models.endpoints[name.removeprefix(MODEL)], now)

    def _take(self, tx: Writer, one: Endpoint, by: Attempt, now: Millis) -> None:
        if one.held:
            self._keep(tx, replace(one, probe=by))
        if one.name in self._limited:
            forget_old_uses(tx, one.name, self.models.endpoints[one.name.removeprefix(MODEL)], now)
            endpoints.use(tx, one.name, now, by)
            self._taken[by] = one.name

    def _park(self, tx: Writer, name: str, by: Attempt) -> bool:
        endpoints.stand_in_line(tx, name, by.run_id, by.key)
        self._parked[by.run_id, by.key] = name
        self._lines.add(name)
        return False

    # The lines ---------------------------------------------------------------------------------------------------

    def in_line(self, tx: Writer, run_id: RunId, step: Step) -> bool:
        """Whether a ready step of a run that changed in this batch stands in line."""
        if (run_id, step.key) in self._parked:
            return True
        return bool(self._lines) and endpoints.stands_in_line(tx, run_id, step)

    def serve(self, tx: Writer, now: Millis, room: int, only: Collection[RunId] | None, claim: ClaimFirst) -> None:
        """Have those claimed whose turn it is, first come, first served."""
        self._load(tx)
        for name in sorted(self._lines):
            self._serve_line(tx, name, now, room, only, claim)

    def _serve_line(
        self, tx: Writer, name: str, now: Millis, room: int, only: Collection[RunId] | None, claim: ClaimFirst
    ) -> None:
        tried: set[tuple[RunId, StepKey]] = set()
        while room > len(tried) and self._opens_at(tx, name, now) == now:
            one_by_one = name in self._limited or self._state(tx, name).held
            found = endpoints.in_line(tx, name, 1 if one_by_one else room - len(tried), only, tried)
            if not found:
                if name not in self._parked.values() and endpoints.waiting(tx, name) == 0:
                    self._lines.discard(name)
                return
            for run_id, key in found:
                tried.add((run_id, key))
                claim(run_id, key, name)

    def _opens_at(self, tx: Writer, name: str, now: Millis) -> Millis | None:
        """When the first in line may go, at the earliest now; None when that depends on what is under way."""
        one = self._state(tx, name)
        if one.held_until is None:
            turn_at = self._turn_at(tx, name, now)
            return None if turn_at is None else max(turn_at, now)
        if one.held_until <= now and not self._may_probe(tx, one, now):
            return None
        return max(one.held_until, now)

    def close(self, tx: Writer, now: Millis) -> Millis | None:
        """The batch is whole. Gives when to look at the lines again; None when a commit will tell."""
        looks = []
        for name in self._lines:
            opens_at = self._opens_at(tx, name, now)
            # Whoever joined in this batch is in no row yet: there may be room for him in the next one.
            if opens_at is not None and (opens_at > now or name in self._parked.values()):
                looks.append(opens_at)
        self._touched.clear()
        self._parked.clear()
        return min(looks, default=None)

    def try_now(self, tx: Writer, name: str, now: Millis) -> Endpoint:
        """Let the first in line try an endpoint that is held; gives the endpoint as it stood before."""
        self._load(tx)
        one = self._state(tx, name)
        if one.held_until is not None and one.held_until > now:
            self._keep(tx, replace(one, held_until=now))
        return one

    # What became of it -------------------------------------------------------------------------------------------

    def note(self, tx: Writer, plan: Plan, run: Run, events: tuple[Event, ...], now: Millis) -> None:
        """Learn from the attempts that ended in this change."""
        for event in events:
            if type(event) not in ENDS:
                continue
            place = event.place  # type: ignore[union-attr]
            if self.spec_of(plan, place.step).uses not in USES or not place.attempt:
                continue
            by = Attempt(run.id, place.key, place.attempt)
            spec = self.spec_of(plan, place.step)
            learnt = [one for one in verdicts(spec, _error(event), _receipt(event)) if not one.full]
            self._settle(tx, by, event, learnt)
            for verdict in learnt:
                self._judge(tx, verdict, by, now)
            if type(event) is StepPolled:
                self._was_polled(tx, by, now)

    def _settle(self, tx: Writer, by: Attempt, event: Event, learnt: Sequence[Verdict]) -> None:
        if not self._limited:
            return
        self._taken.pop(by, None)
        usage: Mapping[str, int] | None = getattr(event, "usage", None)
        if usage and not usage.get("calls"):
            endpoints.unused(tx, by)  # answered from what was kept
        else:
            tokens = sum((usage or {}).get(name, 0) for name in ("tokens_in", "tokens_out"))
            endpoints.used(tx, by, tokens, next((one.name for one in learnt if not one.down), None))

    def _judge(self, tx: Writer, verdict: Verdict, by: Attempt, now: Millis) -> None:
        self._load(tx)
        known = verdict.name in (self._troubled or {}) or verdict.name in self._touched
        if verdict.down:
            self._is_down(tx, self._state(tx, verdict.name), verdict, by, now)
        elif known:
            self._is_up(tx, self._state(tx, verdict.name), now)

    def _is_down(self, tx: Writer, one: Endpoint, verdict: Verdict, by: Attempt, now: Millis) -> None:
        failed = replace(one, failures=one.failures + 1, code=verdict.code, message=verdict.message)
        wait_ms = verdict.retry_after_ms or 0
        if one.held and one.probe == by:
            hold_ms = max(_hold_ms(one.holds), wait_ms)
            self._keep(tx, replace(failed, holds=one.holds + 1, held_until=now + hold_ms, probe=None))
        elif not one.held and failed.failures >= FAILURES_TO_HOLD:
            until = now + max(_hold_ms(0), wait_ms)
            self._keep(tx, replace(failed, holds=1, held_since=now, held_until=until, up_at=None))
            tx.after_commit(lambda: _tell_held(failed, until - now))
        else:
            self._keep(tx, failed)

    def _is_up(self, tx: Writer, one: Endpoint, now: Millis) -> None:
        if not one.failures and not one.held:
            return
        self._keep(tx, Endpoint(one.name, up_at=now if one.held else one.up_at))
        if one.held:
            tx.after_commit(lambda: log.info("endpoint.recovered", endpoint=one.name, held_since=one.held_since))

    def _was_polled(self, tx: Writer, by: Attempt, now: Millis) -> None:
        """Work that was given away is not done yet: whoever said so answered, though not by name."""
        for name, one in list((self._troubled or {}).items()):
            if one.probe == by:
                self._is_up(tx, self._state(tx, name), now)

    # While an attempt is under way -------------------------------------------------------------------------------

    def knows(self, model: str) -> bool:
        """Whether there is anything to ask before this model is used."""
        name = f"{MODEL}{model}"
        return name in self._limited or name in (self._troubled or {})

    def admits(self, tx: Writer, model: str, by: Attempt, now: Millis) -> Admission:
        """Whether an attempt may ask a model; when it may, that is counted as a use."""
        self._load(tx)
        one = self._state(tx, f"{MODEL}{model}")
        if one.held_until is not None and one.probe != by and one.held_until > now:
            return Admission(one.held_until - now, held=True)
        if one.name not in self._limited or self._taken.get(by) == one.name:
            return Admission()
        turn_at = self._turn_at(tx, one.name, now)
        if turn_at is None or turn_at > now:
            return Admission(CONCURRENT_WAIT_MS if turn_at is None else turn_at - now)
        self._take(tx, replace(one, held_until=None), by, now)
        return Admission()

    def spares(self, plan: Plan, spec: StepPlan, run: Run, step: Step, error: Failure, now: Millis) -> int | None:
        """How long a step has to wait whose endpoints are all down or full; None when the failure is its own.

        Not at all when it can be told beforehand what it needs: then it stands in line.
        """
        if spec.uses not in USES or not error.retryable:
            return None
        told = verdicts(spec, error, None)
        wait_ms = self._wait_ms(told, now)
        if wait_ms is None or self.needing.names(plan, spec, run, step, {one.name for one in told}):
            return None if wait_ms is None else 0
        return wait_ms

    def _wait_ms(self, told: Sequence[Verdict], now: Millis) -> int | None:
        waits: list[int] = []
        for one in told:
            if one.full:
                waits.append(one.retry_after_ms or CONCURRENT_WAIT_MS)
                continue
            known = (self._troubled or {}).get(one.name, Endpoint(one.name))
            if not one.down or not (known.held or known.failures + 1 >= FAILURES_TO_HOLD):
                return None
            left_ms = (known.held_until or 0) - now
            waits.append(max(left_ms if left_ms > 0 else HOLD_MIN_MS, one.retry_after_ms or 0))
        return min(waits, default=None)

    def forget(self) -> None:
        """A batch was rolled back: only the rows are true."""
        self._troubled = None
        self._touched.clear()
        self._parked.clear()

    # What is known -----------------------------------------------------------------------------------------------

    def active(self, tx: Reader) -> bool:
        self._load(tx)
        return bool(self._limited or self._troubled or self._lines or self._touched)

    @property
    def lined_up(self) -> bool:
        """Whether anybody may stand in line."""
        return bool(self._lines)

    def _interesting(self) -> frozenset[str]:
        return self._limited | self._lines | self._touched | (self._troubled or {}).keys()

    def _load(self, tx: Reader) -> None:
        if self._troubled is None:
            self._troubled = endpoints.troubled(tx)
            self._lines |= set(endpoints.lines(tx))

    def _state(self, tx: Reader, name: str) -> Endpoint:
        if name in self._touched:
            return endpoints.find(tx, name)
        return (self._troubled or {}).get(name) or Endpoint(name)

    def _keep(self, tx: Writer, one: Endpoint) -> None:
        endpoints.keep(tx, one)
        self._touched.add(one.name)
        tx.after_commit(lambda: self._remember(one))

    def _remember(self, one: Endpoint) -> None:
        if self._troubled is None:
            return
        if one.failures or one.held:
            self._troubled[one.name] = one
        else:
            self._troubled.pop(one.name, None)


def _error(event: Event) -> Failure | None:
    return getattr(event, "error", None)


def _receipt(event: Event) -> Json:
    return getattr(event, "receipt", None)


def _hold_ms(holds: int) -> int:
    return int(min(HOLD_MIN_MS * 2 ** min(holds, 30), HOLD_MAX_MS))


def _tell_held(one: Endpoint, hold_ms: int) -> None:
    log.warning("endpoint.held", endpoint=one.name, code=one.code, reason=one.message, tried_again_in_ms=hold_ms)
