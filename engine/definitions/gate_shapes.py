"""The shape of what people are asked: gates and forms."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, WithJsonSchema

from engine.definitions.slots import (
    Choices,
    ConditionText,
    Lengths,
    MaybeLength,
    SchemaText,
    Shape,
    Template,
    tag,
    tag_name,
)
from engine.definitions.words import Approvers, MaybeDuration, PositiveDuration
from engine.quantities import UNIT_MS
from store.model import Json

DAY_MS = UNIT_MS["d"]
QUORUM_MAX = 100
ROUNDS_MAX = 20  # more than this is no review but a conversation


class CardShape(Shape):
    """`card`: which fields of what is shown stand on the card, and which one is its body."""

    fields: list[str] = Field([])
    body: str = ""


class FromShape(Shape):
    """Approvers that come from data: whoever it names, as long as they belong to one of these."""

    from_: Template = Field(alias="from")
    among: Approvers


def _approvers_kind(value: Json) -> str | None:
    return tag_name("from" if isinstance(value, dict) else "people")


ApproversOrFrom: TypeAlias = Annotated[
    Annotated[Approvers, tag("people")] | Annotated[FromShape, tag("from")], Discriminator(_approvers_kind)
]


class SeatsShape(Shape):
    """One of `all_of`: people, so many of whom must agree."""

    approvers: Approvers
    quorum: int = Field(1, ge=1, le=QUORUM_MAX)


class ChangesShape(Shape):
    """`changes`: what is done again when people ask for changes, and how often they may."""

    rerun: str
    rounds: int = Field(3, ge=1, le=ROUNDS_MAX)


class PolicyShape(Shape):
    """When the workflow decides by itself, and what it says then."""

    when: ConditionText
    comment: str = ""


class AutoShape(Shape):
    """`auto`: decisions that need nobody."""

    reject: PolicyShape | None = None
    changes: PolicyShape | None = None
    approve: PolicyShape | None = None


class AskShape(Shape):
    """What every question to people may say."""

    question: str
    show: Template = None
    card: CardShape = CardShape()
    approvers: ApproversOrFrom = ()
    due: MaybeDuration = None
    remind_before_due: Lengths = ()
    remind_after_due: Lengths = ()
    escalate_after_due: MaybeLength = None
    escalate_to: Approvers = ()
    expires: PositiveDuration = 7 * DAY_MS
    hours: str = ""
    digest: MaybeDuration = None


class ApprovalWith(AskShape):
    """What a gate asks, of whom, and what happens when nobody answers."""

    quorum: int = Field(1, ge=1, le=QUORUM_MAX)
    all_of: list[SeatsShape] = Field([])
    requester_may_decide: bool = False
    choices: Choices = ()
    edit: list[str] = Field([])
    changes: ChangesShape | None = None
    auto: AutoShape = AutoShape()
    on_expiry: Literal["reject", "approve", "fail", "continue"] = "reject"
    on_reject: Literal["end", "continue"] = "end"


FieldMap = Annotated[
    dict[str, SchemaText],
    WithJsonSchema({"type": "object", "minProperties": 1, "description": "Name of each field and its schema."}),
]


class FormWith(AskShape):
    """What people are asked to fill in. Nobody approves anything by answering, so the requester may."""

    fields: FieldMap
    requester_may_decide: bool = True
    on_expiry: Literal["fail", "continue"] = "fail"


class GateDefaults(Shape):
    """`defaults` of gates or forms: clocks and calendars of all of them in this file."""

    requester_may_decide: bool = False
    due: MaybeDuration = None
    remind_before_due: Lengths = ()
    remind_after_due: Lengths = ()
    escalate_after_due: MaybeLength = None
    escalate_to: Approvers = ()
    expires: PositiveDuration = 7 * DAY_MS
    hours: str = ""
    digest: MaybeDuration = None
