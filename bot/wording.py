"""Every sentence we say, as tables: the same words in Slack, at the command line and in the API.

The sentences hold no markup. What stands in braces is filled in by the caller in the form of the place where it is
said: a mention in Slack, a name at the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from engine.rules.commands import Refusal
from store.model import Actor, Failure, GateState, Millis, RunStatus, StepStatus, Verdict

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

RUN_STATES: dict[RunStatus, str] = {
    RunStatus.QUEUED: "waiting for its turn",
    RunStatus.RUNNING: "running",
    RunStatus.PAUSED: "paused",
    RunStatus.ENDING: "ending",
    RunStatus.SUCCEEDED: "done",
    RunStatus.FAILED: "failed",
    RunStatus.REJECTED: "rejected",
    RunStatus.CANCELLED: "cancelled",
}

NEEDS_A_PERSON = "needs a person"
WAITS_FOR_A_DECISION = "waiting for a decision"

STEP_STATES: dict[StepStatus, str] = {
    StepStatus.PENDING: "not started",
    StepStatus.READY: "about to start",
    StepStatus.RUNNING: "running",
    StepStatus.WAITING: "waiting",
    StepStatus.SUCCEEDED: "done",
    StepStatus.FAILED: "failed",
    StepStatus.SKIPPED: "skipped",
    StepStatus.CANCELLED: "stopped",
    StepStatus.UNKNOWN: "needs a person",
}

GATE_STATES: dict[GateState, str] = {
    GateState.OPEN: "waiting for a decision",
    GateState.APPROVED: "approved",
    GateState.REJECTED: "rejected",
    GateState.RETURNED: "sent back for changes",
    GateState.ANSWERED: "answered",
    GateState.EXPIRED: "expired without a decision",
    GateState.SUPERSEDED: "replaced by a newer version",
    GateState.WITHDRAWN: "withdrawn",
}

EXPIRY_EFFECTS: dict[Literal["reject", "approve", "fail", "continue"], str] = {
    "reject": "it is rejected",
    "approve": "it is approved",
    "fail": "the run fails",
    "continue": "the run goes on without one",
}

EXPIRY_OUTCOMES: dict[Literal["reject", "approve", "fail", "continue"], str] = {
    "reject": "Rejected, as the workflow says.",
    "approve": "Approved, as the workflow says.",
    "fail": "The run fails, as the workflow says.",
    "continue": "The run goes on, as the workflow says.",
}

VERDICTS: dict[Verdict, str] = {
    "approve": "approved",
    "reject": "rejected",
    "changes": "sent back",
    "choose": "answered",
    "answer": "answered",
}

REFUSALS: dict[Refusal, str] = {
    Refusal.RUN_FINISHED: "{run} has already finished{since}. Nothing was changed.",
    Refusal.RUN_NOT_PAUSED: "{run} is not paused, so there is nothing to resume.",
    Refusal.RUN_PAUSED: "{run} is paused. Resume it first: pointsman resume {run}",
    Refusal.RUN_ENDING: "{run} is already ending; what is still under way is being stopped.",
    Refusal.STEP_UNKNOWN_NAME: "{run} has no step called {step}. Its steps are: {steps}.",
    Refusal.STEP_NOT_READY: "{step} cannot start yet: it is waiting for other steps, or its time has not come.",
    Refusal.STEP_NOT_UNKNOWN: "{step} needs no settling: what became of it is known.",
    Refusal.ATTEMPT_STALE: "This report is of an attempt at {step} that was given up. It is kept as evidence and "
    "changes nothing.",
    Refusal.GATE_NOT_OPEN: "{gate} is not open for decisions. Nothing was changed.",
    Refusal.GATE_SUPERSEDED: "This is an older version of {gate}. Please decide on the newest one{link}. Nothing was "
    "changed.",
    Refusal.GATE_EXPIRED: "{gate} expired{since} without a decision. Nothing was changed.",
    Refusal.ALREADY_DECIDED: "Already {verdict} by {by}{since}. Nothing more to do.",
    Refusal.ACTOR_NOT_MEMBER: "Only members of this organisation may do that{because}. Nothing was changed.",
    Refusal.ACTOR_NOT_APPROVER: "Only {approvers} may decide {gate}. Nothing was changed.",
    Refusal.ACTOR_IS_REQUESTER: "You started this run, so you may not decide {gate}. Others of {approvers} may.",
    Refusal.ACTOR_UNKNOWN: "Slack could not say who you are, so nothing was changed. Please try again in a minute.",
    Refusal.FACTS_TOO_OLD: "Slack took too long to say who you are, so nothing was changed. Please try again.",
    Refusal.ACTOR_NOT_AMONG: "You are not among the people whom the workflow lets decide {gate}. Nothing was changed.",
    Refusal.ANSWER_NOT_OFFERED: "{gate} takes another kind of answer. Nothing was changed.",
    Refusal.CHOICE_UNKNOWN: "{gate} offers no such answer. Nothing was changed.",
    Refusal.EDIT_NOT_ALLOWED: "{gate} lets nobody edit that. Nothing was changed.",
    Refusal.CONTENT_CHANGED: "What {gate} shows has changed meanwhile, so nothing was decided. Please look again.",
    Refusal.CONTENT_INVALID: "The answer does not fit what {gate} asks for. Nothing was changed.",
    Refusal.ROUNDS_USED_UP: "{gate} has been sent back as often as the workflow allows: approve or reject it.",
    Refusal.ONCE_WOULD_REPEAT: "That would do again what must not happen twice unseen: {steps}. Nothing was changed.",
    Refusal.RUN_NOT_FINISHED: "{run} has not ended, so there is nothing to retry.",
    Refusal.RUN_NOT_QUEUED: "{run} is not waiting for its turn.",
    Refusal.TOO_MANY_OPEN: (
        "{run} cannot go on: as many runs of its workflow are open as may be at once. Retry it when one has ended."
    ),
    Refusal.RUN_QUEUED: "{run} is waiting for its turn and has not begun.",
    Refusal.RUN_ERASED: "What was written in {run} has been erased, so it cannot go on. Start a new run.",
    Refusal.NOTHING_TO_RETRY: "Nothing of {run} went wrong, so there is nothing to do again.",
    Refusal.VERSION_DOES_NOT_FIT: "{run} cannot go on by the newest version: that needs what the run was not given.",
    Refusal.SIGNAL_NOT_EXPECTED: "No step of {run} waits for that. Nothing was changed.",
    Refusal.TOO_MANY_SIGNALS: "{run} keeps as much as it can that no step has waited for yet. Nothing was changed.",
    Refusal.OVERRIDE_NOT_ALLOWED: "This workflow does not let an operator decide. {approvers} may decide {gate}.",
    Refusal.OVERRIDE_NEEDS_REASON: 'To decide in the approvers\' place, give a reason: --override "why".',
}

WHY_NOT_MEMBER: dict[str, str] = {
    "guest": "you are a guest here",
    "bot": "apps may not decide",
    "deleted": "this account has been closed",
    "outsider": "you belong to another organisation",
    "unknown": "Slack does not know this account",
    "unverifiable": "this Slack does not let me check who anybody is, so I refuse everybody",
}

# Fault code -> what people can do about it, where the fault itself does not say.
HINTS: dict[str, str] = {
    "input_invalid": "Compare what the step was given with what it expects.",
    "output_invalid": "What came back does not fit the step's output schema. Compare the two in the history.",
    "output_too_large": "Let the step return less, or a link to the rest.",
    "timeout": "Try again, or allow more time with attempt_timeout.",
    "http_status": "Correct what it complains about, and run it again.",
    "http_timeout": "The other end does not answer in time; run it again later, or allow more time (attempt_timeout).",
    "http_connection": "The other end is down or cannot be reached from here; run it again when it answers.",
    "http_refused": "The address is not among those that an operator allows.",
    "http_protocol": "The other end did not speak proper HTTP. Its owner can look into it.",
    "poll_failed": "The other end says that the work failed. Its owner can say why.",
    "poll_invalid": "What the other end answers cannot be read as progress. Compare it with `poll:` in the workflow.",
    "poll_timeout": "The other end did not get done in time. Try again later, or allow more time in `poll:`.",
    "python_error": "The step's own code failed. Its author can correct it.",
    "python_not_found": "Check the name after call: in the workflow file.",
    "python_exit": "The step's own code ended its process. Its author can correct it.",
    "python_crashed": "The step's process died. Look for memory limits and native libraries.",
    "command_failed": "Look at what the command printed, in the history.",
    "command_not_found": "Install the command where the service runs, or correct its name.",
    "model_refused": "The model declined. Another wording of the prompt, or another model, may help.",
    "model_length": "The answer was cut off. Allow more tokens, or ask for less.",
    "model_filtered": "The provider's content filter stepped in. Look at the prompt and the data in it.",
    "model_overloaded": "The provider has too much to do. Try again later, or name a second model.",
    "model_quota": "The quota at the provider is used up. An operator can raise it.",
    "model_denied": "The provider did not accept our key. An operator can check it.",
    "model_request_invalid": "The provider did not accept the request. Compare the model's settings with its manual.",
    "model_output_invalid": "The model did not keep to the output schema. Simplify the schema, or try another model.",
    "model_held": "The provider has failed too often lately, so it is left alone for a while. Try again later.",
    "model_limited": "As many calls as this endpoint may have are under way or were made. Try again later.",
    "model_not_recorded": "Record this exchange first, or run without the tape.",
    "budget_used_up": "Raise limits.budget, or let the run do less.",
    "model_unreachable": "The provider could not be reached. Try again when it is back.",
    "model_unknown": "No such model is set up. An operator can add it to the models file.",
    "when_failed": "The author of the workflow can correct the condition.",
    "outputs_failed": "The author of the workflow can correct its outputs.",
    "gate_expired": "Nobody decided in time. Start the run again if it is still wanted.",
    "run_timeout": "Start it again, or allow more time with limits.duration.",
    "interrupted": "The service stopped or crashed while it was at work.",
    "unknown_effect": "Look at the other end whether it happened, then settle it.",
}


OTHER_END_DOWN = "The other end is down; run it again when it answers."
OTHER_END_BUSY = "The other end has too much to do; run it again later."
NOT_OFFERED = (501, 505)  # errors of a server that is well: trying later does not help


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a refusal may speak of, each in the form of the place where it is said; empty when not known."""

    run: str = "This run"
    gate: str = "this question"
    step: str = "This step"
    steps: Sequence[str] = ()
    verdict: str = "decided"  # "approved", "rejected"
    by: str = "somebody"
    ago_ms: Millis | None = None
    approvers: str = "the people whom the workflow names"
    link: str = ""
    why_not: str = ""  # Person.why_not


