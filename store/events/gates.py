"""What happens at gates: they open and close, people and policies decide."""

from __future__ import annotations

from dataclasses import dataclass

from store.model import NO_TERMS, Actor, Content, Coordinates, GateState, GateTerms, Json, Millis, Verdict


@dataclass(frozen=True, slots=True)
class GateOpened:
    at: Millis
    place: Coordinates
    id: str
    number: int
    version: int
    question: str
    shown: Content
    card: Json
    digest: str
    approvers: tuple[str, ...]
    quorum: int
    requester_may_decide: bool
    due_at: Millis | None
    expires_at: Millis
    terms: GateTerms = NO_TERMS


@dataclass(frozen=True, slots=True)
class GateOverdue:
    at: Millis
    place: Coordinates


@dataclass(frozen=True, slots=True)
class GateReminded:
    """The approvers are to be reminded."""

    at: Millis
    place: Coordinates


@dataclass(frozen=True, slots=True)
class GateEscalated:
    """Others may decide from here on as well."""

    at: Millis
    place: Coordinates
    approvers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PolicyDecided:
    """A policy of the workflow decided in the place of people, and no gate was opened."""

    at: Millis
    place: Coordinates
    verdict: Verdict
    comment: str
    shown: Content
    digest: str


@dataclass(frozen=True, slots=True)
class DecisionMade:
    at: Millis
    place: Coordinates
    actor: Actor
    verdict: Verdict
    digest: str
    comment: str = ""
    surface: str = ""
    override: str = ""
    choice: str = ""
    matches: tuple[str, ...] = ()
    edits: Json = None
    edited: Content | None = None  # what is decided on from here on, when the decision changed it
    edited_digest: str = ""


@dataclass(frozen=True, slots=True)
class DecisionRefused:
    """Somebody tried to decide and was told no; the attempt is part of the record."""

    at: Millis
    place: Coordinates
    actor: Actor
    verdict: str
    refusal: str
    surface: str = ""


@dataclass(frozen=True, slots=True)
class GateClosed:
    at: Millis
    place: Coordinates
    state: GateState


@dataclass(frozen=True, slots=True)
class ApprovalKept:
    """What is to be decided on is what was approved before: the approval still holds."""

    at: Millis
    place: Coordinates
    gate: str
    digest: str
