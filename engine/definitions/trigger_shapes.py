"""The shape of `on`: what starts runs besides people asking for one."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field

from engine.definitions.slots import ExpressionText, Shape, TemplateMap, tag, tag_name
from engine.definitions.words import Allowed, CronText, EventChannel, Pattern, TriggerName, Zone
from store.model import Json


class ScheduleShape(Shape):
    """Starts runs by the clock."""

    schedule: TriggerName
    cron: CronText
    timezone: Zone = "UTC"
    overlap: Literal["skip", "queue", "allow", "cancel"] = "skip"
    catch_up: Literal["none", "latest", "all"] = "latest"
    inputs: TemplateMap = Field({})


class VerifyShape(Shape):
    """How a delivery proves that it comes from who it says."""

    hmac_sha256: str = ""
    token: str = ""


class WebhookShape(Shape):
    """Starts a run for each delivery."""

    webhook: TriggerName
    verify: VerifyShape | None = None
    dedupe: ExpressionText = None
    inputs: TemplateMap = Field({})


class MessageShape(Shape):
    """Starts a run for each message in a channel that matches, for whoever wrote it."""

    message: EventChannel
    matches: Pattern = ""
    from_: Allowed = Field((), alias="from")
    replies: bool = False
    inputs: TemplateMap = Field({})


class ShortcutShape(Shape):
    """Starts a run from the menu of a message."""

    shortcut: str = Field(min_length=1)
    inputs: TemplateMap = Field({})


TRIGGERS: dict[str, type[Shape]] = {
    "schedule": ScheduleShape,
    "webhook": WebhookShape,
    "message": MessageShape,
    "shortcut": ShortcutShape,
}


def _kind(value: Json) -> str | None:
    named = [kind for kind in TRIGGERS if isinstance(value, dict) and kind in value]
    return tag_name(named[0]) if named else None


AnyTrigger: TypeAlias = Annotated[
    Annotated[ScheduleShape, tag("schedule")]
    | Annotated[WebhookShape, tag("webhook")]
    | Annotated[MessageShape, tag("message")]
    | Annotated[ShortcutShape, tag("shortcut")],
    Discriminator(_kind),
]
