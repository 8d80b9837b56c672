"""The shape of each kind of step, and of blocks of steps."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Discriminator, Field, WithJsonSchema

from engine.definitions.gate_shapes import ApprovalWith, FormWith
from engine.definitions.slots import (
    NAME_OR_NAMES,
    Argv,
    Condition,
    ConditionText,
    ExpressionText,
    MaybeEffect,
    MaybeList,
    MaybeMap,
    MaybeNumber,
    MaybeWhole,
    ModelNames,
    SchemaText,
    Shape,
    Statuses,
    Template,
    TemplateMap,
    TextOrFile,
    Tolerance,
    tag,
    tag_name,
)
from engine.definitions.words import Backoff, Call, MaybeDuration, Pattern, Recipient, ThreadOrChannel, WorkflowName
from store.model import Json

ATTEMPTS_MAX = 100  # more than this is a loop, and a loop over hours belongs in a schedule
ITEMS_AT_ONCE_MAX = 256


class RetryShape(Shape):
    """`retry`: how often a step is tried, and how long to wait in between."""

    attempts: MaybeWhole = Field(None, ge=1, le=ATTEMPTS_MAX)
    backoff: Backoff = (2_000, 60_000)


class PollShape(Shape):
    """`poll`: asking again and again until a long piece of work is done."""

    every: MaybeDuration = None
    until: ConditionText
    url: str = ""
    timeout: MaybeDuration = None
    fail_when: Condition = None


class HttpWith(Shape):
    """One request, or one and then others until what it began is done."""

    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str
    headers: TemplateMap = Field({})
    query: TemplateMap = Field({})
    json_: Template = Field(None, alias="json")
    form: MaybeMap = None
    body: Template = None
    accept: Statuses = None
    timeout: MaybeDuration = None
    save: Template = None
    poll: PollShape | None = None


class CommandWith(Shape):
    """A program and its words; no shell reads them."""

    argv: Argv
    env: TemplateMap = Field({})
    stdin: Template = None
    cwd: str = ""
    save: Template = None

    @property
    def makes_file(self) -> bool:
        """Whether its output is a file: what it prints, or what it writes where a word of its own says."""
        return self.save is not None or any(isinstance(word, dict) and "save" in word for word in self.argv)


class ModelWith(Shape):
    """What a model is asked."""

    model: ModelNames
    prompt: TextOrFile = None
    messages: MaybeList = None
    system: TextOrFile = None
    temperature: MaybeNumber = Field(None, ge=0, le=2)
    top_p: MaybeNumber = Field(None, ge=0, le=1)
    max_tokens: MaybeWhole = Field(None, ge=1)
    stop: Annotated[Any, WithJsonSchema(NAME_OR_NAMES)] = None
    seed: MaybeWhole = None
    parameters: TemplateMap = Field({})


class EventMessage(Shape):
    """A message that a step waits for: in the run's thread, or in a channel."""

    message: ThreadOrChannel
    matches: Pattern = ""


class EventWebhook(Shape):
    """A delivery that a step waits for."""

    webhook: str


def _event_kind(value: Json) -> str | None:
    if not isinstance(value, dict):
        return tag_name("name")
    return tag_name("message" if "message" in value else "webhook")


Event: TypeAlias = Annotated[
    Annotated[str | None, tag("name")]
    | Annotated[EventWebhook, tag("webhook")]
    | Annotated[EventMessage, tag("message")],
    Discriminator(_event_kind),
]


class WaitWith(Shape):
    """For how long, until when, or for what to happen."""

    for_: Template = Field(None, alias="for")
    until: Template = None
    event: Event = None
    timeout: Template = None
    on_timeout: Literal["fail", "continue"] = "fail"


class MessageWith(Shape):
    """What is said in Slack, and to whom."""

    to: Recipient = "thread"
    text: str


class StopWith(Shape):
    """How the run ends, and why."""

    outcome: Literal["succeeded", "failed", "rejected", "cancelled"]
    reason: str = ""


class EnsureShape(Shape):
    """Something that must hold of an output, and what to say when it does not."""

    that: ConditionText
    else_: str = Field("", alias="else")


class PolicyDefaults(Shape):
    """`defaults` of a kind that does something: how often and how long it is tried."""

    retry: RetryShape = RetryShape()
    attempt_timeout: MaybeDuration = None
    timeout: MaybeDuration = None
    on_failure: Literal["stop", "continue"] = "stop"


# What is done, by a step or to take a step back -------------------------------------------------------------------


class Deed(Shape):
    """Something done outside: what it gives, how often and how long it is tried."""

    title: str = ""
    output: SchemaText = None
    retry: RetryShape = RetryShape()
    attempt_timeout: MaybeDuration = None
    timeout: MaybeDuration = None
    effect: MaybeEffect = None


class HttpDeed(Deed):
    """A call of a web service."""

    uses: Literal["http"]
    with_: HttpWith = Field(alias="with")


class PythonDeed(Deed):
    """A call of a Python function."""

    uses: Literal["python"]
    call: Call
    with_: TemplateMap = Field({}, alias="with")


