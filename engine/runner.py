"""The runner: carries out one attempt, from its mapped input to its report.

It starts only what has an attempt row on disk. Whatever happens, exactly one report follows: success, failure,
interruption, a gate that opened or a wait that began; the attempt's number keeps a late one from changing anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskGroup

from engine.activities import Activity, Result, Tools, Work
from engine.activities.outputs import validate_output
from engine.activities.work import Admission
from engine.api import Engine, Poisoned
from engine.at_once import AT_ONCE, Moment, reported
from engine.children import start_child
from engine.endpoints import Endpoints
from engine.ensuring import ensure
from engine.faults import ActivityFault, Fault, Interrupted, Later
from engine.mapping import Mapped, mapped
from engine.opening import After, plainly
from engine.outside import WORLD, Outside
from engine.rules.commands import (
    Command,
    KeepAnswer,
    ReportFailure,
    ReportInterrupted,
    ReportPolling,
    ReportSuccess,
)
from engine.rules.scope import at
from engine.rules.winding_up import belongs
from engine.secrets import Redactor
from engine.spending import Spending
from engine.time_allowed import TimeAllowed, own_ms
from engine.workers.process import WorkerDied
from store.canon import NotJson, digest
from store.endpoints import Attempt
from store.faults import StoreFault
from store.model import (
    LIMITS,
    Coordinates,
    Failure,
    Json,
    Kept,
    Plan,
    Run,
    RunId,
    RunStatus,
    StepKey,
    StepPlan,
    StepStatus,
)

log = structlog.get_logger("engine")

IN_TURN = frozenset({"python"})  # there are fewer workers than attempts: these say themselves when their work begins


@dataclass(slots=True)
class Runner:
    """Runs the attempts of this process."""

    engine: Engine
    tools: Tools
    group: TaskGroup
    endpoints: Endpoints
    redactor: Redactor = field(default_factory=Redactor)
    calendar: Callable[[str], After] = lambda name: plainly
    outside: Outside = WORLD
    spending: Spending = field(init=False)
    _under_way: dict[tuple[RunId, StepKey, int], anyio.CancelScope] = field(default_factory=dict)
    _stopping: bool = False
    _idle: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        self.spending = Spending(self.tools.models)

    @property
    def room(self) -> int:
        """How many more attempts may start."""
        return 0 if self._stopping else LIMITS.attempts_running_max - len(self._under_way)

    def start(self, run: Run, place: Coordinates) -> None:
        """Begin an attempt that was just claimed."""
        plan = self.engine.known_plan(run.version)
        spec = self.engine.spec_of(plan, place.step)
        if spec.uses in AT_ONCE and not _holds_large(run):
            command = self._at_once(plan, spec, run, place)
            self.engine.perform_soon(run.id, command, partial(self._report_later, run, command))
            return
        scope = anyio.CancelScope()
        self._under_way[run.id, place.key, place.attempt] = scope
        self.group.start_soon(self._attempt, plan, spec, run, place, scope)

    def warm_up(self) -> None:
        """Have a worker process ready when a workflow calls Python: its first attempt need not wait for the start."""
        plans = [definition.plan for definition in self.engine.definitions.values()]
        if any(spec.uses == "python" for plan in plans for spec in plan.steps):
            self.group.start_soon(self._warm)

    async def _warm(self) -> None:
        try:
            await self.tools.workers.warm()
        except WorkerDied as died:
            log.warning("worker.cold", reason=died.why, printed=died.printed)

    def note(self, run: Run) -> None:
        """Hear of a commit: what is under way and no longer wanted is asked to stop."""
        if not self._under_way:
            return
        self.spending.note(run)
        plan = self.engine.known_plan(run.version)
        for (run_id, key, attempt), scope in list(self._under_way.items()):
            if run_id == run.id and not _wanted(plan, run, key, attempt):
                scope.cancel()

    async def drain(self, seconds: float) -> None:
        """Start nothing more; give what is under way this long to finish, then cut it off."""
        self._stopping = True
        self._idle = anyio.Event()
        if not self._under_way:
            return
        with anyio.move_on_after(seconds):
            await self._idle.wait()
        for scope in self._under_way.values():
            scope.cancel()
        with anyio.move_on_after(5):
            await self._idle.wait()

    async def _attempt(
        self, plan: Plan, spec: StepPlan, run: Run, place: Coordinates, scope: anyio.CancelScope
    ) -> None:
        command: Command | None = None
        try:
            with scope:
                command = await self._outcome(plan, spec, run, place)
            if scope.cancelled_caught:
                reason = "the service was stopped" if self._stopping else "the run was ended"
                command = ReportInterrupted(place, reason, counts=not self._stopping)
            if command is not None:
                await self._report(run, command)
        finally:
            self._under_way.pop((run.id, place.key, place.attempt), None)
            self.spending.end(run.id, (place.key, place.attempt))
            if not self._under_way:
                self._idle.set()

    def _report_later(self, run: Run, command: Command, fault: BaseException) -> None:
        if not self._stopping and not self.engine.database.closed:
            log.warning("report.waits", run=run.name, reason=str(fault))
            self.group.start_soon(self._report, run, command)

    async def _report(self, run: Run, command: Command) -> None:
        """A report that cannot be written is tried again: the work behind it is done and must not be lost."""
        wait_seconds = 0.5
        while True:
            try:
                await self.engine.perform(run.id, command)
                return
            except Poisoned:
                return  # the run was paused with the reason
            except StoreFault as fault:
                if fault.fatal or self.engine.database.closed:
                    return
                log.warning("report.waits", run=run.name, reason=fault.message, hint=fault.hint)
                await anyio.sleep(wait_seconds)
                wait_seconds = min(wait_seconds * 2, 30)

    async def _outcome(self, plan: Plan, spec: StepPlan, run: Run, place: Coordinates) -> Command | None:
        """What to report of the attempt; None when it has been reported with what the attempt did."""
        try:
            if spec.uses in AT_ONCE:
                return await anyio.to_thread.run_sync(partial(self._at_once, plan, spec, run, place))
            activity = self.outside.activity(plan.workflow, spec)
            if activity is None:
                given = await self._given(plan, spec, run, place)
                await start_child(self.engine, spec, run, place, given.value)
                return None
            return await self._activity(activity, plan, spec, run, place)
        except Later as later:
            return ReportPolling(place, self.redactor.json(later.memo), self.engine.clock.now() + later.wait_ms)
        except Interrupted as cut:
            if spec.effect == "once" and not cut.maybe_happened:
                return ReportFailure(place, Failure(cut.code, self.redactor.text(cut.message), retryable=True))
            return ReportInterrupted(place, self.redactor.text(cut.message))
        except ActivityFault as fault:
            return self._failed(plan, spec, run, place, fault)
        except StoreFault as fault:
            return ReportFailure(place, Failure("store", fault.message, fault.hint, retryable=True))
        except Exception as error:
            return self._broke(run, place, error)

    def _failed(self, plan: Plan, spec: StepPlan, run: Run, place: Coordinates, fault: ActivityFault) -> Command:
        """The report of a failure. What is down for everybody holds the step back and does not use up its tries."""
        receipt = self.redactor.json(dict(fault.receipt)) or None
        error, usage = self._failure(fault), dict(fault.usage) or None
        wait_ms = self.endpoints.spares(plan, spec, run, run.steps[place.key], error, self.engine.clock.now())
        if wait_ms is None:
            return ReportFailure(place, error, usage, receipt, fault.anew, waited_ms=fault.waited_ms)
        error = replace(error, retry_after_ms=wait_ms)
        return ReportFailure(place, error, usage, receipt, fault.anew, counts=False, waited_ms=fault.waited_ms)

    async def _admits(self, run: Run, place: Coordinates, model: str) -> Admission:
        if not self.endpoints.knows(model):
            return Admission()
        by, now = Attempt(run.id, place.key, place.attempt), self.engine.clock.now()
        return await self.engine.database.write(lambda tx: self.endpoints.admits(tx, model, by, now))

    async def _activity(self, activity: Activity, plan: Plan, spec: StepPlan, run: Run, place: Coordinates) -> Command:
        given = await self._given(plan, spec, run, place)
        for secret in given.secrets:
            self.redactor.add(secret)
        if spec.uses == "model":
            self.spending.begin(plan, run, place, given.value, _reask(run.steps[place.key].error))
        time = TimeAllowed(spec, self._left_ms(spec, run, place))
        work = replace(self._work(plan, spec, run, place, given.value), began=time.begin, host_from=given.host_from)
        if spec.uses not in IN_TURN:
            time.begin()
        result: Result | None = None
        try:
            with time.scope:
                result = await activity(work)
            if time.scope.cancelled_caught or result is None:
                raise time.fault()
            return await self._success(plan, spec, run, place, result)
        except (ActivityFault, StoreFault) as trouble:
            fault = trouble if isinstance(trouble, ActivityFault) else _not_kept(trouble, spec)
            if result is not None:  # what came of it cannot be used, and was paid for all the same
                fault.receipt, fault.usage = result.receipt, result.usage
            fault.waited_ms = time.waited_ms
            raise fault from None
        except (Fault, Later):
            raise
        except Exception as error:
            return self._broke(run, place, error, happened=spec.effect != "pure")

    async def _given(self, plan: Plan, spec: StepPlan, run: Run, place: Coordinates) -> Mapped:
        mapping = partial(self._mapped, plan, spec, run, place)
        return await anyio.to_thread.run_sync(mapping) if _holds_large(run) else mapping()

    async def _success(self, plan: Plan, spec: StepPlan, run: Run, place: Coordinates, result: Result) -> Command:
        output = self.redactor.json(result.output)
        receipt = self.redactor.json(dict(result.receipt)) or None
        problems = validate_output(spec.output, output)
        if problems:
            raise ActivityFault(
                "output_invalid",
                f"The output does not have the declared shape: {'; '.join(problems[:5])}",
                retryable=spec.effect != "once",
                hint="Mend the step, or its `output:`.",
            )
        settings = self.engine.settings.get(plan.workflow, {})
        ensure(plan, spec, run, at(run.steps[place.key]), output, self.engine.content, settings)
        try:
            kept = await anyio.to_thread.run_sync(self.engine.content.kept, output)
        except NotJson as error:
            raise ActivityFault("output_invalid", f"The output is not JSON: {error}.", retryable=False) from None
        if kept.size > LIMITS.output_bytes_max:
            raise ActivityFault(
                "output_too_large",
                f"The output has {kept.size:,} bytes; at most {LIMITS.output_bytes_max:,} are kept.",
                retryable=False,
                hint="Write it to a file or a store and pass its address on.",
            )
        return ReportSuccess(place, kept, receipt, dict(result.usage) or None)

    def _work(self, plan: Plan, spec: StepPlan, run: Run, place: Coordinates, with_: Json) -> Work:
        key = f"{run.id}:{place.key}:{place.round}"
        step = run.steps[place.key]
        return Work(
            kind=spec.uses,
            run_id=run.id,
            run_name=run.name,
            workflow=run.workflow,
            folder=self._folder(run.workflow),
            step=place.step,
            item=place.item,
            round=place.round,
            attempt=place.attempt,
            idempotency_key=key,
            traceparent=traceparent(run.trace_id, f"{key}:{place.attempt}"),
            effect=spec.effect,
            with_=with_ or {},
            spec=spec.spec,
            output_schema=spec.output,
            attempt_timeout_ms=self._limit_ms(spec, run, place),
            tools=self.tools,
            keep_raw=partial(self._keep_raw, run.id, place),
            kept=partial(self._kept, step.kept),
            admits=partial(self._admits, run, place),
            reask=_reask(step.error),
            memo=step.memo,
            file_path=self.engine.content.path,
            content=self.engine.content,
        )

    async def _keep_raw(self, run_id: RunId, place: Coordinates, label: str, answer: Json, request: str) -> None:
        kept = await anyio.to_thread.run_sync(self.engine.content.kept, self.redactor.json(answer))
        performed = await self.engine.perform(run_id, KeepAnswer(place, label, kept, request))
        if performed.refusal is not None:
            raise Interrupted("attempt_stale", "the attempt was given up while it ran")

    async def _kept(self, kept: Kept | None, request: str) -> Json:
        """What an attempt before this one was answered to the same request, and could not look into any more."""
        if kept is None or kept.request != request:
            return None
        return await anyio.to_thread.run_sync(self.engine.content.value, kept.answer)

    def _folder(self, workflow: str) -> Path:
        definition = self.engine.definitions.get(workflow)
        return definition.folder if definition else Path()

    def _limit_ms(self, spec: StepPlan, run: Run, place: Coordinates) -> int | None:
        limits = (own_ms(spec), self._left_ms(spec, run, place))
        return min((limit for limit in limits if limit is not None), default=None)

    def _left_ms(self, spec: StepPlan, run: Run, place: Coordinates) -> int | None:
        """What is left of the step's time over all its attempts: see the step's `ready_at`."""
        if spec.timeout_ms is None:
            return None
        ready_at = run.steps[place.key].ready_at or self.engine.clock.now()
        return max(1, ready_at + spec.timeout_ms - self.engine.clock.now())

    def _mapped(self, plan: Plan, spec: StepPlan, run: Run, place: Coordinates) -> Mapped:
        settings, where = self.engine.settings.get(plan.workflow, {}), at(run.steps[place.key])
        return mapped(plan, spec, run, self.engine.content, settings, where, self.outside.secret)

    def _at_once(self, plan: Plan, spec: StepPlan, run: Run, place: Coordinates) -> Command:
        """The report of a step that only computes."""
        try:
            value = self._mapped(plan, spec, run, place).value
            moment = Moment(self.engine.clock.now(), run, place, self.engine.content, self.calendar)
            return reported(spec, value, moment)
        except ActivityFault as fault:
            return ReportFailure(place, self._failure(fault))
        except NotJson as error:
            return ReportFailure(place, Failure("output_invalid", f"The value is not JSON: {error}."))
        except StoreFault as fault:
            return ReportFailure(place, Failure("store", fault.message, fault.hint, retryable=True))
        except Exception as error:
            return self._broke(run, place, error)

    def _broke(self, run: Run, place: Coordinates, error: Exception, *, happened: bool = False) -> Command:
        log.error("attempt.broke", run=run.name, step=place.key, exc_info=error)
        message = self.redactor.text(f"Pointsman broke while it ran the step: {type(error).__name__}: {error}")
        return ReportFailure(place, Failure("internal", message, "See the log.", maybe_happened=happened))

    def _failure(self, fault: ActivityFault) -> Failure:
        return Failure(
            fault.code,
            self.redactor.text(fault.message),
            self.redactor.text(fault.hint),
            fault.retryable,
            fault.retry_after_ms,
            fault.maybe_happened,
            self.redactor.json(fault.detail),
        )


def _wanted(plan: Plan, run: Run, key: StepKey, attempt: int) -> bool:
    step = run.steps.get(key)
    if step is None or step.status is not StepStatus.RUNNING or step.attempt != attempt or run.status.finished:
        return False
    return run.status is not RunStatus.ENDING or belongs(plan, step)


def _not_kept(trouble: StoreFault, spec: StepPlan) -> ActivityFault:
    """The disk did not take what came of the step's work, which was done, or may have been."""
    return ActivityFault("store", trouble.message, hint=trouble.hint, maybe_happened=spec.effect != "pure")


def _reask(error: Failure | None) -> Mapping[str, str] | None:
    """What a model is to be told about an earlier answer; trouble at its endpoint in between passes that on."""
    detail = error.detail if error is not None else None
    told = detail.get("reask", detail) if isinstance(detail, Mapping) else None
    if isinstance(told, Mapping) and {"answer", "error"} <= told.keys():
        return {"answer": str(told["answer"]), "error": str(told["error"])}
    return None


def _holds_large(run: Run) -> bool:
    return run.inputs.hash is not None or run.large > 0


def traceparent(trace_id: str, span: str) -> str:
    """The W3C trace context of one attempt: the run's trace, and a span of its own."""
    return f"00-{trace_id}-{digest(span)[:16]}-01"
