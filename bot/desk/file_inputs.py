"""Files among what is given for a run or at a gate: which file goes where, and bringing it in once all else is good.

Until a file is fetched a stand-in takes its place, so that everything that can be wrong is told before anything is
downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.attached import (
    Attached,
    Wanted,
    attached,
    linked,
    message_at,
    shown_name,
    stand_ins,
    takes_file,
    takes_files,
    too_large,
)
from bot.desk.bench import Bench, NotYet
from bot.desk.place import Asker
from bot.slack import SlackFault
from engine.inputs import InputProblem, Inputs
from store.model import Json, Plan

HOW = "a message that mentions me or to a direct message to me, beside the line, or give the address of a file in Slack"


@dataclass(frozen=True, slots=True)
class Assigned:
    """What was given, with stand-ins for files; which files these stand for; and the files that nothing takes."""

    values: dict[str, Json]
    wanted: Wanted = field(default_factory=dict)
    left_over: tuple[Attached, ...] = ()


def assigned(schemas: Mapping[str, Json], given: Mapping[str, Json], files: Sequence[Attached] = ()) -> Assigned:
    """Take addresses and records of files for the files they mean; attached ones fill what is empty, in order."""
    wanted: dict[str, Attached | tuple[Attached, ...]] = {}
    for name, schema in schemas.items():
        found = _named(given.get(name), many=takes_files(schema)) if takes_file(schema) or takes_files(schema) else None
        if found:
            wanted[name] = found
    left = list(files)
    for name, schema in schemas.items():
        if not left or name in wanted or given.get(name) not in (None, ""):
            continue
        if takes_file(schema):
            wanted[name] = left.pop(0)
        elif takes_files(schema):
            wanted[name], left = tuple(left), []
    return Assigned({**given, **stand_ins(wanted)}, wanted, tuple(left))


async def looked_up(bench: Bench, schemas: Mapping[str, Json], given: Mapping[str, Json], asker: Asker) -> Assigned:
    """What is given in words: addresses of messages stand for their files, and an answer for those of its thread."""
    found, place = dict(given), asker.place
    taking = [name for name, schema in schemas.items() if takes_file(schema) or takes_files(schema)]
    for name in taking:
        at = message_at(found[name]) if isinstance(found.get(name), str) else None
        if at is not None:  # who names a message need not be somebody who may read it
            found[name] = [replace(one, linked=True) for one in await bench.files_of(*at)]
    put = assigned(schemas, found, asker.files)
    empty = [name for name in taking if name not in put.wanted and found.get(name) in (None, "", [])]
    if not empty or asker.files or not place.thread_ts:
        return put
    above = await bench.files_of(place.channel, place.thread_ts, "")
    return replace(assigned(schemas, found, above), left_over=()) if above else put


def files_in_words(plan: Plan, read: Inputs, given: Assigned) -> tuple[InputProblem, ...]:
    """What is wrong with the inputs; of files, in the words of Slack. What was typed never stands for a file."""
    known = {name: takes_files(schema) for name, schema in plan.inputs.items() if takes_file(schema)}
    known |= {name: True for name, schema in plan.inputs.items() if takes_files(schema)}
    found = [_file_problem(one, many=known[one.name]) if one.name in known else one for one in read.problems]
    typed = [name for name in known if name in read.values and name not in given.wanted and given.values.get(name)]
    found += [_file_problem(InputProblem(name, f"`{name}` needs a file"), many=known[name]) for name in typed]
    for name, taken in given.wanted.items():
        found += [_large(name, one) for one in (taken if isinstance(taken, tuple) else (taken,)) if too_large(one)]
    return (*found, *(_left_over(one, plan, list(known)) for one in given.left_over))


def _file_problem(problem: InputProblem, *, many: bool) -> InputProblem:
    what = "files" if many else "a file"
    message = f"`{problem.name}` needs {what}" if "needs" in problem.message else problem.message
    return InputProblem(problem.name, message, f"Attach {'them' if many else 'it'} to {HOW}.")


def _large(name: str, one: Attached) -> InputProblem:
    found = too_large(one)
    assert found is not None
    return InputProblem(name, f"`{name}`: “{shown_name(one.name)}” cannot be taken: {found.why}", found.cure)


def _left_over(one: Attached, plan: Plan, known: Sequence[str]) -> InputProblem:
    name = f"“{shown_name(one.name)}”"
    if not known:
        return InputProblem("", f"{name} belongs to no input: this workflow takes no file", "Send the line without it.")
    takes = f"this workflow takes {' and '.join(f'`{one}`' for one in known)}"
    return InputProblem("", f"{name} belongs to no input: {takes}, and each has a file", "Attach fewer files.")


async def fetched(bench: Bench, values: Mapping[str, Json], wanted: Wanted, user: str, channel: str) -> dict[str, Json]:
    """The values with the files in place of their stand-ins.

    Raises NotTaken, StoreFault, and NotYet when Slack does not hand one over just now.
    """
    found = dict(values)
    try:
        for name, taken in wanted.items():
            if isinstance(taken, tuple):
                found[name] = [await bench.fetch(one, user, channel) for one in taken]
            else:
                found[name] = await bench.fetch(taken, user, channel)
    except SlackFault as fault:
        raise NotYet(fault, (await bench.glance(user)).person) from None
    return found


def _named(value: Json, *, many: bool) -> Attached | tuple[Attached, ...] | None:
    """The file, or the files, that a value names; None when it names none, or not only files."""
    given: list[Any] = value if isinstance(value, list) else [value]
    found = [_one(one) for one in given]
    files = tuple(one for one in found if one is not None)
    if not files or len(files) != len(given):
        return None
    if many:
        return files
    return files[0] if len(files) == 1 else None


def _one(value: Json) -> Attached | None:
    if isinstance(value, Attached):
        return value
    if isinstance(value, str):
        return linked(value)
    if isinstance(value, Mapping) and "hash" not in value:
        return next(iter(attached([value])), None)
    return None
