"""Does Slack know the people, groups and channels that the workflows name? Asked when a check is `--online`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import anyio

from bot.opening import Opening
from bot.phonebook import Phonebook
from bot.pins import Pins
from bot.references import References, Stranger, named_by, nested, strange
from bot.slack import Slack, SlackFault, connected
from engine.clock import Clock, SystemClock
from engine.definitions import Definition, Problem
from engine.faults import SettingsFault
from store import handles
from store.faults import StoreFault
from store.glance import glance
from store.handles import Handle


def strangers(opened: Opening, found: Mapping[str, Definition]) -> list[Problem]:
    """A problem, at its line, for everyone and everything named that Slack does not know. Raises SettingsFault."""
    if opened.settings.slack_bot_token is None:
        hint = "Set it to the token of the app (xoxb-…), or check without --online."
        raise SettingsFault("SLACK_BOT_TOKEN is not set, so Slack cannot be asked.", hint=hint)
    return [_problem(found[one.workflow], one, absent) for one, absent in anyio.run(_asked, opened, found)]


async def _asked(opened: Opening, found: Mapping[str, Definition]) -> list[tuple[Stranger, bool]]:
    given, clock = opened.settings, SystemClock()
    assert given.slack_bot_token is not None
    token = given.slack_bot_token.get_secret_value()
    try:
        async with connected(token, api_url=given.slack_api_url, clock=clock, redact=opened.redactor.text) as slack:
            return await _looked_up(slack, clock, found, opened)
    except SlackFault as fault:
        hint = "Check the network, SLACK_API_URL and SLACK_BOT_TOKEN; `pointsman doctor` looks at all of them."
        raise SettingsFault(f"Slack could not be asked ({fault.code}).", hint=hint, code="slack_unreachable") from None


async def _looked_up(
    slack: Slack, clock: Clock, found: Mapping[str, Definition], opened: Opening
) -> list[tuple[Stranger, bool]]:
    own = opened.operator.people()
    team = slack.me.enterprise_id or slack.me.team_id
    pins = Pins(clock, team, (one for one in _pinned(opened) if one.team == team))
    references = References(Phonebook(slack, clock), clock, own)
    odd: list[tuple[Stranger, bool]] = []
    for workflow, named in named_by(found).items():
        for reference in dict.fromkeys(nested(named, own)):
            handle = await pins.note(reference, await references.look(reference, pins.id_of(reference)))
            stranger = strange(workflow, reference, handle)
            odd += [] if stranger is None else [(stranger, handle.state == "absent")]
    return odd


def _pinned(opened: Opening) -> Sequence[Handle]:
    """What was pinned before, where there is a file to ask."""
    try:
        with glance(opened.settings.db) as reader:
            return tuple(handles.everything(reader))
    except StoreFault:
        return ()


def _problem(definition: Definition, one: Stranger, absent: bool) -> Problem:
    """The problem at the first line that names it."""
    line, column, excerpt = next(_places(definition.source, one.reference), (0, 0, ""))
    message, hint = one.message.rstrip("."), one.cure[:1].lower() + one.cure[1:].rstrip(".")
    file = definition.workflow.file
    if absent:
        return Problem(file, line, column, "error", "unknown_reference", message, hint, excerpt)
    return Problem(file, line, column, "warning", "odd_reference", message, hint, excerpt)


def _places(source: str, reference: str) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(source.splitlines(), start=1):
        at = line.find(reference)
        rest = line[at + len(reference) :][:1]
        if at >= 0 and not (rest.isalnum() or rest in ("-", "_")):
            yield number, at + 1, line
