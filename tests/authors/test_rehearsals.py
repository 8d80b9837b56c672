"""Authors test workflows in Python: the real engine, a clock moved by hand, a world that is made up."""

from __future__ import annotations

import pytest
import structlog

from engine.kit.testing import Unsound, every_crash, fails, gives, interrupted, rehearsal
from store.events import AttemptFailed, DecisionMade, GateOpened, RunFinished

pytestmark = pytest.mark.anyio

PUBLISH = """\
workflow: publish_note
inputs:
  topic: {type: string, maxLength: 40}
secrets: {cms: "env:NOWHERE_TO_BE_FOUND"}
settings: {cms_url: {type: string, format: uri, default: "https://cms.example"}}
steps:
  draft:
    uses: model
    with: {model: writer, prompt: "Write about ${{ inputs.topic }}. ${{ review.comment }}"}
    output: {title: string, words: integer}
    retry: {attempts: 2, backoff: 10s..10s}
  editorial:
    uses: approval
    with:
      question: Publish "${{ steps.draft.output.title }}"?
      show: ${{ steps.draft.output }}
      approvers: ["@editors"]
      edit: [title]
      changes: {rerun: draft, rounds: 2}
      due: 4h
      expires: 24h
  publish:
    uses: http
    with:
      method: POST
      url: ${{ settings.cms_url }}/posts
      headers: {Authorization: "Bearer ${{ secrets.cms }}"}
      json: ${{ steps.editorial.output.content }}
    output: {url: string}
    effect: %(effect)s
    retry: {attempts: 4, backoff: 1s..20s}
finally:
  tell: {uses: message, with: {to: requester, text: "Your note: ${{ run.outcome }}"}}
outputs: {url: "${{ steps.publish.output.url }}"}
"""
DRAFT = gives({"title": "Paper", "words": 700})
PUBLISHED = gives({"url": "https://cms.example/posts/1"})


@pytest.fixture
def note(tmp_path):
    def written(effect="idempotent"):
        path = tmp_path / "publish_note.yaml"
        path.write_text(PUBLISH % {"effect": effect})
        return path

    return written


async def test_a_workflow_runs_to_its_end_without_slack_and_network(note):
    async with rehearsal(note(), fakes={"draft": DRAFT, "publish": PUBLISHED}) as r:
        await r.start(topic="Ink")
        assert r.asked == ["editorial"]
        assert r.shown("editorial") == {"title": "Paper", "words": 700}
        await r.approve("editorial", by="U0RAVI")
        assert (r.status, r.outputs) == ("succeeded", {"url": "https://cms.example/posts/1"})
        assert r.messages == [{"to": "requester", "text": "Your note: succeeded"}]
        assert r.took_ms == 0
        assert r.missed == []
        r.happened(GateOpened, DecisionMade, "RunFinished")
        assert [event.actor.id for event in r.events(DecisionMade, "editorial")] == ["U0RAVI"]
        with pytest.raises(AssertionError, match=r"GateOpened did not happen in its place.\n +0s  U0REQUESTER starts"):
            r.happened(RunFinished, GateOpened)


async def test_a_fake_sees_what_the_step_was_given_and_no_secret(note):
    async with rehearsal(note(), fakes={"draft": DRAFT, "publish": PUBLISHED}) as r:
        await r.start(topic="Ink")
        await r.approve("editorial")
        drafted, published = r.calls
        assert drafted.given.input["prompt"] == "Write about Ink. "
        assert published.given.input["json"] == {"title": "Paper", "words": 700}
        assert published.given.input["headers"] == {"Authorization": "‹secret cms›"}
        assert published.given.idempotency_key == f"{r.run.id}:publish:1"


async def test_the_clock_moves_on_through_the_waits_between_attempts(note):
    publish = [fails("http_status", "503", times=2), PUBLISHED]
    async with rehearsal(note(), fakes={"draft": [interrupted(), DRAFT], "publish": publish}) as r:
        await r.start(topic="Ink")
        await r.approve("editorial")
        assert r.step("publish").status == "ready"
        await r.end()
        assert r.status == "succeeded"
        assert r.step("publish").attempt == 3
        waits = [event.due_at - event.at for event in r.events(AttemptFailed, "publish")]
        assert r.took_ms >= sum(waits) > 0


