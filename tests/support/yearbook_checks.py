"""What must be so of yearbooks after any number of deaths: the same as if there had been none."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from difflib import unified_diff
from pprint import pformat

from store import anchors, history
from store.events import DecisionMade
from store.model import Run
from tests.support.crash_checks import (
    check_nothing_else_was_said,
    check_record,
    stands_as_known,
    without_varying,
)
from tests.support.crash_story import Message, key_of
from tests.support.readable import readable
from tests.support.yearbook import ONCE
from tests.support.yearbook_story import STARTS, Publisher

GOOD, SPOILT, CHILD = "run yearbook", "run yearbook spoil=yes", "announcement"
EFFECTS = {
    GOOD: {"order", "stamp", "press", "shelf", "tidy"},
    SPOILT: {"shelf", "unshelf", "tidy"},
    CHILD: {"post"},
}


@dataclass(frozen=True)
class Outcome:
    """How a run came out, as far as it is the same each time."""

    status: str
    reason: str | None
    outputs: object
    steps: dict[str, str]
    decisions: list[tuple[str, int, str, str]]
    messages: list[str]


def kind_of(run: Run) -> str:
    if run.workflow == "announcement":
        return CHILD
    return SPOILT if run.inputs.value["spoil"] else GOOD


def outcome(place: Publisher, run: Run) -> Outcome:
    gates = [(step.key, step.gate) for step in run.steps.values() if step.gate]
    return Outcome(
        status=str(run.status),
        reason=run.reason,
        outputs=run.outputs and run.outputs.value,
        steps={key: str(step.status) for key, step in run.steps.items()},
        decisions=[(key, gate.version, one.actor.id, one.verdict) for key, gate in gates for one in gate.decisions],
        messages=sorted(_reading(one) for one in _messages(place, run)),
    )


def outcomes(place: Publisher) -> dict[str, Outcome]:
    """Of each kind of run, how it came out."""
    return {kind_of(run): outcome(place, run) for run in place.runs()}


def check(place: Publisher, twin: dict[str, Outcome]) -> None:
    """Everything at once. `twin` is how it came out for a publisher whose service was never killed."""
    check_record(place)
    runs = place.runs()
    assert {kind_of(run) for run in runs} == twin.keys()
    begun = Counter(map(kind_of, runs))
    for line in STARTS:
        assert place.asked[line].acknowledged <= begun[line] <= place.asked[line].tried
    assert begun[CHILD] == begun[GOOD], "a child was lost, or begun twice"
    for run in runs:
        _check_messages(place, run)
        _check_outcome(outcome(place, run), twin[kind_of(run)])
        _check_effects(place, run)
        _check_history(place, run)
    assert place.world.shelf == {run.id for run in runs if kind_of(run) == GOOD}
    check_nothing_else_was_said(place)


def _check_outcome(came_out: Outcome, would: Outcome) -> None:
    for name, found in asdict(came_out).items():
        wanted = getattr(would, name)
        difference = unified_diff(_lines(wanted), _lines(found), "undisturbed", "here", lineterm="")
        assert found == wanted, f"{name}:\n" + "\n".join(difference)


def _lines(value: object) -> list[str]:
    return "\n".join(map(str, value)).split("\n") if isinstance(value, list) else pformat(value).split("\n")


def _check_effects(place: Publisher, run: Run) -> None:
    """What may happen once has happened once; what may be repeated was, each time under the same key."""
    mine = EFFECTS[kind_of(run)]
    for what in set().union(*EFFECTS.values()):
        keys = place.happened(what, run.id)
        assert len(set(keys)) == (what in mine), f"{what} happened under the keys {keys}"
        assert what not in ONCE or len(keys) == (what in mine), f"{what} may happen once and did {len(keys)} times"


def _check_history(place: Publisher, run: Run) -> None:
    """Nobody was asked about steps that may be repeated, and each decision is on record once."""
    entries = place.look(lambda tx: history.of(tx, run.id))
    unsure = {entry.event.place.key for entry in entries if entry.kind in ("StepUnknown", "StepSettled")}
    assert unsure <= ONCE, f"{unsure - ONCE} may be repeated, and somebody was asked"
    assert not unsure or len(place.lives) > 1, "nothing was cut off, and somebody was asked"
    made = Counter(
        (one.event.place, one.event.digest, one.event.verdict) for one in entries if isinstance(one.event, DecisionMade)
    )
    assert set(made.values()) <= {1}, "a decision was counted twice"


def _messages(place: Publisher, run: Run) -> list[Message]:
    """What stands in Slack of this run, but for questions about what nobody could know."""
    known = {one.key for one in place.look(lambda tx: anchors.of_run(tx, run.id))}
    return [one for one in place.said() if key_of(one) in known and not key_of(one).startswith("alert")]


def _check_messages(place: Publisher, run: Run) -> None:
    """Each message of the run stands once, in its thread, and where the service believes it to stand."""
    known = {one.key: one for one in place.look(lambda tx: anchors.of_run(tx, run.id)) if one.state != "gone"}
    standing = [one for one in place.said() if key_of(one) in known]
    assert Counter(map(key_of, standing)) == Counter(known.keys()), "a message is missing or stands twice"
    roots = {one["ts"] for one in standing if key_of(one) == f"run:{run.id}"}
    for message in standing:
        stands_as_known(message, known[key_of(message)])
        direct = known[key_of(message)].channel.startswith("D")
        assert direct or message["ts"] in roots or message.get("thread_ts") in roots, (
            "a message stands beside its thread"
        )


def _reading(message: Message) -> str:
    kind = key_of(message).split(":")[0]
    said = without_varying(readable(message["text"], message.get("blocks", ())))
    if kind == "digest":  # its gates open in any order
        said = "\n".join(sorted(said.splitlines()))
    return f"{kind} {said}"
