"""publish_post, and every turn that it may take: on a real engine, with the demo's recorded answers and the site."""

from __future__ import annotations

import anyio
import pytest
from aiohttp import web

from bot.demo.site import Site
from engine.rules.commands import Refusal
from store.model import RunStatus
from tests.support.meadow import ADA, HOUR, LENA, MINA, OMAR, RAVI, meadow

pytestmark = pytest.mark.anyio


async def test_an_approved_post_whose_claims_hold_goes_online(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.asks(await house.start("publish_post", topic="Why paper books last"), "editorial")
        assert await house.decide(run, "editorial", ADA) is None
        run = await house.ended(run)
        outputs = house.outputs(run)
        assert outputs == {"url": f"{house.site.url}/posts/1", "title": "Why a book on good paper outlives its reader"}
        assert [post["title"] for post in house.site.posts.all()] == [outputs["title"]]
        assert [one["holds"] for one in house.output(run, "checks")] == [True, True]
        assert house.output(run, "tell") == {
            "to": "requester",
            "text": f"Your post about Why paper books last: {outputs['url']}",
        }


async def test_changes_send_it_back_with_what_the_editor_said(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.asks(await house.start("publish_post", topic="Why paper books last"), "editorial")
        assert await house.decide(run, "editorial", ADA, "changes", comment="Say what to look for in a shop") is None
        run = await house.asks(run, "editorial", version=2)
        (again,) = house.asked("asks for changes")
        assert "Say what to look for in a shop" in again
        assert "Why a book on good paper outlives its reader" in again
        assert "The cure is almost embarrassingly simple" in again
        assert house.output(run, "draft")["title"] == "A pinch of chalk keeps a book alive"
        assert await house.decide(run, "editorial", RAVI) is None
        run = await house.ended(run)
        assert house.outputs(run)["title"] == "A pinch of chalk keeps a book alive"


async def test_after_three_rounds_there_is_only_yes_or_no(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.start("publish_post", topic="Why paper books last")
        for version in (1, 2, 3):
            run = await house.asks(run, "editorial", version=version)
            assert await house.decide(run, "editorial", ADA, "changes", comment=f"Round {version}") is None
        run = await house.asks(run, "editorial", version=4)
        assert await house.decide(run, "editorial", ADA, "changes", comment="Again") is Refusal.ROUNDS_USED_UP
        assert await house.decide(run, "editorial", ADA, "reject", comment="Enough") is None
        run = await house.ended(run)
        assert (run.status, "Enough" in run.reason) == (RunStatus.REJECTED, True)


async def test_what_an_editor_wrote_is_what_goes_online(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.asks(await house.start("publish_post", topic="Choosing a typeface"), "editorial")
        assert await house.edit(run, "editorial", ADA, claims=[]) is Refusal.EDIT_NOT_ALLOWED
        assert await house.edit(run, "editorial", ADA, title="Letters have a voice") is None
        run = await house.ended(run)
        assert house.outputs(run)["title"] == "Letters have a voice"
        assert house.site.posts.of("1")["title"] == "Letters have a voice"


async def test_a_number_without_a_source_is_disputed_and_kept_by_an_editor(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.asks(await house.start("publish_post", topic="How to read faster"), "editorial")
        assert await house.decide(run, "editorial", ADA) is None
        run = await house.asks(run, "checks.dispute[n1]")
        shown = house.value(run.steps["checks.dispute[n1]"].gate.shown)
        assert shown["problem"] == "the number 40 percent has no source"
        assert run.steps["checks.verify[c1]"].status == "succeeded"
        assert "checks.dispute[c1]" not in run.steps or run.steps["checks.dispute[c1]"].status == "skipped"
        assert house.site.posts.all() == []
        assert await house.decide(run, "checks.dispute[n1]", OMAR) is Refusal.ACTOR_NOT_APPROVER
        assert await house.decide(run, "checks.dispute[n1]", RAVI) is None
        run = await house.ended(run)
        assert house.outputs(run)["title"] == "Can you learn to read twice as fast?"
        assert run.steps["unchecked"].status == "skipped"


async def test_a_claim_that_an_editor_drops_stops_the_post_and_names_it(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.asks(await house.start("publish_post", topic="How to read faster"), "editorial")
        assert await house.decide(run, "editorial", ADA) is None
        run = await house.asks(run, "checks.dispute[n1]")
        assert await house.decide(run, "checks.dispute[n1]", RAVI, "reject", comment="Made up") is None
        run = await house.ended(run)
        assert run.status is RunStatus.REJECTED
        assert "40 percent less of what stood on them" in run.reason
        assert house.site.posts.all() == []
        assert house.output(run, "tell")["text"] == "Your post about How to read faster: rejected"


class WrongTitle(Site):
    """A site that shows other titles than it was given."""

    async def _post(self, request: web.Request) -> web.Response:
        return web.json_response({"title": "Under construction"})


async def test_a_post_that_does_not_look_as_approved_is_taken_down_again(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch, site=WrongTitle) as house:
        run = await house.asks(await house.start("publish_post", topic="Choosing a typeface"), "editorial")
        assert await house.decide(run, "editorial", ADA) is None
        run = await house.failed_once(run, "look")
        assert [post["id"] for post in house.site.posts.all()] == ["1"]
        run = await house.ended(run)
        assert run.status is RunStatus.FAILED
        assert "another title" in run.error.message
        assert run.steps["publish:undo"].status == "succeeded"
        assert house.site.posts.all() == []
        assert house.output(run, "tell")["text"].endswith(": failed")


async def test_a_quote_that_does_not_stand_in_the_draft_is_asked_for_again(tmp_path, monkeypatch):
    body = "Ink sinks into paper, and stays. " * 20
    post = {"title": "Ink and paper", "summary": "What ink does to paper in the end.", "body": body}
    claim = {"id": "c1", "source": "https://www.loc.gov/ink"}
    loose = post | {"claims": [claim | {"quote": "Ink sinks in."}]}
    strict = post | {"claims": [claim | {"quote": "Ink sinks into paper, and stays."}]}
    recording = {"contains": "blog post about: Ink", "answers": [{"json": loose}, {"json": strict}]}
    async with meadow(tmp_path, monkeypatch, recordings=[recording]) as house:
        run = await house.failed_once(await house.start("publish_post", topic="Ink"), "draft")
        run = await house.asks(run, "editorial")
        assert "Every quote must stand in the body, word for word." in house.asked("blog post about: Ink")[-1]
        assert house.output(run, "draft")["claims"][0]["quote"] == "Ink sinks into paper, and stays."


async def test_too_many_claims_are_sent_back_without_asking_anybody(tmp_path, monkeypatch):
    body = "Ink sinks into paper, and stays. " * 20
    claims = [{"id": f"c{n}", "quote": "Ink sinks", "source": "https://www.loc.gov/ink"} for n in range(11)]
    post = {"title": "Ink and paper", "summary": "What ink does to paper in the end.", "body": body, "claims": claims}
    answers = [{"json": post}, {"json": post | {"claims": claims[:1]}}]
    async with meadow(tmp_path, monkeypatch, recordings=[{"contains": "post about: Ink", "answers": answers}]) as house:
        run = await house.asks(await house.start("publish_post", topic="Ink"), "editorial")
        assert house.asked("Make at most ten claims.") != []
        assert len(house.output(run, "draft")["claims"]) == 1
        assert await house.decide(run, "editorial", MINA) in (Refusal.ACTOR_IS_REQUESTER, Refusal.ACTOR_NOT_APPROVER)


async def test_the_leads_may_decide_when_the_editors_do_not(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.asks(await house.start("publish_post", topic="Lighthouses"), "editorial")
        house.clock.leap(4 * HOUR + 1_000)
        with anyio.fail_after(20):
            run = await house.until(run, lambda run: run.steps["editorial"].gate.escalated)
        assert "@content-leads" in run.steps["editorial"].gate.approvers
        assert await house.decide(run, "editorial", LENA) is None
        assert (await house.ended(run)).status is RunStatus.SUCCEEDED


async def test_a_draft_that_nobody_decides_on_is_rejected_in_the_end(tmp_path, monkeypatch):
    async with meadow(tmp_path, monkeypatch) as house:
        run = await house.asks(await house.start("publish_post", topic="Lighthouses"), "editorial")
        house.clock.leap(24 * HOUR + 1_000)
        assert (await house.ended(run)).status is RunStatus.REJECTED


async def test_when_the_first_model_is_down_the_second_writes_the_draft(tmp_path, monkeypatch):
    down = {"model": "recorded-writer", "contains": "Write a blog post", "answers": [{"status": 503}]}
    async with meadow(tmp_path, monkeypatch, recordings=[down]) as house:
        run = await house.asks(await house.start("publish_post", topic="Lighthouses"), "editorial")
        receipt = run.steps["draft"].receipt
        assert (receipt["model_asked"], receipt["tried"][0]["endpoint"]) == ("recorded-backup", "writer")
