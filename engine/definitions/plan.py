"""From a checked file to the plan a run is pinned to, and what follows the newest file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any

from engine.definitions.calls import Signature
from engine.definitions.gate_shapes import ApprovalWith, FormWith
from engine.definitions.outline import Outline, Site
from engine.definitions.shape import WorkflowFile
from engine.definitions.step_shapes import (
    ApprovalStep,
    BlockStep,
    CommandDeed,
    Deed,
    FormStep,
    HttpDeed,
    ModelStep,
    PythonDeed,
    StepShape,
    TransformStep,
    WaitStep,
    WorkflowDeed,
    WorkShape,
)
from engine.definitions.steps import event_of, poll_of
from store.canon import digest
from store.model import (
    Access,
    Budget,
    Changes,
    Concurrency,
    Edge,
    Effect,
    Ensure,
    Fanout,
    GatePlan,
    Json,
    Plan,
    Retry,
    Seats,
    StepPlan,
    Trigger,
    Workflow,
    block_of,
)

BEHAVIOUR = 1  # stands in every version's hash: raise it when the meaning of a plan changes
_ATTEMPTS = {"http": 3, "model": 3, "python": 3}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_PRESENTATION = frozenset({"title"})  # of a step: how it is called changes nothing about what it does


@dataclass(slots=True)
class Understood:
    """What the examination of a file found out about its steps, each by its name in the plan."""

    with_: dict[str, Json] = field(default_factory=dict)
    schemas: dict[str, Json] = field(default_factory=dict)  # of outputs
    forms: dict[str, Json] = field(default_factory=dict)  # what people fill in
    shown: dict[str, Json] = field(default_factory=dict)  # what gates show
    signatures: dict[str, Signature] = field(default_factory=dict)
    edges: dict[str, tuple[Edge, ...]] = field(default_factory=dict)


def plan_of(
    file: WorkflowFile,
    outline: Outline,
    understood: Understood,
    *,
    inputs: Mapping[str, Json],
    settings: Mapping[str, Json],
) -> Plan:
    """The behaviour of a file, its version included."""
    limits = file.limits
    plan = Plan(
        workflow=file.workflow,
        inputs=dict(inputs),
        steps=tuple(_step(site, understood) for site in outline.sites.values()),
        outputs=file.outputs or None,
        duration_ms=limits.duration,
        secrets=dict(file.secrets),
        settings=dict(settings),
        vars=dict(file.vars),
        undo=tuple(_step(site, understood) for site in outline.undos.values()),
        budget=Budget(limits.budget.usd, limits.budget.tokens) if limits.budget else None,
        concurrency=(
            Concurrency(limits.concurrency.max, limits.concurrency.per, limits.concurrency.when_full)
            if limits.concurrency
            else None
        ),
        dedupe=file.dedupe,
        items_max=limits.items,
        rate=limits.rate,
    )
    return replace(plan, version=version_of(plan))


def version_of(plan: Plan) -> str:
    """Sha256 of the behaviour: the same for two files that do the same, whatever they are called and look like."""
    return digest(behaviour_of(plan))


def behaviour_of(plan: Plan) -> Json:
    """What makes a version: all that a plan does, and nothing of what it is called.

    What equals its default is left out, so that a noun may gain fields without a new version of every workflow.
    """
    behaviour = _said(replace(plan, version=""))
    for step in (*behaviour.get("steps", ()), *behaviour.get("undo", ())):
        for key in _PRESENTATION & step.keys():
            del step[key]
    # The order of inputs is how a form asks for them; the order of steps is how a run is shown. Neither is hidden
    # from the version: people decide on what they saw.
    behaviour["inputs"] = list(behaviour["inputs"].items())
    return {"behaviour": BEHAVIOUR, **behaviour}


def _said(value: Any) -> Any:
    """A noun as JSON, fields that equal their defaults left out."""
    if isinstance(value, tuple):
        return [_said(one) for one in value]
    if not is_dataclass(value):
        return value
    told: dict[str, Any] = {}
    for one in fields(value):
        default = one.default if one.default_factory is MISSING else one.default_factory()
        given = getattr(value, one.name)
        if default is MISSING or given != default or isinstance(given, bool) is not isinstance(default, bool):
            told[one.name] = _said(given)
    return told


def _step(site: Site, understood: Understood) -> StepPlan:
    step, name = site.step, site.name
    deed = step if isinstance(step, Deed) else None
    around = step if isinstance(step, StepShape) else StepShape()
    return StepPlan(
        name=name,
        uses=step.uses,
        title=step.title,
        needs=understood.edges.get(name, ()),
        when=around.when,
        with_=understood.with_[name],
        spec=_spec(site),
        output=understood.schemas.get(name),
        retry=_retry(site),
        attempt_timeout_ms=deed.attempt_timeout if deed else None,
        timeout_ms=deed.timeout if deed else None,
        effect=effect_of(site, understood.signatures.get(name)),
        on_failure=around.on_failure,
        gate=_gate_of(site, understood),
        fanout=_fanout(step) if isinstance(step, BlockStep) and step.foreach is not None else None,
        ensure=tuple(Ensure(one.that, one.else_) for one in step.ensure) if isinstance(step, WorkShape) else (),
        phase="finally" if site.phase == "finally" else "main",
    )


def _spec(site: Site) -> dict[str, Json]:
    match site.step:
        case PythonDeed(call=call) | WorkflowDeed(call=call):
            return {"call": call}
        case CommandDeed(parse=parse):
            return {"parse": parse}
        case HttpDeed():
            poll = poll_of(site.step)
            return {"poll": poll} if poll is not None else {}
        case WaitStep():
            return event_of(site.step)
    return {}


def _retry(site: Site) -> Retry:
    default = _ATTEMPTS.get(site.step.uses, 1)
    if not isinstance(site.step, Deed):
        return Retry(attempts=default)
    low, high = site.step.retry.backoff
    return Retry(attempts=site.step.retry.attempts or default, backoff_min_ms=low, backoff_max_ms=high)


def effect_of(site: Site, signature: Signature | None) -> Effect:
    """What repeating the step means: as written, as the function says, or as is usual for its kind.

    Taking a step back twice leaves it taken back, so an undo counts as idempotent unless it says something else.
    """
    step = site.step
    written: Effect | None = getattr(step, "effect", None)
    if written is not None:
        return written
    if isinstance(step, PythonDeed) and signature is not None and signature.effect is not None:
        return signature.effect
    if site.phase == "undo":
        return "idempotent"
    match step:
        case ModelStep() | TransformStep():
            return "pure"
        case HttpDeed():
            return "idempotent" if step.with_.method in _SAFE_METHODS else "once"
        case CommandDeed():
            return "once"
    return "idempotent"


def _fanout(step: BlockStep) -> Fanout:
    tolerate, percent = step.tolerate
    return Fanout(step.foreach or "", step.as_, step.key, step.concurrency, tolerate, percent)


def _gate_of(site: Site, understood: Understood) -> GatePlan | None:
    if not isinstance(site.step, ApprovalStep | FormStep):
        return None
    return _gate(site, site.step.with_, understood.forms.get(site.name), understood.shown.get(site.name))


def _gate(site: Site, said: ApprovalWith | FormWith, form: Json, shown: Json) -> GatePlan:
    approval = said if isinstance(said, ApprovalWith) else None
    seats = tuple(Seats(one.approvers, one.quorum) for one in approval.all_of) if approval else ()
    approvers, among = (said.approvers, ()) if isinstance(said.approvers, tuple) else ((), said.approvers.among)
    if seats:
        approvers = tuple(dict.fromkeys(person for seat in seats for person in seat.approvers))
    changes = approval.changes if approval else None
    prefix = f"{block_of(site.name)}." if block_of(site.name) else ""
    return GatePlan(
        approvers=approvers,
        quorum=sum(seat.quorum for seat in seats) if seats else approval.quorum if approval else 1,
        requester_may_decide=said.requester_may_decide,
        due_ms=said.due,
        expires_ms=said.expires,
        on_expiry=said.on_expiry,
        on_reject=approval.on_reject if approval else "end",
        all_of=seats,
        among=among,
        form=form,
        edit=tuple(approval.edit) if approval else (),
        shown=shown if approval and approval.edit else None,
        choices=approval.choices if approval else (),
        changes=Changes(f"{prefix}{changes.rerun}", changes.rounds) if changes else None,
        remind_before_due_ms=said.remind_before_due,
        remind_after_due_ms=said.remind_after_due,
        escalate_after_due_ms=said.escalate_after_due,
        escalate_to=said.escalate_to,
        hours=said.hours,
        digest_ms=said.digest,
    )


def workflow_of(file: WorkflowFile, version: str, shown_file: str, triggers: tuple[Trigger, ...]) -> Workflow:
    """How a workflow is called, shown and guarded, and what starts it."""
    return Workflow(
        name=file.workflow,
        title=file.title or file.workflow.replace("_", " ").capitalize(),
        version=version,
        description=file.description.strip(),
        owner=file.owner,
        channel=file.channel,
        access=Access(file.access.start, file.access.see, file.access.control, file.access.override),
        alerts_failed=file.alerts.failed,
        show=file.slack.show,
        file=shown_file,
        triggers=triggers,
        keep_content_ms=file.keep.content,
    )