class CommandDeed(Deed):
    """A program on the machine of the service."""

    uses: Literal["command"]
    with_: CommandWith = Field(alias="with")
    parse: Literal["json", "lines", "text"] = "text"


class WorkflowDeed(Shape):
    """A run of another workflow."""

    title: str = ""
    uses: Literal["workflow"]
    call: WorkflowName
    with_: TemplateMap = Field({}, alias="with")


class MessageDeed(Shape):
    """Something said in Slack."""

    title: str = ""
    uses: Literal["message"]
    with_: MessageWith = Field(alias="with")


def _kind(value: Json) -> str | None:
    """A map with `steps` is a block; every other step says what it uses."""
    if not isinstance(value, dict):
        return None
    uses = value.get("uses")
    if "steps" in value:
        return tag_name("block")
    return None if uses is None else tag_name(str(uses))


UndoStep: TypeAlias = Annotated[
    Annotated[HttpDeed, tag("http")]
    | Annotated[PythonDeed, tag("python")]
    | Annotated[CommandDeed, tag("command")]
    | Annotated[WorkflowDeed, tag("workflow")]
    | Annotated[MessageDeed, tag("message")],
    Discriminator(_kind),
]


# Steps ------------------------------------------------------------------------------------------------------------


class StepShape(Shape):
    """What every step may say."""

    title: str = ""
    when: Condition = None
    needs: list[str] = Field([])
    after: list[str] = Field([])
    on_failure: Literal["stop", "continue"] = "stop"
    foreach: ExpressionText = None
    as_: str = Field("item", alias="as")
    key: ExpressionText = None
    concurrency: int = Field(8, ge=1, le=ITEMS_AT_ONCE_MAX)
    tolerate: Tolerance = (0, False)


class UndoableShape(StepShape):
    """A step that can be taken back."""

    undo: UndoStep | None = None


class WorkShape(StepShape, Deed):
    """A step that does something; what it gives can be held against conditions."""

    ensure: list[EnsureShape] = Field([])


class ApprovalStep(StepShape):
    """A gate: the run stands still until people decide."""

    uses: Literal["approval"]
    with_: ApprovalWith = Field(alias="with")


class FormStep(StepShape):
    """A gate at which people fill in what the run needs to know."""

    uses: Literal["form"]
    with_: FormWith = Field(alias="with")


class HttpStep(WorkShape, UndoableShape, HttpDeed):
    """A call of a web service."""


class PythonStep(WorkShape, UndoableShape, PythonDeed):
    """A call of a Python function."""


class CommandStep(WorkShape, UndoableShape, CommandDeed):
    """A program on the machine of the service."""


class ModelStep(WorkShape):
    """A question to a language model."""

    uses: Literal["model"]
    with_: ModelWith = Field(alias="with")


class TransformStep(StepShape):
    """A mapping only: its output is its `with`."""

    uses: Literal["transform"]
    with_: Template = Field(alias="with")
    output: SchemaText = None


class WorkflowStep(UndoableShape, WorkflowDeed):
    """A run of another workflow, and its end waited for."""


class WaitStep(StepShape):
    """A pause."""

    uses: Literal["wait"]
    with_: WaitWith = Field(alias="with")


class MessageStep(UndoableShape, MessageDeed):
    """Something said in Slack."""


class StopStep(StepShape):
    """The end of the run, before its last step."""

    uses: Literal["stop"]
    with_: StopWith = Field(alias="with")


class BlockStep(StepShape):
    """Steps with a condition or a list in common."""

    uses: ClassVar[str] = "block"
    steps: dict[str, AnyStep]
    output: Template = None


AnyStep: TypeAlias = Annotated[
    Annotated[ApprovalStep, tag("approval")]
    | Annotated[FormStep, tag("form")]
    | Annotated[ModelStep, tag("model")]
    | Annotated[HttpStep, tag("http")]
    | Annotated[PythonStep, tag("python")]
    | Annotated[CommandStep, tag("command")]
    | Annotated[TransformStep, tag("transform")]
    | Annotated[WorkflowStep, tag("workflow")]
    | Annotated[WaitStep, tag("wait")]
    | Annotated[MessageStep, tag("message")]
    | Annotated[StopStep, tag("stop")]
    | Annotated[BlockStep, tag("block")],
    Discriminator(_kind),
]
BlockStep.model_rebuild()
KINDS: dict[str, type[StepShape]] = {
    "approval": ApprovalStep,
    "form": FormStep,
    "model": ModelStep,
    "http": HttpStep,
    "python": PythonStep,
    "command": CommandStep,
    "transform": TransformStep,
    "workflow": WorkflowStep,
    "wait": WaitStep,
    "message": MessageStep,
    "stop": StopStep,
}
UNDO_KINDS: dict[str, type[Shape]] = {
    "http": HttpDeed,
    "python": PythonDeed,
    "command": CommandDeed,
    "workflow": WorkflowDeed,
    "message": MessageDeed,
}
