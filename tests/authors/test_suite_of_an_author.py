"""The tests that an author would write for a workflow of their own, with nothing but what the guide tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.kit.testing import every_crash, fails, gives, interrupted, rehearsal

pytestmark = pytest.mark.anyio
FILE = Path(__file__).parent / "suppliers" / "add_supplier.yaml"
GOOD, BAD = "DE89370400440532013000", "DE89370400440532013001"
ONE = {"tax_number": "123456789", "accounts": [{"iban": GOOD, "bank": "North"}]}
TWO = {**ONE, "accounts": [*ONE["accounts"], {"iban": BAD, "bank": "South"}]}
OUTSIDE = {
    "registered": gives({"found": True, "since": 2006}),
    "open": gives({"id": "S-1"}),
    "open:undo": gives(None),
}
WORLD = {
    "settings": {"registry": "https://registry.example"},
    "people": {"U0ADA": ["@finance"], "U0BOB": ["@finance"], "U0LEX": ["@legal"], "U0PIA": ["@purchasing"]},
}


async def added(r, papers=ONE):
    """As far as the gate of the two groups, through it, and on."""
    await r.start(name="Paper Ltd")
    await r.answer("papers", papers, by="U0PIA")
    if papers is TWO:
        await r.reject("accounts.doubt", item=BAD, by="U0ADA")
    for who in ("U0ADA", "U0LEX", "U0BOB"):
        await r.approve("two_agree", by=who)


async def test_each_account_goes_its_own_way_and_two_groups_agree():
    async with rehearsal(FILE, fakes=OUTSIDE, **WORLD) as r:
        await r.start(name="Paper Ltd")
        assert r.asked == ["papers"]
        await r.answer("papers", TWO, by="U0PIA")
        assert r.output("accounts.check", GOOD) == {"iban": GOOD, "valid": True}
        assert r.asked == [f"accounts.doubt[{BAD}]"]
        assert r.shown("accounts.doubt", BAD) == {"iban": BAD, "bank": "South"}
        await r.reject("accounts.doubt", item=BAD, by="U0ADA", comment="A typo")
        assert await r.try_to("approve", "two_agree", by="U0PIA") == "actor_not_approver"
        await r.approve("two_agree", by="U0ADA")
        assert await r.try_to("approve", "two_agree", by="U0ADA") == "already_decided"
        await r.approve("two_agree", by="U0LEX")
        assert r.asked == ["two_agree"]
        await r.approve("two_agree", by="U0BOB")
        await r.advance("3d")
        await r.signal("paid", {"sum": 5})
        assert (r.status, r.outputs) == ("succeeded", {"id": "S-1", "points": 20})
        assert r.calls[-1].given.input["json"] == {"name": "Paper Ltd", "accounts": [GOOD]}
        assert r.messages == [{"to": "requester", "text": "Paper Ltd: succeeded"}]
        decided = [(one.actor.id, one.verdict) for one in r.events("DecisionMade", "two_agree")]
        assert decided == [("U0ADA", "approve"), ("U0LEX", "approve"), ("U0BOB", "approve")]
        assert [one.comment for one in r.events("DecisionMade", "accounts.doubt")] == ["A typo"]


async def test_when_nobody_pays_the_account_is_closed_again():
    async with rehearsal(FILE, fakes=OUTSIDE, **WORLD) as r:
        await added(r)
        await r.advance("29d")
        assert r.status == "running"
        await r.advance("1d")
        assert r.status == "failed", r.told
        assert [call.given.step for call in r.calls] == ["registered", "open", "open:undo"]
        assert r.messages == [{"to": "requester", "text": "Paper Ltd: failed"}]
        r.happened("StepFailed", "EndingBegun", "RunFinished")


async def test_a_registry_that_is_down_is_asked_again_by_the_clock():
    async with rehearsal(FILE, fakes=OUTSIDE, **WORLD) as r:
        r.fake("registered", [fails("http_status", times=2), interrupted(), gives({"found": True, "since": 2020})])
        await r.start(name="Paper Ltd")
        assert r.step("registered").attempt == 1
        await r.advance("5m")
        assert (r.step("registered").status.value, r.step("registered").attempt) == ("succeeded", 4), r.told
        assert r.asked == ["papers"]


async def test_papers_that_do_not_fit_are_sent_back_with_what_is_wrong():
    async with rehearsal(FILE, fakes=OUTSIDE, **WORLD) as r:
        await r.start(name="Paper Ltd")
        with pytest.raises(AssertionError, match=r"content_invalid: .*accounts") as caught:
            await r.answer("papers", {"tax_number": "123456789"}, by="U0PIA")
        assert "asks @purchasing: Which accounts has Paper Ltd?" in str(caught.value)
        assert r.asked == ["papers"]


async def test_nobody_hands_in_papers():
    async with rehearsal(FILE, fakes=OUTSIDE, **WORLD) as r:
        await r.start(name="Paper Ltd")
        await r.end()
        assert (r.status, r.took_ms) == ("failed", 5 * 86_400_000)
        assert r.run.error.code == "gate_expired"


async def test_wherever_the_service_is_lost_the_account_is_opened_once():
    def checked(given):
        return {"iban": given.input["iban"], "valid": given.input["iban"] == GOOD}

    def scored(given):
        return {"points": 20, "accounts": given.input["accounts"]}

    async def scenario(r):
        await added(r, TWO)
        await r.signal("paid")

    fakes = {**OUTSIDE, "accounts.check": checked, "score": scored}
    crashes = 0
    async for crashed in every_crash(FILE, scenario, fakes=fakes, **WORLD):
        assert crashed.status == "succeeded", crashed.told
        assert crashed.effects("open") == 1
        crashes += 1
    assert crashes > 20
