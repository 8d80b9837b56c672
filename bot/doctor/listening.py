"""Whether the messages that are to start workflows reach us: scopes, membership, and whose channels these are."""

from __future__ import annotations

from collections.abc import Mapping

from bot.doctor.finding import Finding, fail, ok, warn
from bot.manifest import CHANNEL_EVENTS
from bot.people import ChannelFacts, People
from bot.references import listened_to
from engine.definitions import Definition

PART = "messages"


async def channels(workflows: Mapping[str, Definition], people: People, held: frozenset[str]) -> list[Finding]:
    """A line for each channel in which messages start something."""
    listening: dict[str, list[str]] = {}
    for name, one in sorted(workflows.items()):
        for channel in listened_to(one.workflow):
            listening.setdefault(channel, []).append(name)
    found = []
    for channel, names in listening.items():
        facts = await people.channel(channel)
        if facts.known:  # the line on references tells of those that are not there
            found.append(_heard(channel, f"Messages in {channel} start {', '.join(names)}", facts, held))
    return found


def _heard(channel: str, what: str, facts: ChannelFacts, held: frozenset[str]) -> Finding:
    event = "message.groups" if facts.private else "message.channels"
    scope = CHANNEL_EVENTS[event]
    if held and scope not in held:
        cure = "Bring the app up to date with manifest.yml and install it again."
        return fail(PART, f"{what}, but none is heard: the app lacks {scope}.", cure)
    if facts.external:
        cure = "Name a channel of your own organisation."
        return warn(PART, f"{what}, but it is shared with another organisation, so nothing is started.", cure)
    if not facts.ours:
        return warn(
            PART, f"{what}, but none is heard: the app is not in it.", f"Invite it: /invite @flow in {channel}."
        )
    # Slack tells an app's token nothing of its subscriptions; a service notices a missing one by a mention there.
    return ok(PART, f"{what}; the app is in it and may read it (its event is {event})")
