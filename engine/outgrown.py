"""Outgrown values: those that became too large for a row while the rules worked, moved out to the content folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import orjson

from store.content import ContentFolder
from store.events import (
    BlockEntered,
    DecisionMade,
    Event,
    GateOpened,
    InputsChanged,
    ItemEnded,
    PolicyDecided,
    RunFinished,
    SignalReceived,
    StepSucceeded,
)
from store.model import LIMITS, Content

# The events that hold values of any size, and in which field.
_LARGE: Mapping[type, str] = {
    StepSucceeded: "output",
    ItemEnded: "output",
    BlockEntered: "list",
    RunFinished: "outputs",
    GateOpened: "shown",
    DecisionMade: "edited",
    PolicyDecided: "shown",
    SignalReceived: "data",
    InputsChanged: "inputs",
}


def outgrown(folder: ContentFolder, events: tuple[Event, ...], known: Content | None) -> tuple[Event, ...]:
    """The same events with values that grew large while the rules worked moved out to the content folder.

    `known` came with the command, and was looked at when it was made.
    """
    moved = events
    for index, event in enumerate(events):
        grown = None if type(event) not in _LARGE else _moved_out(folder, event, known)
        if grown is not None:
            moved = (*moved[:index], grown, *moved[index + 1 :])
    return moved


def _moved_out(folder: ContentFolder, event: Event, known: Content | None) -> Event | None:
    name = _LARGE[type(event)]
    content: Content | None = getattr(event, name)
    grown = None if content is known else _large(folder, content)
    return None if grown is None else replace(event, **{name: grown})  # type: ignore[arg-type]


def _large(folder: ContentFolder, content: Content | None) -> Content | None:
    """The content by its hash, when it is a value too large for a row; None when it may stay as it is."""
    if content is None or content.hash is not None or type(content.value) not in (dict, list, str):
        return None
    if len(orjson.dumps(content.value)) <= LIMITS.inline_bytes_max:
        return None
    kept = folder.kept(content.value)
    return None if kept.hash is None else kept