NOTHING_KNOWN = Circumstances()


def refusal_text(refusal: Refusal, about: Circumstances = NOTHING_KNOWN) -> str:
    """The sentence for a refusal."""
    because = WHY_NOT_MEMBER.get(about.why_not, "")
    return REFUSALS[refusal].format(
        run=about.run,
        gate=about.gate,
        step=about.step,
        steps=", ".join(about.steps) or "none",
        verdict=about.verdict,
        by=about.by,
        approvers=about.approvers,
        since="" if about.ago_ms is None else f" {ago(about.ago_ms)}",
        link=f": {about.link}" if about.link else "",
        because=f": {because}" if because else "",
    )


@dataclass(frozen=True, slots=True)
class FaultText:
    """A fault in words: what went wrong, and what to do about it."""

    sentence: str
    hint: str = ""


def fault_text(failure: Failure) -> FaultText:
    """What went wrong in one sentence, and what to do about it."""
    message = " ".join(failure.message.split()) or f"It failed ({failure.code})"
    return FaultText(
        sentence=_ended(message), hint=failure.hint or _status_hint(failure) or HINTS.get(failure.code, "")
    )


def without_answer(failure: Failure) -> Failure:
    """The failure without what the other end or the command said, for places that show that beside it."""
    detail = failure.detail if isinstance(failure.detail, dict) else {}
    said = [text for text in (detail.get("body"), detail.get("stderr")) if isinstance(text, str) and text.strip()]
    message = failure.message
    for text in said:
        message = message.removesuffix(f": {text}").removesuffix(f": {text.splitlines()[-1]}")
    return replace(failure, message=message)


