"""Who and what the workflows name in Slack, and what is odd about it: told before a run waits for nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.capabilities import INCAPABLE
from bot.names import is_id, kind
from bot.people import MEMBERS
from bot.phonebook import Phonebook
from bot.pins import OWN, Sight
from bot.slack import SlackFault
from engine.clock import Clock
from engine.definitions import Definition
from store.handles import Handle
from store.model import MessageTrigger, Workflow

DEPTH_MAX = 3  # groups of the operator that name each other
ACCEPT = "pointsman reload --accept-handles"


@dataclass(frozen=True, slots=True)
class Stranger:
    """A reference of a workflow with which something is not as it should be."""

    workflow: str
    reference: str
    message: str
    cure: str


def named(workflow: Workflow, approvers: Iterable[str]) -> list[str]:
    """Everyone and everything that a workflow names, each once."""
    access = workflow.access
    written = (
        workflow.owner,
        workflow.channel,
        workflow.alerts_failed,
        *approvers,
        *access.start,
        *access.see,
        *access.control,
        *listened_to(workflow),
        *(one for trigger in _messages(workflow) for one in trigger.from_),
    )
    return list(dict.fromkeys(one for one in written if one and one != MEMBERS))


def listened_to(workflow: Workflow) -> tuple[str, ...]:
    """The channels in which messages start it."""
    return tuple(dict.fromkeys(trigger.channel for trigger in _messages(workflow)))


def _messages(workflow: Workflow) -> list[MessageTrigger]:
    return [one for one in workflow.triggers if isinstance(one, MessageTrigger)]


def named_by(definitions: Mapping[str, Definition]) -> dict[str, list[str]]:
    """What each workflow names, by its name."""
    return {
        name: named(one.workflow, (who for step in one.plan.steps if step.gate for who in step.gate.approvers))
        for name, one in sorted(definitions.items())
    }


def nested(references: Iterable[str], own_groups: Mapping[str, Sequence[str]], depth: int = 0) -> Iterator[str]:
    """The references, and those that stand in the operator's groups among them."""
    by_handle = {name.removeprefix("@").lower(): people for name, people in own_groups.items()}
    for reference in references:
        yield reference
        members = by_handle.get(reference.removeprefix("@").lower())
        if members is not None and depth < DEPTH_MAX:
            yield from nested(members, own_groups, depth + 1)


class References:
    """Looks references up."""

    def __init__(self, phonebook: Phonebook, clock: Clock, own_groups: Mapping[str, Sequence[str]]) -> None:
        self._phonebook = phonebook
        self._clock = clock
        self._own = {name.removeprefix("@").lower() for name in own_groups}
        self._begun_at = clock.now()

    async def look(self, reference: str, pinned: str | None) -> Sight:
        """What Slack says of it now. Raises SlackFault for a passing trouble."""
        if reference.removeprefix("@").lower() in self._own:
            return Sight(OWN)
        try:
            return await self._look(reference, pinned)
        except SlackFault as fault:
            if fault.code not in INCAPABLE:
                raise
            return Sight(stands=False, unseen=True)

    async def _look(self, reference: str, pinned: str | None) -> Sight:
        age_ms = self._clock.now() - self._begun_at + 1  # what was read since this look began is fresh enough
        if is_id(reference):
            exists = await self._phonebook.exists(reference, age_ms=age_ms)
            return Sight(reference if exists else None, stands=exists)
        found = await self._phonebook.bearer(reference, age_ms=age_ms)
        if pinned is None or found == pinned:
            return Sight(found, stands=found is not None)
        return Sight(found, stands=await self._phonebook.exists(pinned, age_ms=age_ms))


def strange(workflow: str, reference: str, handle: Handle | None) -> Stranger | None:
    """What is wrong with a reference and what to do; None when all is well, or nothing is known."""
    if handle is None:
        return None
    said = f"{workflow} names {reference}, "
    what = kind(reference)
    if handle.moved:
        force = f"The one that it was pinned to ({_called(handle.pinned)}) stays in force."
        message = f"{said}which means another {what} than before ({_called(handle.found)}). {force}"
        return Stranger(workflow, reference, message, f"Accept it with `{ACCEPT}`, or correct the workflow.")
    if handle.renamed:
        message = f"{said}but no {what} is called so any more. The one that was ({handle.pinned}) stays in force."
        return Stranger(workflow, reference, message, "Write its present name.")
    if handle.state == "unseen":
        cure = "Give the app the scope for it (manifest.yml), or write the group into the operator's file."
        return Stranger(workflow, reference, f"{said}but Slack does not let us look.", cure)
    if handle.state == "absent":
        return Stranger(workflow, reference, f"{said}but there is no such {what}{_seen(reference)}.", _cure(reference))
    return None


def _seen(reference: str) -> str:
    return " that we can see" if kind(reference) == "channel" else ""


def _cure(reference: str) -> str:
    return {
        "channel": "Correct it, or invite the app into the channel.",
        "person": "Correct it: a user id, or the e-mail address of the account in Slack.",
        "group": "Correct it, make the group in Slack, or write it into the operator's file.",
    }[kind(reference)]


def _called(id: str | None) -> str:
    return "a group of the operator's file" if id == OWN else str(id)