async def test_a_gate_that_nobody_answers_expires_in_its_own_time(note):
    async with rehearsal(note(), fakes={"draft": DRAFT}, at="2026-11-02T09:00:00Z") as r:
        await r.start(topic="Ink")
        await r.advance("4h")
        assert r.step("editorial").gate.overdue
        assert r.status == "running"
        await r.end()
        assert (r.status, r.took_ms) == ("rejected", 24 * 3_600_000)


async def test_people_decide_as_who_they_are(note):
    people = {"U0MINA": ["@editors"], "U0RAVI": ["@editors"], "U0OUT": [], "U0EVE": "guest"}
    async with rehearsal(note(), fakes={"draft": DRAFT, "publish": PUBLISHED}, people=people, requester="U0MINA") as r:
        await r.start(topic="Ink")
        assert await r.try_to("approve", "editorial", "U0MINA") == "actor_is_requester"
        assert await r.try_to("approve", "editorial", "U0OUT") == "actor_not_approver"
        assert await r.try_to("approve", "editorial", "U0EVE") == "actor_not_member"
        with pytest.raises(AssertionError, match="U0OUT may not reject at editorial: actor_not_approver"):
            await r.reject("editorial", "U0OUT")
        await r.reject("editorial", "U0RAVI", "No")
        assert (r.status, r.run.reason) == ("rejected", "U0RAVI rejected G-1: No")


async def test_changes_edits_and_rounds_are_played_through(note):
    drafts = [DRAFT, gives({"title": "Ink, again", "words": 300})]
    async with rehearsal(note(), fakes={"draft": drafts, "publish": PUBLISHED}) as r:
        await r.start(topic="Ink")
        await r.ask_changes("editorial", "shorter")
        assert r.calls[-1].given.input["prompt"] == "Write about Ink. shorter"
        assert r.shown("editorial") == {"title": "Ink, again", "words": 300}
        await r.edit("editorial", {"title": "Ink"})
        assert r.calls[-1].given.input["json"] == {"title": "Ink", "words": 300}
        assert r.status == "succeeded"


async def test_a_step_that_nobody_faked_reaches_nothing(note):
    async with rehearsal(note(), fakes={"draft": DRAFT}) as r:
        await r.start(topic="Ink")
        await r.approve("editorial")
        assert (r.status, r.run.error.code, r.missed) == ("failed", "not_faked", ["publish"])
        r.fake("publish", PUBLISHED)
        await r.retry()
        assert r.status == "succeeded"


async def test_a_function_may_stand_in_for_a_step(note):
    async def publish(given):
        return {"url": f"https://cms.example/{given.input['json']['title'].lower()}"}

    async with rehearsal(note(), fakes={"draft": DRAFT, "publish": publish}) as r:
        await r.start(topic="Ink")
        await r.approve("editorial")
        assert r.outputs == {"url": "https://cms.example/paper"}


async def test_python_runs_for_real_signals_come_in_and_lists_are_faked_by_their_step(tmp_path):
    (tmp_path / "parts.py").write_text("def double(n: int) -> int:\n    return 2 * n\n")
    (tmp_path / "parts.yaml").write_text(
        "workflow: parts\n"
        "inputs: {numbers: [integer]}\n"
        "steps:\n"
        "  double: {foreach: '${{ inputs.numbers }}', uses: python, call: 'parts.py:double',"
        " with: {n: '${{ item }}'}}\n"
        "  send: {foreach: '${{ steps.double.output }}', uses: http, effect: idempotent,"
        " with: {url: 'https://example.com/${{ item }}'}}\n"
        "  paid: {uses: wait, after: [send], with: {event: paid, timeout: 2d, on_timeout: continue}}\n"
        "outputs: {doubled: '${{ steps.double.output }}', late: '${{ steps.paid.output.timed_out }}'}\n"
    )
    async with rehearsal(tmp_path / "parts.yaml", fakes={"send": lambda given: given.item}) as r:
        await r.start(numbers=[1, 4])
        assert r.output("double") == [2, 8]
        assert [call.given.input["url"] for call in r.calls] == ["https://example.com/2", "https://example.com/8"]
        await r.signal("paid", {"sum": 3})
        assert (r.status, r.outputs) == ("succeeded", {"doubled": [2, 8], "late": False})
        assert r.output("paid")["data"] == {"sum": 3}
        await r.start(numbers=[])
        await r.end()
        assert (r.outputs, r.took_ms) == ({"doubled": [], "late": True}, 2 * 86_400_000)


