"""Any two of the things that may happen to a waiting run, one after the other and at the very same moment.

Over real connections: people by Slack's sockets, programs by the service's own socket, and the clock. Whatever is done
at once must come out as if one had come before the other; who came too late is told what is so; and the record holds.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import anyio
import pytest

from bot.requests import Cancel, Decide, Request, Retry, Signal
from store.events import CancelRequested, DecisionMade, GateClosed, GateEscalated, RunReopened, SignalReceived
from store.model import GateState
from tests.support.racing import MINUTE_MS, Act, Arena, Contest, arena

pytestmark = pytest.mark.anyio

PROGRAM = "a program"
CLOCK = "the clock"
WHO = {"ravi": "U0RAVI", "ada": "U0ADA"}


class _Done:
    def __repr__(self) -> str:
        return "DONE"


DONE = _Done()  # it took effect, too
NOTHING = ""  # the clock had nothing to say any more


@dataclass(frozen=True)
class Move:
    """Something that may happen: what whoever does it is told when it took effect, and the event that proves it."""

    said: str
    proof: Callable[[Any], bool]
    program: Callable[[str], Request] | None = None
    leap_ms: int = 0


def _decided(verdict: str, edited: bool = False) -> Callable[[Any], bool]:
    def proof(event: Any) -> bool:
        return isinstance(event, DecisionMade) and event.verdict == verdict and (event.edits is not None) == edited

    return proof


def _of(kind: type) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, kind)


def _expired(event: Any) -> bool:
    return isinstance(event, GateClosed) and event.state is GateState.EXPIRED


MOVES = {
    "approve": Move("You approved", _decided("approve"), lambda r: Decide(ref=r, verdict="approve", override="Away")),
    "reject": Move("You rejected", _decided("reject"), lambda r: Decide(ref=r, verdict="reject", override="Away")),
    "edit": Move("You edited and approved", _decided("approve", edited=True)),
    "changes": Move(
        "You sent back",
        _decided("changes"),
        lambda r: Decide(ref=r, verdict="changes", comment="Shorter.", override="Away"),
    ),
    "expire": Move("", _expired, leap_ms=121 * MINUTE_MS),
    "escalate": Move("", _of(GateEscalated), leap_ms=31 * MINUTE_MS),
    "cancel": Move("is cancelled|is being cancelled", _of(CancelRequested), lambda r: Cancel(ref=r)),
    "retry": Move("goes on where it broke", _of(RunReopened), lambda r: Retry(ref=r)),
    "finish": Move("", _of(SignalReceived), lambda r: Signal(ref=r, event="rung")),
}  # fmt: skip
DECIDING = ("approve", "reject", "edit", "changes")

FINISHED, NOT_ENDED, FINE = "has already finished", "has not ended", "Nothing of"
OLDER, CLOSED = "This is an older version of", "is not open for decisions"
ALONE: dict[str, Any] = {**dict.fromkeys(MOVES, DONE), "retry": NOT_ENDED}


def _row(deciding: Any, **others: Any) -> dict[str, Any]:
    return {**dict.fromkeys(DECIDING, deciding), **others}


AFTER: dict[str, dict[str, Any]] = {
    "approve": _row(
        "Already approved by", expire=NOTHING, escalate=NOTHING, cancel=FINISHED, retry=FINE, finish=FINISHED
    ),
    "edit": _row("Already approved by", expire=NOTHING, escalate=NOTHING, cancel=FINISHED, retry=FINE, finish=FINISHED),
    "reject": _row(
        "Already rejected by", expire=NOTHING, escalate=NOTHING, cancel=FINISHED, retry=DONE, finish=FINISHED
    ),
    "changes": _row(OLDER, expire=DONE, escalate=DONE, cancel=DONE, retry=NOT_ENDED, finish=DONE),
    "expire": _row(
        "without a decision", expire=NOTHING, escalate=NOTHING, cancel=FINISHED, retry=DONE, finish=FINISHED
    ),
    "escalate": _row(DONE, expire=DONE, escalate=NOTHING, cancel=DONE, retry=NOT_ENDED, finish=DONE),
    "cancel": _row(CLOSED, expire=NOTHING, escalate=NOTHING, cancel=FINISHED, retry=DONE, finish=FINISHED),
    "retry": _row(DONE, expire=DONE, escalate=DONE, cancel=DONE, retry=NOT_ENDED, finish=DONE),
    "finish": _row(CLOSED, expire=NOTHING, escalate=NOTHING, cancel=FINISHED, retry=FINE, finish=FINISHED),
}
"""What comes of the second when the first has had all its consequences. Laws of the house, to be read by people."""

MEANWHILE: dict[tuple[str, str], tuple[Any, ...]] = {
    **{(first, "cancel"): (DONE,) for first in ("approve", "edit", "finish")},
    **{(first, "finish"): (DONE,) for first in ("approve", "edit", "finish")},
    **{(first, "retry"): (NOT_ENDED,) for first in ("approve", "edit", "finish")},
    **{("finish", second): (DONE,) for second in (*DECIDING, "expire", "escalate", "cancel", "finish")},
    **{("changes", second): ("Already sent back by", CLOSED) for second in DECIDING},
}
"""What else may come of it while the first still has its consequences: the run ends, or the draft is made again."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Arena]:
    async with arena(tmp_path_factory.mktemp("arena")) as found:
        yield found


