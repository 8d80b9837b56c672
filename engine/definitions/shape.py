"""The shape of a workflow file: which keys there are, and what each one holds.

A step's keys depend on its kind (`uses`). The same models check a file and describe it to editors (`file_schema`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from engine.definitions.words import (
    Allowed,
    Approvers,
    Backoff,
    Call,
    Channel,
    MaybeDuration,
    PersonRef,
    PositiveDuration,
    SecretRef,
    WorkflowName,
    given,
    refuse,
    something,
)
from engine.quantities import UNIT_MS
from store.model import Effect, Json

DAY_MS = UNIT_MS["d"]
ATTEMPTS_MAX = 100  # more than this is a loop, and a loop over hours belongs in a schedule
QUORUM_MAX = 100

_TEMPLATE: dict[str, Any] = {"description": "A value; its texts may hold ${{ … }}."}
_SCHEMA: dict[str, Any] = {
    "description": "A JSON Schema, a type name, the name of one of `schemas`, or a short form such as {total: number}.",
    "type": ["string", "object", "array"],
}
Template = Annotated[Any, WithJsonSchema(_TEMPLATE)]
TemplateMap = Annotated[dict[str, Any], WithJsonSchema({**_TEMPLATE, "type": "object"})]
SchemaText = Annotated[Any, WithJsonSchema(_SCHEMA)]


def _condition(value: Json) -> str:
    something(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        refuse(
            "wrong_type",
            f"a condition is needed here, not {given(value)}",
            "write for instance ${{ inputs.count > 3 }}",
        )
    return value


def _text_or_file(value: Json) -> Json:
    fits = isinstance(value, dict) and set(value) == {"file"} and isinstance(value["file"], str)
    if not isinstance(value, str) and not fits:
        hint = "write the text, or {file: prompts/name.md} for a file beside the workflow"
        refuse("wrong_type", f"a text is needed here, not {given(value)}", hint)
    return value


def _models(value: Json) -> Json:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name for name in names):
        hint = "write a name of the models file, or a list of names: the second when the first is down"
        refuse("wrong_type", f"the name of a model is needed here, not {given(value)}", hint)
    return value


def _statuses(value: Json) -> Json:
    listed = value if isinstance(value, list) else [value]
    for status in listed:
        if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
            refuse(
                "wrong_type",
                "`accept` lists the HTTP statuses that count as success",
                "write for instance [200, 201, 409]",
            )
    return listed


def _argv(value: Json) -> Json:
    if isinstance(value, str):
        words = ", ".join(word if word.isidentifier() else f'"{word}"' for word in value.split())
        refuse("wrong_type", "a command is a list of words, because no shell reads it", f"write [{words}]")
    if not isinstance(value, list) or not value:
        hint = "write for instance [git, log, --oneline]"
        refuse("wrong_type", f"a list of words is needed here, not {given(value)}", hint)
    return value


_NOT_EMPTY = BeforeValidator(something)
MaybeWhole = Annotated[int | None, _NOT_EMPTY, WithJsonSchema({"type": "integer"})]
MaybeNumber = Annotated[float | None, _NOT_EMPTY, WithJsonSchema({"type": "number"})]
MaybeList = Annotated[list[Any] | None, _NOT_EMPTY, WithJsonSchema({"type": "array"})]
MaybeMap = Annotated[dict[str, Any] | None, _NOT_EMPTY, WithJsonSchema({**_TEMPLATE, "type": "object"})]
MaybeEffect = Annotated[Effect | None, _NOT_EMPTY, WithJsonSchema({"enum": ["pure", "idempotent", "once"]})]
Condition = Annotated[str | None, BeforeValidator(_condition), WithJsonSchema({"type": ["string", "boolean"]})]
TextOrFile = Annotated[
    Any,
    BeforeValidator(_text_or_file),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {"file": {"type": "string"}},
                    "required": ["file"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
_NAME_OR_NAMES: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_STATUS: dict[str, Any] = {"type": "integer", "minimum": 100, "maximum": 599}
ModelNames = Annotated[Any, BeforeValidator(_models), WithJsonSchema(_NAME_OR_NAMES)]
Statuses = Annotated[
    list[int] | None,
    BeforeValidator(_statuses),
    WithJsonSchema({"anyOf": [_STATUS, {"type": "array", "items": _STATUS}]}),
]
Argv = Annotated[list[Any], BeforeValidator(_argv), WithJsonSchema({"type": "array", "minItems": 1})]


class Shape(BaseModel):
    """A map with a fixed set of keys; anything else in it is a mistake."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, serialize_by_alias=True
    )


class RetryShape(Shape):
    """`retry`: how often a step is tried, and how long to wait in between."""

    attempts: MaybeWhole = Field(None, ge=1, le=ATTEMPTS_MAX)
    backoff: Backoff = (2_000, 60_000)


class CardShape(Shape):
    """`card`: which fields of what is shown stand on the card, and which one is its body."""

    fields: list[str] = []
    body: str = ""