@pytest.mark.parametrize("effect", ["idempotent", "once"])
async def test_lost_before_and_after_every_commit_the_note_is_published_once(note, effect):
    async def scenario(r):
        await r.start(topic="Ink")
        await r.ask_changes("editorial", "shorter")
        await r.advance("1h")
        await r.approve("editorial", by="U0RAVI")
        await r.end()

    told = []
    async for crashed in every_crash(note(effect), scenario, fakes={"draft": DRAFT, "publish": PUBLISHED}):
        assert crashed.status == "succeeded", crashed.told
        assert crashed.effects("publish") == 1
        assert crashed.attempts("publish") <= (1 if effect == "once" else 2)
        made = [event for event in crashed.history if isinstance(event, DecisionMade)]
        assert [event.verdict for event in made] == ["changes", "approve"]
        told.append(crashed.where)
    assert told[-1] == ""
    assert told[:2] == ["before commit", "after commit"]
    assert len(told) > 12


async def test_what_a_scenario_finds_wrong_names_the_crash(note):
    async def scenario(r):
        await r.start(topic="Ink")
        await r.approve("editorial")
        assert len(r.calls) < 3, "drafted twice"

    async def gone_through():
        return [one async for one in every_crash(note(), scenario, fakes={"draft": DRAFT, "publish": PUBLISHED})]

    with pytest.raises(AssertionError, match="drafted twice") as caught:
        await gone_through()
    assert any(note.startswith("after the engine was lost") for note in caught.value.__notes__)


async def test_a_workflow_with_errors_is_not_put_on_stage(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("workflow: broken\nsteps:\n  a: {uses: transfrom}\n")
    with pytest.raises(Unsound, match=r"broken.yaml:3:13: error: there is no kind of step `transfrom`"):
        async with rehearsal(path):
            pass
    with pytest.raises(Unsound, match="there is no file"):
        async with rehearsal(tmp_path / "nowhere.yaml"):
            pass


async def test_a_fake_for_no_step_is_refused(note):
    with pytest.raises(Unsound, match="publish_note has no step publihs; its steps are draft, editorial, publish"):
        async with rehearsal(note(), fakes={"publihs": PUBLISHED}):
            pass


async def test_inputs_are_read_as_anywhere(note):
    async with rehearsal(note()) as r:
        with pytest.raises(ValueError, match=r"`topik` is no input of publish_note\. Did you mean `topic`"):
            await r.start(topik="Ink")


async def test_a_step_that_there_is_not_is_named_at_once_and_the_clock_stands(note):
    async with rehearsal(note(), fakes={"draft": DRAFT, "publish": PUBLISHED}) as r:
        await r.start(topic="Ink")
        for wrong in (lambda: r.step("editoral"), lambda: r.output("editoral"), lambda: r.fake("editoral", DRAFT)):
            with pytest.raises(LookupError, match="publish_note has no step editoral; did you mean editorial"):
                wrong()
        with pytest.raises(LookupError, match="has no step sign; its steps are draft, editorial, publish, tell"):
            await r.approve("sign")
        with pytest.raises(LookupError, match=r"there is no draft\[first\]; the elements so far: none"):
            r.step("draft", "first")
        assert (r.took_ms, r.asked) == (0, ["editorial"])


async def test_an_edit_that_does_not_fit_is_told_with_what_is_wrong(note):
    async with rehearsal(note(), fakes={"draft": DRAFT, "publish": PUBLISHED}) as r:
        await r.start(topic="Ink")
        with pytest.raises(AssertionError, match=r"may not approve at editorial: content_invalid: .*title"):
            await r.edit("editorial", {"title": 7}, by="U0ADA")


@pytest.fixture
def nobody_set_up_the_log():
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.reset_defaults()
    yield
    if before is not None:
        structlog.configure(**before)


@pytest.mark.usefixtures("nobody_set_up_the_log")
async def test_the_log_is_quiet_unless_somebody_has_set_it_up(note, capsys):
    async with rehearsal(note(), fakes={"draft": DRAFT, "publish": PUBLISHED}) as r:
        await r.start(topic="Ink")
    assert capsys.readouterr() == ("", "")
    with structlog.testing.capture_logs() as told:
        async with rehearsal(note(), fakes={"draft": DRAFT, "publish": PUBLISHED}) as r:
            await r.start(topic="Ink")
    assert "gate.opened" in {line["event"] for line in told}
