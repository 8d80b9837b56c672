"""What a workflow asks for at its start, as pages of fields with what is known already. Pure.

A value that is known but fits no field, such as a long text or a file of the message, is carried along unseen and
named. Everything is worked out again from the shortcut whenever a page comes back, so that nothing need be kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.attached import Attached, records
from bot.desk.file_inputs import Assigned, assigned
from bot.desk.retelling import obvious, recognised, told
from bot.intake import Chosen
from bot.views.fields import Field, Filled, files_given, is_file, read, unfit
from bot.views.markup import clip, code, escape, one_line
from bot.views.start_windows import FIELDS_MAX, PAGES_MAX
from bot.views.starts import is_required, is_sensitive
from bot.wording import listed
from engine.inputs import InputProblem, read_inputs
from engine.triggered import computed
from store.model import Json, Plan, Shortcut


@dataclass(frozen=True, slots=True)
class Pages:
    """The fields, page by page; what is carried along; what to say about it; and why there is no form, if so."""

    plan: Plan
    fields: tuple[Field, ...]
    carried: Mapping[str, Json]
    files: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = ()
    why_not: str = ""

    @property
    def count(self) -> int:
        return max(1, -(-len(self.fields) // FIELDS_MAX))

    def page(self, number: int) -> tuple[Field, ...]:
        return self.fields[number * FIELDS_MAX : (number + 1) * FIELDS_MAX]

    def read(self, number: int, given: Mapping[str, Json]) -> Filled:
        """What was filled in on one page; of files what Slack tells of them, as they are still to be fetched."""
        filled = read(self.page(number), given)
        return replace(filled, values=filled.values | records(files_given(self.page(number), given)))

    def together(self, filled: Mapping[str, Json]) -> tuple[Assigned, tuple[InputProblem, ...]]:
        """The inputs of the run, its files still to be fetched, and what is wrong with them."""
        put = assigned(self.plan.inputs, {**self.carried, **filled}, self.files)
        found = read_inputs(self.plan, put.values, typed=True)
        return replace(put, values=found.values), found.problems


def pages_for(
    plan: Plan, shortcut: Shortcut | None, chosen: Chosen, permalink: str, *, takes_files: bool = True
) -> Pages:
    """The pages for this shortcut: what a message gives stands in the fields at first.

    `takes_files`: whether the app may read files, so that they may be asked for.
    """
    known, problems = _known(plan, shortcut, chosen, permalink)
    files = () if chosen.message is None or not takes_files else chosen.message.files
    if not takes_files:  # what the message brings could never be fetched
        known = {name: value for name, value in known.items() if not is_file(plan.inputs.get(name))}
    put = assigned(plan.inputs, known, files)
    fields: list[Field] = []
    carried = {name: value for name, value in known.items() if name in put.wanted}
    left_out: list[str] = []
    unread: list[str] = []
    for name, schema in plan.inputs.items():
        if name in put.wanted:
            continue
        one = _field(name, schema, known.get(name))
        if known.get(name) is not None and unfit([one], files=takes_files):
            carried[name] = known[name]
        elif not takes_files and is_file(schema) and not one.required:
            unread.append(name)
        elif unfit([one], files=takes_files) and not one.required:
            left_out.append(name)
        else:
            fields.append(one)
    notes = (
        *_carried(put, carried, chosen),
        *_unread(unread),
        *_left_out(left_out),
        *(_problem(one) for one in problems),
    )
    return Pages(plan, tuple(fields), carried, files, notes, _why_not(fields, takes_files))


def _known(
    plan: Plan, shortcut: Shortcut | None, chosen: Chosen, permalink: str
) -> tuple[dict[str, Json], list[InputProblem]]:
    """What the message gives, by the mapping of the workflow's shortcut or by obvious names; and what does not fit."""
    message = chosen.message
    if message is None:
        return {}, []
    event = told(message, permalink)
    if shortcut is None or not shortcut.inputs:
        return obvious(plan, event), []
    found = computed(shortcut.inputs, {"message": event, "user": chosen.user, "channel": message.channel})
    given, problems = recognised(found.values, message.files), list(found.problems)
    stood_in = assigned(plan.inputs, given).values
    for name in [one for one in given if one in plan.inputs]:
        alone = Plan(plan.workflow, {name: plan.inputs[name]}, ())
        wrong = read_inputs(alone, {name: stood_in[name]}, typed=True).problems
        if wrong:
            problems += wrong
            del given[name]
    return {name: value for name, value in given.items() if not is_sensitive(plan.inputs.get(name))}, problems


def _field(name: str, schema: Json, value: Json) -> Field:
    described = schema if isinstance(schema, dict) else {}
    initial = described.get("default") if value is None else value
    return Field(name, described, is_required(schema), None if is_sensitive(schema) else initial)


def _why_not(fields: Sequence[Field], takes_files: bool) -> str:
    if len(fields) > FIELDS_MAX * PAGES_MAX:
        return (
            f"it takes {len(fields)} inputs, and {FIELDS_MAX * PAGES_MAX} are the most that anybody is asked for here"
        )
    return next((why for one in fields if (why := unfit([one], files=takes_files))), "")


def _carried(put: Assigned, carried: Mapping[str, Json], chosen: Chosen) -> list[str]:
    """What is taken from the message and stands in no field."""
    lines = []
    for name, taken in put.wanted.items():
        files = taken if isinstance(taken, tuple) else (taken,)
        lines.append(f"{code(name)} is {escape(clip(one_line(listed([one.name or 'a file' for one in files])), 200))}")
    for name, value in carried.items():
        if name not in put.wanted:
            size = f" ({len(value):,} characters)" if isinstance(value, str) else ""
            lines.append(f"{code(name)} is taken from the message as it is{size}")
    return [f"{'; '.join(lines)}."] if lines else []


def _unread(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    return [
        f"{listed([code(name) for name in names])} cannot be given: this app may not read files here (`files:read`)."
    ]


def _left_out(names: Sequence[str]) -> list[str]:
    return [f"{listed([code(name) for name in names])} can be given at the command only."] if names else []


def _problem(problem: InputProblem) -> str:
    return escape(clip(one_line(f"{problem.message}."), 300))
