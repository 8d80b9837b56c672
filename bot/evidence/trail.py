"""Who did what over all runs: found by person and period, told in words."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

from bot import shapes
from bot.evidence.lines import line
from bot.requests import Objection, Trail
from bot.times import end_moment, moment
from store.database import Reader
from store.erasure import ERASED
from store.model import Actor, Json, Millis
from store.trail import Act, acts

SIMILAR_MAX = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What was asked for, in the order of time; `more` when there is more than was asked for."""

    acts: tuple[Act, ...]
    more: bool = False
    similar: tuple[Actor, ...] = ()  # who else did something then, when nobody has the name that was asked for


def found(tx: Reader, asked: Trail, now: Millis) -> Found:
    """Raises Objection when a time cannot be read, or the period ends before it begins."""
    since = None if asked.since is None else moment(asked.since, now)
    until = None if asked.until is None else end_moment(asked.until, now)
    if since is not None and until is not None and since >= until:
        problem = f"Nothing is between {asked.since} and {asked.until}: that would end before it begins."
        raise Objection("bad_period", problem, "Name the earlier time first.", status=422)
    others: dict[str, Actor] = {}

    def theirs(act: Act) -> bool:
        others.setdefault(act.actor.id, act.actor)
        return asked.who is None or act.by(asked.who)

    all_of_them = filter(theirs, acts(tx, since=since, until=until, workflow=asked.workflow))
    first = tuple(islice(all_of_them, asked.limit))
    if first or asked.who is None:
        return Found(first, next(all_of_them, None) is not None)
    return Found((), similar=_similar(asked.who, list(others.values())))


def _similar(who: str, others: list[Actor]) -> tuple[Actor, ...]:
    """Who may have been meant; everybody when nobody is called alike and they are few."""
    names = {name.casefold(): actor for actor in others for name in (actor.id, actor.name, *actor.name.split())}
    close = get_close_matches(who.removeprefix("@").casefold(), names, SIMILAR_MAX, 0.6)
    alike = tuple({names[name].id: names[name] for name in close}.values())
    return alike or (tuple(others) if len(others) <= SIMILAR_MAX else ())


def period(asked: Trail) -> str:
    """What was asked for, as a headline."""
    since = f" since {asked.since}" if asked.since else ""
    until = f" until {asked.until}" if asked.until else ""
    of = f" in {asked.workflow}" if asked.workflow else ""
    return f"What {asked.who or 'everybody'} did{of}{since}{until}"


def nothing(asked: Trail, found: Found) -> str:
    """The answer when nothing was found, with who may have been meant."""
    if asked.who is None:
        return "Nobody did anything then"
    names = ", ".join(f"{actor.name} ({actor.id})" if actor.name else actor.id for actor in found.similar)
    return f"Nobody called {asked.who} did anything then" + (f"; there were {names}" if names else "")


def told(asked: Trail, found: Found) -> Json:
    """The answer as JSON; `note` says what is to be known about it."""
    more = f"There is more than these {len(found.acts):,}: name a shorter period, a person or a workflow."
    return {
        "acts": [
            {
                "at": shapes.moment(act.at),
                "run": act.run,
                "run_id": act.run_id,
                "workflow": act.workflow,
                "seq": act.seq,
                "event": act.kind,
                "step": act.step,
                "actor": shapes.actor(act.actor),
                "told": ERASED if act.event is None else line(act.event),
            }
            for act in found.acts
        ],
        "more": found.more,
        "similar": [shapes.actor(actor) for actor in found.similar],
        "note": f"{nothing(asked, found)}." if not found.acts else more if found.more else "",
    }