async def ready(contest: Contest, name: str, who: str) -> Act:
    """A move that only has to be made."""
    move = MOVES[name]
    if who == CLOCK:
        return await contest.leap(move.leap_ms)
    if who == PROGRAM:
        assert move.program is not None
        return await contest.by_program(move.program(contest.gate.id if name in DECIDING else contest.run.name))
    act: Act = await getattr(contest, name)(who)
    return act


def mover(name: str, person: str, *, program: bool = False) -> str:
    move = MOVES[name]
    if move.leap_ms:
        return CLOCK
    return PROGRAM if move.program and (program or name == "finish") else person


def outcome(name: str, who: str, told: str, events: list[Any]) -> Any:
    """What came of a move: DONE, or what was said. The words and the record must agree."""
    move = MOVES[name]
    mine = [event for event in events if move.proof(event) and _is_by(event, who)]
    if who == CLOCK:
        return DONE if mine else NOTHING
    done = told.startswith("Done:") if who == PROGRAM else re.search(move.said, told) is not None
    assert done or told, "nobody is left without a word"
    assert len(mine) >= done, f"{who} was told {told!r}, and the record knows nothing of it"
    assert done or not mine or name == "finish", f"{who} was told {told!r}, and the record says {mine}"
    return DONE if done else told


def _is_by(event: Any, who: str) -> bool:
    if who == CLOCK:
        return True
    return bool(event.actor.id == WHO[who] if who in WHO else event.actor.kind == "operator")


def fits(came: Any, expected: Any) -> bool:
    if expected is DONE or came is DONE or expected == NOTHING:
        return bool(came is expected or (came == expected and expected == NOTHING))
    return expected in came


async def concluded(contest: Contest, *moves: tuple[str, str, str]) -> list[Any]:
    """What came of the moves, once everything rests and the record was found whole."""
    run = await contest.arena.rests(contest)
    events = await contest.arena.recorded(run)
    for kind in {name for name, _, _ in moves}:
        count_ = sum(map(MOVES[kind].proof, events))
        assert count_ <= sum(name == kind for name, _, _ in moves), f"{kind} took effect {count_} times"
    return [outcome(name, who, told, events) for name, who, told in moves]


ORDERED = [(first, second) for first in MOVES for second in MOVES]
PAIRS = list(combinations_with_replacement(MOVES, 2))


def test_the_table_says_what_comes_of_any_move_after_any_other() -> None:
    assert {(first, second) for first, row in AFTER.items() for second in row} == set(ORDERED)
    assert set(ALONE) == set(MOVES)
    assert set(MEANWHILE) <= set(ORDERED)


@pytest.mark.parametrize(("first", "second"), ORDERED, ids=lambda name: str(name))
async def test_who_comes_second_is_told_what_the_first_has_made_of_it(place: Arena, first: str, second: str) -> None:
    number = ORDERED.index((first, second))
    contest = await place.contest(number)
    one, other = mover(first, "ravi"), mover(second, "ada", program=number % 2 == 1)
    do_first, do_second = await ready(contest, first, one), await ready(contest, second, other)
    told_first = await do_first()
    await place.rests(contest)
    told_second = await do_second()
    came_first, came_second = await concluded(contest, (first, one, told_first), (second, other, told_second))
    assert fits(came_first, ALONE[first]), came_first
    if one == other == CLOCK and first == second:  # the same moment of the same clock: it speaks once
        return
    assert fits(came_second, AFTER[first][second]), came_second


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda name: str(name))
async def test_what_happens_at_once_comes_out_as_if_one_had_been_first(place: Arena, first: str, second: str) -> None:
    number = PAIRS.index((first, second))
    contest = await place.contest(number)
    one, other = mover(first, "ravi"), mover(second, "ada", program=number % 2 == 0)
    acts = [await ready(contest, first, one), await ready(contest, second, other)]
    told = ["", ""]

    async def act(which: int) -> None:
        told[which] = await acts[which]()

    async with anyio.create_task_group() as group:
        for which in (0, 1) if number % 3 else (1, 0):
            group.start_soon(act, which)
    came = await concluded(contest, (first, one, told[0]), (second, other, told[1]))
    if one == other == CLOCK:
        assert came[0] is DONE
        return
    assert as_if(first, second, came[0], came[1]) or as_if(second, first, came[1], came[0]), came


def as_if(first: str, second: str, came_first: Any, came_second: Any) -> bool:
    """Whether it may have been that the first came before the second."""
    possible = (AFTER[first][second], *MEANWHILE.get((first, second), ()))
    return fits(came_first, ALONE[first]) and any(fits(came_second, one) for one in possible)


async def test_after_all_of_that_the_chain_of_the_whole_record_holds(place: Arena) -> None:
    await place.verified()


async def test_a_program_that_names_a_version_by_its_id_never_decides_a_later_one(place: Arena) -> None:
    contest = await place.contest(0)
    await (await contest.changes("ravi"))()
    run = await place.rests(contest)
    assert run.steps["review"].gate != contest.gate
    late = await contest.by_program(Decide(ref=contest.gate.id, verdict="approve", override="Away"))
    assert OLDER in await late()
    await (await contest.by_program(Cancel(ref=run.name)))()
    told = await (await contest.by_program(Decide(ref=run.name, verdict="approve", override="Away")))()
    assert CLOSED in told  # by the run's name too, it is told what is so
    await contest.arena.recorded(await place.rests(contest))
