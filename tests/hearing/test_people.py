"""Who is who: what Slack says about people, groups and channels, and what holds when it says nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import anyio
import pytest
import structlog

from bot.capabilities import Capabilities, note_scopes, probe
from bot.people import ChannelFacts, OperatorPeople, Organisation, SlackPeople, channel_facts, why_not_member
from bot.pins import OWN, Sight
from bot.sandbox.server import Sandbox
from bot.slack import SlackFault, connected
from bot.views.answers import not_a_member
from engine.clock import HandClock, SystemClock

pytestmark = pytest.mark.anyio
HOME = Organisation("T1")
ADA = {"id": "U01", "team_id": "T1", "name": "ada", "real_name": "Ada", "profile": {"email": "Ada@Meadow.Example"}}


class Records:
    """Slack's answers as the tests say; counts what was asked."""

    def __init__(self) -> None:
        self.capabilities = Capabilities()
        self.users: dict[str, Any] = {"U01": dict(ADA)}
        self.groups: dict[str, tuple[str, list[str]]] = {"editors": ("S01", ["U01"]), "legal": ("S02", [])}
        self.channels: dict[str, Any] = {"C01": {"id": "C01", "name": "general", "is_member": True}}
        self.faults: dict[str, SlackFault] = {}
        self.asked: Counter[str] = Counter()

    async def read(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        self.asked[method] += 1
        await anyio.lowlevel.checkpoint()
        if method in self.faults:
            raise self.faults[method]
        match method:
            case "users.info":
                return {"user": self.users[arguments["user"]]}
            case "usergroups.list":
                return {"usergroups": [{"id": one[0], "handle": handle} for handle, one in self.groups.items()]}
            case "usergroups.users.list":
                wanted = arguments["usergroup"]
                return {"users": next(users for one, users in self.groups.values() if one == wanted)}
            case "conversations.info":
                return {"channel": self.channels[arguments["channel"]]}
            case "conversations.list":
                page = list(self.channels.values())
                more = "" if arguments.get("cursor") else "more"
                found = page[1:] if arguments.get("cursor") else page[:1]
                return {"channels": found, "response_metadata": {"next_cursor": more}}
        raise AssertionError(method)


@pytest.fixture
def slack() -> Records:
    return Records()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def people(slack: Records, clock: HandClock) -> SlackPeople:
    return SlackPeople(slack, clock, HOME, {"@Board": ["U01"], "all": ["@board", "@legal"], "loop": ["@loop"]})


async def test_references_mean_people_by_id_email_group_and_own_group(people: SlackPeople) -> None:
    others = ["U02", "@legal", "@loop", "@no", "members"]
    theirs = ["U01", "ada@meadow.example", "@editors", "@EDITORS", "S01", "@board", "@all"]
    met = await people.meet("U01", [*others, *theirs])
    assert met.person.matches == tuple(theirs)
    assert (met.person.member, met.person.name, met.unsure) == (True, "Ada", ())


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"deleted": True}, "deleted"),
        ({"is_bot": True}, "bot"),
        ({"id": "USLACKBOT"}, "bot"),
        ({"is_restricted": True}, "guest"),
        ({"is_ultra_restricted": True}, "guest"),
        ({"is_stranger": True}, "outsider"),
        ({"team_id": "T2"}, "outsider"),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}}, "outsider"),
        ({"team_id": None}, "outsider"),
    ],
)
def test_only_people_of_the_home_organisation_are_members(changes: dict[str, Any], why: str) -> None:
    assert why_not_member(ADA | changes, HOME) == why


