"""store.events: everything that can happen to a run, in the past tense.

An event is never refused and never changed. Events only ever gain fields with defaults, or get a new kind; the
history keeps every shape that was ever written readable.

    runs          a run as a whole: its start, its ends, its pauses, and when it goes on
    steps         steps between their attempts: readiness, waits, blocks and items, doing them again
    attempts      attempts, and what they leave behind
    gates         gates open and close, people and policies decide
"""

from __future__ import annotations

from typing import TypeAlias

from store.events.attempts import AnswerKept as AnswerKept
from store.events.attempts import AttemptFailed as AttemptFailed
from store.events.attempts import AttemptInterrupted as AttemptInterrupted
from store.events.attempts import AttemptStarted as AttemptStarted
from store.events.attempts import ReportIgnored as ReportIgnored
from store.events.attempts import StepCancelled as StepCancelled
from store.events.attempts import StepFailed as StepFailed
from store.events.attempts import StepPolled as StepPolled
from store.events.attempts import StepSettled as StepSettled
from store.events.attempts import StepSucceeded as StepSucceeded
from store.events.attempts import StepUnknown as StepUnknown
from store.events.gates import ApprovalKept as ApprovalKept
from store.events.gates import DecisionMade as DecisionMade
from store.events.gates import DecisionRefused as DecisionRefused
from store.events.gates import GateClosed as GateClosed
from store.events.gates import GateEscalated as GateEscalated
from store.events.gates import GateOpened as GateOpened
from store.events.gates import GateOverdue as GateOverdue
from store.events.gates import GateReminded as GateReminded
from store.events.gates import PolicyDecided as PolicyDecided
from store.events.runs import CancelRequested as CancelRequested
from store.events.runs import ClockTurned as ClockTurned
from store.events.runs import EndingBegun as EndingBegun
from store.events.runs import InputsChanged as InputsChanged
from store.events.runs import RunAdmitted as RunAdmitted
from store.events.runs import RunEnding as RunEnding
from store.events.runs import RunFinished as RunFinished
from store.events.runs import RunPaused as RunPaused
from store.events.runs import RunReopened as RunReopened
from store.events.runs import RunResumed as RunResumed
from store.events.runs import RunStarted as RunStarted
from store.events.runs import VersionChanged as VersionChanged
from store.events.steps import BlockEntered as BlockEntered
from store.events.steps import BlockReopened as BlockReopened
from store.events.steps import ChildAwaited as ChildAwaited
from store.events.steps import EventAwaited as EventAwaited
from store.events.steps import ItemBegun as ItemBegun
from store.events.steps import ItemEnded as ItemEnded
from store.events.steps import SignalReceived as SignalReceived
from store.events.steps import SignalTaken as SignalTaken
from store.events.steps import StepHeld as StepHeld
from store.events.steps import StepReady as StepReady
from store.events.steps import StepSkipped as StepSkipped
from store.events.steps import StepsReset as StepsReset
from store.events.steps import StepWaiting as StepWaiting

Event: TypeAlias = (
    RunStarted
    | RunAdmitted
    | BlockEntered
    | ItemBegun
    | ItemEnded
    | StepPolled
    | ChildAwaited
    | EventAwaited
    | SignalReceived
    | SignalTaken
    | StepsReset
    | BlockReopened
    | ApprovalKept
    | InputsChanged
    | VersionChanged
    | RunReopened
    | GateReminded
    | GateEscalated
    | PolicyDecided
    | EndingBegun
    | StepReady
    | StepHeld
    | AttemptStarted
    | AnswerKept
    | StepSucceeded
    | AttemptFailed
    | AttemptInterrupted
    | StepFailed
    | StepSkipped
    | StepUnknown
    | StepSettled
    | StepWaiting
    | StepCancelled
    | GateOpened
    | GateOverdue
    | DecisionMade
    | DecisionRefused
    | GateClosed
    | ReportIgnored
    | CancelRequested
    | RunEnding
    | RunPaused
    | RunResumed
    | ClockTurned
    | RunFinished
)

KINDS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__args__}