def _status_hint(failure: Failure) -> str:
    status = failure.detail.get("status") if isinstance(failure.detail, dict) else None
    if failure.code != "http_status" or not isinstance(status, int) or status in NOT_OFFERED:
        return ""
    if status >= 500:
        return OTHER_END_DOWN
    return OTHER_END_BUSY if status in (408, 425, 429) else ""


def endpoint_text(name: str) -> str:
    """An endpoint as people call it: `the model writer`, `cms.example.com`."""
    kind, _, called = name.partition(" ")
    return called if kind == "host" and called else f"the {name}"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`"""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def attempts_text(failures: int) -> str:
    """`after 3 attempts`, or nothing for the first."""
    return f"after {failures} attempts" if failures > 1 else ""


def length(ms: Millis) -> str:
    """A length of time as people say it: `under 1 s`, `12 s`, `3 h 11 min`, `2 days 4 h`."""
    if ms < SECOND_MS:
        return "under 1 s"
    if ms < MINUTE_MS:
        return f"{ms // SECOND_MS} s"
    if ms < HOUR_MS:
        return _two(ms, MINUTE_MS, "min", SECOND_MS, "s")
    if ms < DAY_MS:
        return _two(ms, HOUR_MS, "h", MINUTE_MS, "min")
    return _two(ms, DAY_MS, "day" if ms < 2 * DAY_MS else "days", HOUR_MS, "h")


def ago(ms: Millis) -> str:
    """How long ago: `just now`, `12 s ago`."""
    return "just now" if ms < 2 * SECOND_MS else f"{length(ms)} ago"


def moment(at: Millis) -> str:
    """A moment for places that cannot show the reader's own time: `22 Nov 2025, 17:00 UTC`."""
    when = datetime.fromtimestamp(at / 1_000, UTC)
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 step`, `2 steps`, with thousands set off."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def titled(name: str, title: str = "") -> str:
    """The title of a step, or its name made readable: `fact_check` -> `Fact check`."""
    readable = name.replace("_", " ").replace("-", " ").strip()
    return title or (readable.upper() if readable in ("url", "id") else readable[:1].upper() + readable[1:])


def actor_text(actor: Actor) -> str:
    """Who it was, without markup."""
    name = actor.name or actor.id
    return f"operator {name}" if actor.kind == "operator" else name


def _two(ms: Millis, large_ms: Millis, large: str, small_ms: Millis, small: str) -> str:
    count, rest = divmod(ms, large_ms)
    rest //= small_ms
    return f"{count} {large} {rest} {small}" if rest else f"{count} {large}"


def _ended(sentence: str) -> str:
    return sentence if sentence[-1] in ".!?…" else f"{sentence}."


def size_text(size: int) -> str:
    """A size in bytes as people say it: `8 kB`, `2.4 MB`."""
    if size < 1_000_000:
        return f"{max(1, round(size / 1_000))} kB"
    return f"{size / 1_000_000:.1f} MB"