def test_an_enterprise_is_one_organisation() -> None:
    colleague = ADA | {"team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}}
    assert why_not_member(colleague, Organisation("T1", "E1")) == ""
    assert (
        why_not_member(colleague | {"enterprise_user": {"enterprise_id": "E2"}}, Organisation("T1", "E1")) == "outsider"
    )


async def test_a_guest_matches_nothing(people: SlackPeople, slack: Records) -> None:
    slack.users["U01"]["is_restricted"] = True
    met = await people.meet("U01", ["U01", "@editors"])
    assert (met.person.member, met.person.matches, met.person.why_not) == (False, (), "guest")


async def test_when_slack_does_not_say_who_it_is_the_person_is_unknown(people: SlackPeople, slack: Records) -> None:
    slack.faults["users.info"] = SlackFault("timeout", retryable=True)
    met = await people.meet("U01", ["U01"])
    assert (met.person.member, met.person.matches, met.person.why_not) == (False, (), "unknown")
    del slack.faults["users.info"]
    assert (await people.meet("U01", ["U01"])).person.member


@pytest.mark.parametrize("code", ["unknown_method", "missing_scope", "plan_upgrade_required"])
async def test_where_groups_cannot_be_asked_for_nobody_is_in_any_and_it_is_noted_once(
    people: SlackPeople, slack: Records, code: str
) -> None:
    slack.faults["usergroups.list"] = SlackFault(code, retryable=False)
    for _ in range(3):
        met = await people.meet("U01", ["U01", "@editors"])
        assert (met.person.matches, met.unsure) == (("U01",), ("@editors",))
    assert [(lack.name, lack.code) for lack in slack.capabilities.all()] == [("usergroups", code)]


async def test_a_passing_trouble_is_no_lack(people: SlackPeople, slack: Records) -> None:
    slack.faults["usergroups.users.list"] = SlackFault("ratelimited", retryable=True)
    met = await people.meet("U01", ["@editors"])
    assert (met.person.matches, met.unsure) == ((), ("@editors",))
    assert slack.capabilities.all() == ()


async def test_a_handle_that_comes_to_mean_another_group_is_not_followed(
    people: SlackPeople, slack: Records, clock: HandClock
) -> None:
    assert (await people.meet("U01", ["@legal"])).person.matches == ()
    slack.groups = {"legal": ("S01", ["U01"]), "counsel": ("S02", ["U02"])}
    slack.users["U02"] = ADA | {"id": "U02"}
    clock.advance(10 * 60_000)
    assert (await people.meet("U01", ["@legal"])).person.matches == ()
    assert (await people.meet("U02", ["@legal"])).person.matches == ("@legal",), "the pinned group stays in force"


async def test_an_address_that_passes_to_somebody_else_is_not_followed(
    people: SlackPeople, slack: Records, clock: HandClock
) -> None:
    assert (await people.meet("U01", ["ada@meadow.example"])).person.matches == ("ada@meadow.example",)
    slack.users |= {"U01": ADA | {"profile": {"email": "old@meadow.example"}}, "U02": ADA | {"id": "U02"}}
    clock.advance(10 * 60_000)
    assert (await people.meet("U02", ["ada@meadow.example"])).person.matches == ()
    assert (await people.meet("U01", ["ada@meadow.example"])).person.matches == ("ada@meadow.example",)


async def test_a_group_of_the_operator_that_is_taken_away_does_not_pass_to_a_group_of_slack(
    slack: Records, clock: HandClock
) -> None:
    people = SlackPeople(slack, clock, HOME, {"editors": ["U02"]})
    await people.pins.note("@editors", Sight(OWN))
    people.use_groups({})
    assert (await people.meet("U01", ["@editors"])).person.matches == ()
    people.use_groups({"editors": ["U01"]})
    assert (await people.meet("U01", ["@editors"])).person.matches == ("@editors",)


async def test_who_is_meant_is_listed_or_not_known(people: SlackPeople, slack: Records) -> None:
    assert await people.behind("@editors") == ("U01",)
    assert await people.behind("@all") == ("U01",)
    assert await people.behind("U07") == ("U07",)
    assert await people.behind("@nosuch") == ()
    slack.faults["usergroups.users.list"] = SlackFault("ratelimited", retryable=True)
    assert await people.behind("S09") is None


async def test_an_address_that_was_never_confirmed_matches_nobody(people: SlackPeople, slack: Records) -> None:
    slack.users["U01"]["is_email_confirmed"] = False
    assert (await people.meet("U01", ["ada@meadow.example"])).person.matches == ()


async def test_without_the_scope_for_addresses_it_is_noted(people: SlackPeople, slack: Records) -> None:
    slack.users["U01"]["profile"] = {}
    met = await people.meet("U01", ["ada@meadow.example"])
    assert (met.person.matches, met.unsure) == ((), ("ada@meadow.example",))
    assert [lack.name for lack in slack.capabilities.all()] == ["emails"]


async def test_facts_are_kept_for_half_a_minute_and_never_longer(
    people: SlackPeople, slack: Records, clock: HandClock
) -> None:
    at = clock.now()
    await people.meet("U01", ["@editors"])
    clock.advance(29_000)
    assert (await people.meet("U01", ["@editors"])).person.fetched_at == at
    assert slack.asked["users.info"] == slack.asked["usergroups.users.list"] == 1
    slack.groups["editors"] = ("S01", [])
    clock.advance(1_000)
    met = await people.meet("U01", ["@editors"])
    assert (met.person.matches, met.person.fetched_at) == ((), clock.now())


async def test_the_age_of_facts_is_that_of_the_oldest_one(
    people: SlackPeople, slack: Records, clock: HandClock
) -> None:
    slack.users["U02"] = ADA | {"id": "U02"}
    at = clock.now()
    await people.meet("U02", ["@editors"])
    clock.advance(20_000)
    assert (await people.meet("U01", ["@editors"])).person.fetched_at == at
    assert (await people.meet("U01")).person.fetched_at == clock.now()


async def test_anew_asks_again(people: SlackPeople, slack: Records, clock: HandClock) -> None:
    await people.meet("U01", ["@editors"])
    clock.advance(1)
    await people.meet("U01", ["@editors"], anew=True)
    assert slack.asked["users.info"] == slack.asked["usergroups.users.list"] == 2


async def test_many_at_once_ask_once(people: SlackPeople, slack: Records) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(people.meet, "U01", ["@editors"])
    assert slack.asked == {"users.info": 1, "usergroups.list": 1, "usergroups.users.list": 1}


@pytest.mark.parametrize(
    ("changes", "external"),
    [
        ({}, False),
        ({"is_ext_shared": True}, True),
        ({"is_pending_ext_shared": True}, True),
        ({"is_shared": True}, True),
        ({"is_shared": True, "is_org_shared": True}, False),
    ],
)
def test_a_channel_shared_outside_is_external(changes: dict[str, Any], external: bool) -> None:
    assert channel_facts({"id": "C01", "name": "x", "is_member": True} | changes).external is external


async def test_channels_are_found_by_id_and_by_name_on_any_page(people: SlackPeople, slack: Records) -> None:
    slack.channels["C02"] = {"id": "C02", "name": "content", "is_member": False}
    assert await people.channel("C01") == ChannelFacts("C01", "general", ours=True)
    assert await people.channel("#Content") == ChannelFacts("C02", "content", ours=False)
    assert await people.channel("D09") == ChannelFacts("D09", direct=True, ours=True)
    assert not (await people.channel("#nowhere")).known


async def test_without_slack_only_the_operators_groups_have_people(clock: HandClock) -> None:
    people = OperatorPeople(clock, {"board": ["U01"]})
    met = await people.meet("U01", ["U01", "U02", "@board", "@editors"])
    assert (met.person.member, met.person.matches, met.unsure) == (True, ("U01", "@board"), ("@editors",))


async def test_where_nobody_can_be_checked_people_are_told_so_once_in_the_log_and_plainly(
    people: SlackPeople, slack: Records
) -> None:
    slack.faults["users.info"] = SlackFault("unknown_method", retryable=False)
    for _ in range(2):
        met = await people.meet("U01")
        assert (met.person.member, met.person.why_not) == (False, "unverifiable")
    said = not_a_member(met.person).text
    assert "does not let me check who anybody is" in said
    assert "Please try again" not in said
    [lack] = slack.capabilities.all()
    assert "every start and every decision in Slack is refused" in lack.consequence


async def test_what_a_workspace_does_not_allow_is_found_at_the_start() -> None:
    sandbox = Sandbox()
    async with (
        sandbox.running(),
        connected(sandbox.bot_token, api_url=sandbox.api_url, clock=SystemClock()) as slack,
    ):
        await probe(slack)
        assert slack.capabilities.all() == ()
        for method in ("users.info", "usergroups.list", "conversations.history"):
            sandbox.faults.add(method=method, kind="unknown_method", times=2)
        with structlog.testing.capture_logs() as lines:
            await probe(slack)
            await probe(slack)
        assert [one["capability"] for one in lines] == ["people", "usergroups", "read back"]
        assert all(one["log_level"] == "warning" and one["consequence"] for one in lines)


def test_scopes_that_are_left_out_or_not_told_are_noted_with_what_they_mean() -> None:
    silent, less = Capabilities(), Capabilities()
    note_scopes(silent, frozenset(), {"a:read": "see"})
    note_scopes(less, frozenset({"b:read"}), {"a:read": "see", "b:read": "hear"})
    assert [one.name for one in silent.all()] == ["scopes"]
    assert [(one.name, one.consequence) for one in less.all()] == [("a:read", "We cannot see.")]
