"""The shape of a test file: what is made up for a case, what people do in it, and what is expected of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, cast, get_args

from pydantic import BeforeValidator, Field, InstanceOf, WithJsonSchema

from engine.calendars import Calendar, CalendarUnfit, calendar_from
from engine.definitions.slots import MaybeLength, Shape, TemplateMap
from engine.definitions.words import WorkflowName, given, refuse, something
from engine.mapping import moment
from store.model import GateState, Json, RunStatus, StepStatus

LEFT_OUT: Any = cast(Any, object())
RunWord: TypeAlias = Literal["queued", "running", "paused", "ending", "succeeded", "failed", "rejected", "cancelled"]
StepWord: TypeAlias = Literal[
    "pending", "ready", "running", "waiting", "succeeded", "failed", "skipped", "cancelled", "unknown"
]
GateWord: TypeAlias = Literal[
    "open", "approved", "rejected", "returned", "answered", "expired", "superseded", "withdrawn"
]
assert set(get_args(RunWord)) == set(RunStatus)
assert set(get_args(StepWord)) == set(StepStatus)
assert set(get_args(GateWord)) == set(GateState)

_PERSON: dict[str, Any] = {"anyOf": [{"const": "guest"}, {"type": "array", "items": {"type": "string"}}]}
VERBS = ("approve", "reject", "changes", "choose", "answer", "edit")
"""What somebody may do at a gate: one of these in each entry of `decide`."""


def _fails(value: Json) -> Json:
    """A code alone, or a map with more."""
    something(value)
    return {"code": value} if isinstance(value, str) else value


def _calendar(value: Json) -> Calendar:
    """Working hours, as the operator writes them."""
    try:
        return calendar_from(value)
    except CalendarUnfit as unfit:
        hint = 'write for instance {timezone: Europe/Berlin, days: [mon..fri], from: "09:00", to: "17:30"}'
        refuse("bad_calendar", str(unfit).rstrip("."), hint)


WorkingHours = Annotated[InstanceOf[Calendar], BeforeValidator(_calendar), WithJsonSchema({"type": "object"})]


def _outcomes(value: Json) -> Json:
    """One outcome, or a list of them: of the first attempt, the second, and so on."""
    if isinstance(value, list):
        if not value:
            refuse("no_value", "nothing comes of this step", "write for instance [{output: {id: 7}}]")
        return value
    if isinstance(value, dict):
        return [value]
    refuse("wrong_type", f"what comes of a step is a map, not {given(value)}", "write for instance {output: {id: 7}}")


def _step(value: Json) -> Json:
    """A status alone, or a map with more."""
    something(value)
    return {"status": value} if isinstance(value, str) else value


def _error(value: Json) -> Json:
    something(value)
    return {"code": value} if isinstance(value, str) else value


def _moment(value: Json) -> int:
    hint = "write for instance 2026-11-02T09:00:00Z"
    if not isinstance(value, str):
        refuse("bad_moment", f"a moment is needed here, not {given(value)}", hint)
    try:
        datetime.fromisoformat(value)
        return moment(value)
    except ValueError:
        refuse("bad_moment", f'"{value[:40]}" is no moment with its zone', hint)


def _person(value: Json) -> Json:
    hint = 'write the groups of this person: ["@editors"], or guest'
    fits = value == "guest" or (isinstance(value, list) and all(isinstance(one, str) for one in value))
    if not fits:
        refuse("bad_person", f"the groups of a person are needed here, not {given(value)}", hint)
    return value


def _said(value: Json) -> str:
    """`true`, or a word with it."""
    if value is True:
        return ""
    if isinstance(value, str) and value.strip():
        return value
    refuse("wrong_type", f"true or a comment is needed here, not {given(value)}", "write true")


class FailsShape(Shape):
    """Why an attempt fails."""

    code: str
    message: str = ""
    hint: str = ""
    retryable: bool = True
    retry_after: MaybeLength = None
    maybe_happened: bool = False


class OutcomeShape(Shape):
    """What comes of an attempt: one of `output`, `fails` and `interrupted`."""

    output: Any = Field(default_factory=lambda: LEFT_OUT, json_schema_extra={"description": "What the step gives."})
    fails: Annotated[FailsShape | None, BeforeValidator(_fails, json_schema_input_type=str | FailsShape)] = None
    interrupted: bool = False
    item: str = ""
    receipt: dict[str, Any] = Field({})
    times: int = Field(1, ge=1, le=1_000)


Outcomes = Annotated[
    list[OutcomeShape], BeforeValidator(_outcomes, json_schema_input_type=OutcomeShape | list[OutcomeShape])
]
Said = Annotated[str | None, BeforeValidator(_said), WithJsonSchema({"anyOf": [{"const": True}, {"type": "string"}]})]


class DecisionShape(Shape):
    """What somebody does at a gate, once it is open."""

    step: str
    item: str = ""
    by: str = ""
    at: MaybeLength = None
    approve: Said = None
    reject: Said = None
    changes: str | None = None
    choose: str | None = None
    answer: Any = Field(default_factory=lambda: LEFT_OUT)
    edit: dict[str, Any] | None = None
    comment: str = ""
    refused: str = ""


class EventShape(Shape):
    """Something that happens outside at a moment, counted from the start of the run."""

    at: MaybeLength = None
    signal: str
    data: Any = None


class ErrorExpected(Shape):
    """What a run or a step failed of."""

    code: str = ""
    message: str = ""
    hint: str = ""


MaybeError = Annotated[ErrorExpected | None, BeforeValidator(_error, json_schema_input_type=str | ErrorExpected)]


class StepExpected(Shape):
    """How a step stands in the end."""

    status: StepWord | None = None
    attempts: int | None = None
    round: int | None = None
    output: Any = Field(default_factory=lambda: LEFT_OUT)
    error: MaybeError = None
    reason: str = ""
    gate: GateWord | None = None
    given: Any = Field(default_factory=lambda: LEFT_OUT)


StepWanted = Annotated[StepExpected, BeforeValidator(_step, json_schema_input_type=StepWord | StepExpected)]


class Expected(Shape):
    """What is looked at in the end. Maps are compared by the keys that stand here, all else exactly."""

    status: RunWord | None = None
    outputs: TemplateMap | None = None
    steps: dict[str, StepWanted] = Field({})
    error: MaybeError = None
    reason: str = ""
    messages: list[dict[str, Any]] | None = None
    took: MaybeLength = None
    warnings: bool | None = None
    refused: str = ""


class MadeUp(Shape):
    """How the world of a case is."""

    inputs: dict[str, Any] = Field({})
    settings: dict[str, Any] = Field({})
    calendars: dict[str, WorkingHours] = Field({})
    people: dict[str, Annotated[Any, BeforeValidator(_person), WithJsonSchema(_PERSON)]] = Field({})
    requester: str = ""
    starts_at: Annotated[int | None, BeforeValidator(_moment), WithJsonSchema({"type": "string"})] = None
    steps: dict[str, Outcomes] = Field({})


class CaseShape(MadeUp):
    """One case."""

    decide: list[DecisionShape] = Field([])
    events: list[EventShape] = Field([])
    until: str = ""
    expect: Expected


class CasesFile(Shape):
    """A whole test file; what `all` says is so in every case that does not say something else."""

    workflow: WorkflowName
    all: MadeUp = MadeUp()
    cases: dict[str, CaseShape]


def cases_schema() -> dict[str, Any]:
    """The JSON Schema of a test file, for editors."""
    schema = CasesFile.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pointsman workflow test",
        **{key: value for key, value in schema.items() if key != "title"},
    }
