"""Who may start, see and control the runs of a workflow. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bot.people import MEMBERS
from store.model import Access, Person, Run, Workflow

NOBODY = Access(start=(), see=(), control=())
"""The access of a workflow whose file is gone: its runs belong to their requesters."""


def within(person: Person, who: Iterable[str]) -> bool:
    """Whether the people named include this member; nobody else is ever included."""
    if not person.member:
        return False
    named = set(who)
    return MEMBERS in named or not named.isdisjoint(person.matches)


def may_start(person: Person, workflow: Workflow) -> bool:
    return within(person, workflow.access.start)


def may_know(person: Person, workflow: Workflow) -> bool:
    """May this person learn that the workflow exists?"""
    access = workflow.access
    return within(person, (*access.see, *access.start, *access.control))


def may_see(person: Person, workflow: Workflow, run: Run) -> bool:
    """The requester, and whoever is asked for a decision, see the run in any case."""
    if not person.member:
        return False
    access = workflow.access
    return run.requester.id == person.id or within(person, (*access.see, *access.control, *asked(run)))


def may_control(person: Person, workflow: Workflow, run: Run) -> bool:
    return person.member and (run.requester.id == person.id or within(person, workflow.access.control))


def asked(run: Run) -> tuple[str, ...]:
    """Everyone who is or was asked for a decision."""
    return tuple(one for step in run.steps.values() if step.gate is not None for one in step.gate.approvers)


def references(workflow: Workflow) -> tuple[str, ...]:
    access = workflow.access
    return (*access.start, *access.see, *access.control)
