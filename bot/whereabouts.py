"""Where the messages of a run stand, and who gets them directly when they can stand nowhere. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.copies import Reach
from bot.views.run_message import root_key
from bot.views.scene import Scene
from store.anchors import Anchor
from store.model import Gate, GateState, RunStatus, StepStatus

_USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: a channel, and the message in whose thread."""

    channel: str
    under: str = ""


# Where. --------------------------------------------------------------------------------------------------------------


def shows(scene: Scene, anchors: Mapping[str, Anchor]) -> bool:
    """Whether this run is shown at all, as its author wished."""
    run = scene.run
    match scene.workflow.show:
        case "never":
            return False
        case "always":
            return True
    if root_key(run) in anchors:
        return True
    troubled = run.status is RunStatus.PAUSED or RunStatus.FAILED in (run.status, run.outcome)
    return troubled or any(step.gate is not None or step.status is StepStatus.UNKNOWN for step in run.steps.values())


def home_channel(scene: Scene) -> str:
    """Where the run shows itself: where it was started, or else where its workflow says."""
    origin = scene.run.origin.get("channel")
    return origin if isinstance(origin, str) and origin else channel_id(scene, scene.workflow.channel)


def is_unplaced(scene: Scene) -> bool:
    """Whether its cards stand where only the requester reads: it was started in a direct message."""
    return home_channel(scene).startswith("D") and not scene.workflow.channel


def channel_id(scene: Scene, reference: str) -> str:
    return scene.names.get(reference, reference)


def called(scene: Scene, channel: str) -> str:
    """What people call a channel, as far as the workflow says it."""
    written = (scene.workflow.channel, scene.workflow.alerts_failed)
    return next((one for one in written if one and channel_id(scene, one) == channel), channel)


def card_place(scene: Scene, gate: Gate) -> Place:
    """In the run's thread; unless that is a direct message, where nobody but the requester would see the card."""
    home, public = home_channel(scene), channel_id(scene, scene.workflow.channel)
    if home.startswith("D") and public and set(gate.approvers) != {scene.run.requester.id}:
        return Place(public)
    return Place(home, root_key(scene.run))


def alert_place(scene: Scene, anchors: Mapping[str, Anchor]) -> Place | None:
    """The workflow's channel for alerts, or else the run's own thread."""
    if scene.workflow.alerts_failed:
        return Place(channel_id(scene, scene.workflow.alerts_failed))
    return Place(home_channel(scene), root_key(scene.run)) if shows(scene, anchors) else None


# Who, when it can stand nowhere. -------------------------------------------------------------------------------------


def requester_of(scene: Scene) -> tuple[str, ...]:
    requester = scene.run.requester
    return (requester.id,) if requester.kind == "person" and _USER_ID.fullmatch(requester.id) else ()


def keepers_of(scene: Scene, reach: Reach) -> tuple[str, ...]:
    """The people who keep the workflow, as far as anybody can list them."""
    return tuple(reach.listed([scene.workflow.owner]))


def asked_at(scene: Scene, gate: Gate, reach: Reach) -> tuple[str, ...]:
    """Who may decide, one by one; where somebody cannot be listed, also those who keep the workflow."""
    if gate.state is not GateState.OPEN:
        return ()
    barred = scene.run.requester.id if not gate.requester_may_decide else ""
    people = [person for person in reach.listed(gate.approvers) if person != barred]
    unlisted = any(one not in reach.people for one in gate.approvers)
    return tuple(dict.fromkeys([*people, *(keepers_of(scene, reach) if unlisted or not people else ())]))
