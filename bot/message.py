"""A message that should stand in Slack: where, how urgent, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from uuid import UUID, uuid5

from bot.views.blocks import Block
from bot.views.scene import Rendering
from store.canon import digest
from store.model import RunId

EVENT_TYPE = "pointsman_run"
_NAMESPACE = UUID("6d9f0a56-5d0e-4b0e-9a51-0c3c5b9f2f11")


class Priority(IntEnum):
    """What goes first when Slack lets only some of it through."""

    ALERT = 0
    CARD = 1
    PROGRESS = 2


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a run as it should be now. Equal `shown` means: nothing to do."""

    key: str  # of its anchor
    run_id: RunId
    run: str  # R-7K2
    trace_id: str
    seq: int  # the run was here when this was rendered
    channel: str  # id or #name, of a copy the person's id; "" when there is no place to show it
    under: str  # key of the message in whose thread it stands, "" for the channel itself
    priority: Priority
    order: int  # among the messages of its run
    final: bool  # it will not change by itself any more
    recipients: tuple[str, ...]  # people to write to directly when the channel is closed to us
    rendering: Rendering
    also: tuple[str, ...] = ()  # people to write to directly although it stands where it should
    place: str = ""  # what people call the channel
    person: str = ""  # who gets it directly, when it is a copy for one person

    @property
    def shown(self) -> str:
        """The hash of what it says."""
        return digest([self.rendering.text, list(self.rendering.blocks)])

    @property
    def blocks(self) -> tuple[Block, ...]:
        return self.rendering.blocks


def metadata(message: Message, generation: int) -> dict[str, Any]:
    """What we find the message by when Slack did not tell us whether it took it. Everyone in Slack can read it."""
    payload = {"k": message.key, "g": generation, "run": message.run, "trace": message.trace_id}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def client_msg_id(key: str, generation: int) -> str:
    """The same for every try at sending the same message."""
    return str(uuid5(_NAMESPACE, f"{key}:{generation}"))


def is_ours(found: Mapping[str, Any], key: str, generation: int) -> bool:
    """Whether a message that Slack knows is the one that we sent under this key."""
    told = found.get("metadata") or {}
    payload = told.get("event_payload") or {}
    return told.get("event_type") == EVENT_TYPE and payload.get("k") == key and payload.get("g") == generation
