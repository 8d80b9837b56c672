"""The shape of a workflow file: which keys there are, and what each one holds.

A step's keys depend on its kind (`uses`). The same models check a file and describe it to editors (`file_schema`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.definitions.gate_shapes import DAY_MS, GateDefaults
from engine.definitions.slots import ExpressionText, MaybeNumber, MaybeWhole, SchemaText, Shape, TemplateMap
from engine.definitions.step_shapes import AnyStep, PolicyDefaults
from engine.definitions.trigger_shapes import AnyTrigger
from engine.definitions.words import (
    Allowed,
    Channel,
    MaybeDuration,
    MaybeRate,
    PersonRef,
    PositiveDuration,
    SecretRef,
    WorkflowName,
)
from store.model import LIMITS


class AccessShape(Shape):
    """Who may start, see and control runs; whether an operator may decide in the approvers' place."""

    start: Allowed = ("members",)
    see: Allowed = ("members",)
    control: Allowed = ("members",)
    override: bool = True


class ConcurrencyShape(Shape):
    """How many runs may be open at once, and what becomes of one more."""

    max: int = Field(ge=1, le=100_000)
    per: ExpressionText = None
    when_full: Literal["queue", "refuse", "cancel_oldest"] = "queue"


class BudgetShape(Shape):
    """What the model calls of one run may cost."""

    usd: MaybeNumber = Field(None, gt=0)
    tokens: MaybeWhole = Field(None, ge=1)


class LimitsShape(Shape):
    """Bounds of a run."""

    duration: Annotated[PositiveDuration, Field(description="Time in which something is ready or running.")] = (
        7 * DAY_MS
    )
    concurrency: ConcurrencyShape | None = None
    budget: BudgetShape | None = None
    items: MaybeWhole = Field(None, ge=1, le=LIMITS.items_max)
    rate: MaybeRate = None


class AlertsShape(Shape):
    """Who is told what."""

    failed: Channel = ""


class SlackShape(Shape):
    """How a run shows itself in Slack."""

    show: Literal["always", "when_needed", "never"] = "always"


class KeepShape(Shape):
    """For how long what was written in a run is kept; the evidence that it was stays."""

    content: MaybeDuration = None


class DefaultsShape(Shape):
    """What all steps of a kind say in this file, unless they say something else."""

    model: PolicyDefaults | None = None
    http: PolicyDefaults | None = None
    python: PolicyDefaults | None = None
    command: PolicyDefaults | None = None
    approval: GateDefaults | None = None
    form: GateDefaults | None = None


class WorkflowFile(Shape):
    """A whole workflow file."""

    workflow: WorkflowName
    title: str = ""
    description: str = ""
    owner: PersonRef = ""
    channel: Channel = ""
    access: AccessShape = AccessShape()
    inputs: dict[str, SchemaText] = Field({})
    on: list[AnyTrigger] = Field([])
    limits: LimitsShape = LimitsShape()
    dedupe: ExpressionText = None
    schemas: dict[str, SchemaText] = Field({})
    secrets: dict[str, SecretRef] = Field({})
    settings: dict[str, SchemaText] = Field({})
    vars: dict[str, Any] = Field({})
    defaults: DefaultsShape = DefaultsShape()
    steps: dict[str, AnyStep]
    finally_: dict[str, AnyStep] = Field({}, alias="finally")
    outputs: TemplateMap = Field({})
    alerts: AlertsShape = AlertsShape()
    slack: SlackShape = SlackShape()
    keep: KeepShape = KeepShape()


def file_schema() -> dict[str, Any]:
    """The JSON Schema of a workflow file, for editors."""
    schema = WorkflowFile.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pointsman workflow",
        **{key: value for key, value in schema.items() if key != "title"},
    }