class ApprovalWith(Shape):
    """What a gate asks, of whom, and what happens when nobody answers."""

    question: str
    show: Template = None
    card: CardShape = CardShape()
    approvers: Approvers
    quorum: int = Field(1, ge=1, le=QUORUM_MAX)
    requester_may_decide: bool = False
    due: MaybeDuration = None
    expires: PositiveDuration = 7 * DAY_MS
    on_expiry: Literal["reject", "approve", "fail", "continue"] = "reject"
    on_reject: Literal["end", "continue"] = "end"


class HttpWith(Shape):
    """One request."""

    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str
    headers: TemplateMap = {}
    query: TemplateMap = {}
    json_: Template = Field(None, alias="json")
    form: MaybeMap = None
    body: Template = None
    accept: Statuses = None
    timeout: MaybeDuration = None


class CommandWith(Shape):
    """A program and its words; no shell reads them."""

    argv: Argv
    env: TemplateMap = {}
    stdin: Template = None
    cwd: str = ""


class ModelWith(Shape):
    """What a model is asked."""

    model: ModelNames
    prompt: TextOrFile = None
    messages: MaybeList = None
    system: TextOrFile = None
    temperature: MaybeNumber = Field(None, ge=0, le=2)
    top_p: MaybeNumber = Field(None, ge=0, le=1)
    max_tokens: MaybeWhole = Field(None, ge=1)
    stop: Annotated[Any, WithJsonSchema(_NAME_OR_NAMES)] = None
    seed: MaybeWhole = None
    parameters: TemplateMap = {}


class WaitWith(Shape):
    """For how long, or until when."""

    for_: Template = Field(None, alias="for")
    until: Template = None


class StepShape(Shape):
    """What every step may say."""

    title: str = ""
    when: Condition = None
    needs: list[str] = []
    after: list[str] = []
    on_failure: Literal["stop", "continue"] = "stop"


class WorkShape(StepShape):
    """What every step that does something may say besides."""

    output: SchemaText = None
    retry: RetryShape = RetryShape()
    attempt_timeout: MaybeDuration = None
    timeout: MaybeDuration = None
    effect: MaybeEffect = None


class ApprovalStep(StepShape):
    """A gate: the run stands still until people decide."""

    uses: Literal["approval"]
    with_: ApprovalWith = Field(alias="with")


class HttpStep(WorkShape):
    """A call of a web service."""

    uses: Literal["http"]
    with_: HttpWith = Field(alias="with")


class PythonStep(WorkShape):
    """A call of a Python function."""

    uses: Literal["python"]
    call: Call
    with_: TemplateMap = Field({}, alias="with")


class CommandStep(WorkShape):
    """A program on the machine of the service."""

    uses: Literal["command"]
    with_: CommandWith = Field(alias="with")
    parse: Literal["json", "lines", "text"] = "text"


class ModelStep(WorkShape):
    """A question to a language model."""

    uses: Literal["model"]
    with_: ModelWith = Field(alias="with")


class TransformStep(StepShape):
    """A mapping only: its output is its `with`."""

    uses: Literal["transform"]
    with_: Template = Field(alias="with")
    output: SchemaText = None


class WaitStep(StepShape):
    """A pause."""

    uses: Literal["wait"]
    with_: WaitWith = Field(alias="with")


AnyStep: TypeAlias = ApprovalStep | HttpStep | PythonStep | CommandStep | ModelStep | TransformStep | WaitStep
KINDS: dict[str, type[StepShape]] = {
    "approval": ApprovalStep,
    "http": HttpStep,
    "python": PythonStep,
    "command": CommandStep,
    "model": ModelStep,
    "transform": TransformStep,
    "wait": WaitStep,
}


class AccessShape(Shape):
    """Who may start, see and control runs; whether an operator may decide in the approvers' place."""

    start: Allowed = ("members",)
    see: Allowed = ("members",)
    control: Allowed = ("members",)
    override: bool = True


class LimitsShape(Shape):
    """Bounds of a run."""

    duration: Annotated[PositiveDuration, Field(description="Time in which something is ready or running.")] = (
        7 * DAY_MS
    )


class AlertsShape(Shape):
    """Who is told what."""

    failed: Channel = ""


class SlackShape(Shape):
    """How a run shows itself in Slack."""

    show: Literal["always", "when_needed", "never"] = "always"


class WorkflowFile(Shape):
    """A whole workflow file."""

    workflow: WorkflowName
    title: str = ""
    description: str = ""
    owner: PersonRef = ""
    channel: Channel = ""
    access: AccessShape = AccessShape()
    inputs: dict[str, SchemaText] = {}
    limits: LimitsShape = LimitsShape()
    schemas: dict[str, SchemaText] = {}
    secrets: dict[str, SecretRef] = {}
    settings: dict[str, SchemaText] = {}
    vars: dict[str, Any] = {}
    steps: dict[str, Annotated[AnyStep, Field(discriminator="uses")]]
    outputs: TemplateMap = {}
    alerts: AlertsShape = AlertsShape()
    slack: SlackShape = SlackShape()


def file_schema() -> dict[str, Any]:
    """The JSON Schema of a workflow file, for editors."""
    schema = WorkflowFile.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pointsman workflow",
        **{key: value for key, value in schema.items() if key != "title"},
    }
