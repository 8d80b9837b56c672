"""Who and what the workflows name in Slack, and which of it is not there: told before a run waits for nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.capabilities import INCAPABLE
from bot.people import GROUP_ID, MEMBERS, USER_ID, Organisation, Reads, SlackPeople
from bot.slack import SlackFault
from engine.clock import Clock
from engine.definitions import Definition

ABSENT = frozenset({"users_not_found", "user_not_found", "user_not_visible"})


@dataclass(frozen=True, slots=True)
class Stranger:
    """A reference of a workflow behind which nobody stands that we could reach."""

    workflow: str
    reference: str
    message: str
    cure: str


class References:
    """Looks references up, each once, however many workflows name it."""

    def __init__(self, slack: Reads, clock: Clock, home: Organisation, own_groups: Mapping[str, Sequence[str]]) -> None:
        self._slack = slack
        self._people = SlackPeople(slack, clock, home, own_groups)
        self._own = {name.removeprefix("@").lower() for name in own_groups}
        self._known: dict[str, tuple[str, str]] = {}
        self._groups: frozenset[str] | None = None

    async def strangers(self, definitions: Mapping[str, Definition]) -> list[Stranger]:
        """Everything that is named and cannot be found; a Slack that cannot say just now is no reason."""
        found = []
        for name, definition in sorted(definitions.items()):
            for reference in dict.fromkeys(_named(definition)):
                what, cure = await self._looked_up(reference)
                if what:
                    found.append(Stranger(name, reference, f"{name} names {reference}, but {what}.", cure))
        return found

    async def _looked_up(self, reference: str) -> tuple[str, str]:
        """What is wrong with a reference and what to do; empty when all is well."""
        if reference not in self._known:
            try:
                self._known[reference] = await self._what_is_wrong(reference)
            except SlackFault as fault:
                if fault.code not in INCAPABLE:
                    return "", ""
                cure = "Give the app the scope for it (manifest.yml), or write the group into the operator's file."
                self._known[reference] = (f"Slack does not let us look ({fault.code})", cure)
        return self._known[reference]

    async def _what_is_wrong(self, reference: str) -> tuple[str, str]:
        if reference.startswith("#") or reference[:1] in ("C", "G"):
            return await self._channel(reference)
        if USER_ID.fullmatch(reference) or "@" in reference[1:]:
            return await self._person(reference)
        handle = reference.removeprefix("@").lower()
        if handle in self._own or (reference if GROUP_ID.fullmatch(reference) else handle) in await self._handles():
            return "", ""
        return "there is no such group", "Correct it, make the group in Slack, or write it into the operator's file."

    async def _channel(self, reference: str) -> tuple[str, str]:
        channel = await self._people.channel(reference)  # a public one takes our messages without us being in it
        if not channel.known:
            return "there is no such channel that we can see", "Correct it, or invite the app into the channel."
        return "", ""

    async def _person(self, reference: str) -> tuple[str, str]:
        try:
            if "@" in reference:
                await self._slack.read("users.lookupByEmail", email=reference)
            else:
                await self._slack.read("users.info", user=reference)
        except SlackFault as fault:
            if fault.code in ABSENT:
                return (
                    "there is no such person",
                    "Correct it: a user id, or the e-mail address of the account in Slack.",
                )
            raise
        return "", ""

    async def _handles(self) -> frozenset[str]:
        if self._groups is None:
            listed = (await self._slack.read("usergroups.list"))["usergroups"]
            self._groups = frozenset(word for one in listed for word in (str(one["handle"]).lower(), str(one["id"])))
        return self._groups


def _named(definition: Definition) -> Iterator[str]:
    workflow = definition.workflow
    access = workflow.access
    gates = [step.gate.approvers for step in definition.plan.steps if step.gate is not None]
    people = [who for listed in (*gates, access.start, access.see, access.control) for who in listed]
    for reference in (workflow.owner, workflow.channel, workflow.alerts_failed, *people):
        if reference and reference != MEMBERS:
            yield reference
