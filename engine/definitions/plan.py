"""From a checked file to the plan a run is pinned to, and what follows the newest file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from engine.definitions.calls import Signature
from engine.definitions.shape import (
    AnyStep,
    ApprovalStep,
    CommandStep,
    HttpStep,
    ModelStep,
    PythonStep,
    StepShape,
    WorkflowFile,
    WorkShape,
)
from store.canon import digest
from store.model import Access, Edge, Effect, GatePlan, Json, Plan, Retry, StepPlan, Workflow

BEHAVIOUR = 1  # stands in every version's hash: raise it when the meaning of a plan changes
_ATTEMPTS = {"http": 3, "model": 3, "python": 3}
_PURE = frozenset({"transform", "model"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_PRESENTATION = frozenset({"title"})  # of a step: how it is called changes nothing about what it does


def plan_of(
    file: WorkflowFile,
    *,
    inputs: Mapping[str, Json],
    settings: Mapping[str, Json],
    edges: Mapping[str, tuple[Edge, ...]],
    with_: Mapping[str, Json],
    schemas: Mapping[str, Json],
    signatures: Mapping[str, Signature],
) -> Plan:
    """The behaviour of a file, its version included. `with_` and `schemas` (of outputs) are by step."""
    steps = tuple(
        _step(name, step, edges[name], with_[name], schemas.get(name), signatures.get(name))
        for name, step in file.steps.items()
    )
    plan = Plan(
        workflow=file.workflow,
        inputs=dict(inputs),
        steps=steps,
        outputs=file.outputs or None,
        duration_ms=file.limits.duration,
        secrets=dict(file.secrets),
        settings=dict(settings),
        vars=dict(file.vars),
    )
    return replace(plan, version=version_of(plan))


def version_of(plan: Plan) -> str:
    """Sha256 of the behaviour: the same for two files that do the same, whatever they are called and look like."""
    behaviour: dict[str, Any] = asdict(plan)
    del behaviour["version"]
    for step in behaviour["steps"]:
        for key in _PRESENTATION:
            del step[key]
    # The order of inputs is how a form asks for them; the order of steps is how a run is shown. Neither is hidden
    # from the version: people decide on what they saw.
    behaviour["inputs"] = list(behaviour["inputs"].items())
    return digest({"behaviour": BEHAVIOUR, **behaviour})


def _step(
    name: str, step: AnyStep, edges: tuple[Edge, ...], with_: Json, schema: Json, signature: Signature | None
) -> StepPlan:
    work = step if isinstance(step, WorkShape) else None
    return StepPlan(
        name=name,
        uses=step.uses,
        title=step.title,
        needs=edges,
        when=step.when,
        with_=with_,
        spec=_spec(step),
        output=schema,
        retry=_retry(step),
        attempt_timeout_ms=work.attempt_timeout if work else None,
        timeout_ms=work.timeout if work else None,
        effect=effect_of(step, signature),
        on_failure=step.on_failure,
        gate=_gate(step) if isinstance(step, ApprovalStep) else None,
    )


def _spec(step: AnyStep) -> dict[str, Json]:
    match step:
        case PythonStep(call=call):
            return {"call": call}
        case CommandStep(parse=parse):
            return {"parse": parse}
    return {}


def _retry(step: AnyStep) -> Retry:
    default = _ATTEMPTS.get(step.uses, 1)
    if not isinstance(step, WorkShape):
        return Retry(attempts=default)
    low, high = step.retry.backoff
    return Retry(attempts=step.retry.attempts or default, backoff_min_ms=low, backoff_max_ms=high)


def effect_of(step: StepShape, signature: Signature | None) -> Effect:
    """What repeating the step means: as written, as the function says, or as is usual for its kind."""
    written: Effect | None = getattr(step, "effect", None)
    if written is not None:
        return written
    match step:
        case ModelStep():
            return "pure"
        case HttpStep():
            return "idempotent" if step.with_.method in _SAFE_METHODS else "once"
        case CommandStep():
            return "once"
        case PythonStep() if signature is not None and signature.effect is not None:
            return signature.effect
    return "pure" if getattr(step, "uses", "") in _PURE else "idempotent"


def _gate(step: ApprovalStep) -> GatePlan:
    said = step.with_
    return GatePlan(
        approvers=said.approvers,
        quorum=said.quorum,
        requester_may_decide=said.requester_may_decide,
        due_ms=said.due,
        expires_ms=said.expires,
        on_expiry=said.on_expiry,
        on_reject=said.on_reject,
    )


def workflow_of(file: WorkflowFile, version: str, shown_file: str) -> Workflow:
    """How a workflow is called, shown and guarded."""
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
    )
