"""People start runs by command, mention and direct message."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import switching
from store.model import Access
from tests.support.engines import OPERATOR, gate, plan, step
from tests.support.town import town

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("by", ["socket", "http"])
async def test_a_command_starts_a_run_and_says_so_privately(tmp_path: Path, by: str) -> None:
    async with town(tmp_path, by=by) as place:
        said = await place.command("mina", 'run publish_post topic="SQLite in production"', channel="#content")
        run = await place.last_run()
        assert f"Starting *Publish a blog post* ({run.name}). Progress in <#C0CONTENT>." in said
        assert (run.requester.id, run.requester.kind) == ("U0MINA", "person")
        assert run.inputs.value == {"topic": "SQLite in production", "tone": "plain"}
        assert run.origin == {"surface": "slash", "channel": "C0CONTENT", "user": "U0MINA"}
        await place.all_answered()


async def test_a_mention_starts_a_run_in_its_channel(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await place.sandbox.act_as("mina").say("#content", "<@U0BOT> run publish-post about SQLite in production")
        said = await place.whispered("mina")
        run = await place.last_run()
        assert run.name in said
        assert run.inputs.value["topic"] == "SQLite in production"
        assert run.origin["channel"] == "C0CONTENT"


async def test_a_direct_message_starts_a_run_in_the_workflows_channel(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.dm("mina", 'run publish_post "SQLite in production" playful')
        run = await place.last_run()
        assert "Progress in <#C0CONTENT>" in said
        assert run.inputs.value == {"topic": "SQLite in production", "tone": "playful"}


async def test_a_run_without_a_channel_of_its_own_shows_itself_in_the_direct_message(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.dm("mina", "run hello")
        assert "Progress in our direct messages" in said
        assert (await place.last_run()).origin["channel"] == "D0MINA"


async def test_where_the_bot_is_not_it_says_so_and_writes_directly(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.command("mina", "run hello", channel="#random")
        assert "Progress in our direct messages" in said
        assert "I'm not in <#C0RANDOM>; `/invite @flow` there brings me in." in said
        assert (await place.last_run()).origin["channel"] == "D0MINA"


async def test_where_the_bot_is_not_the_workflows_channel_is_next(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.command("mina", "run publish_post x", channel="#random")
        assert "Progress in <#C0CONTENT>" in said
        assert "I'm not in <#C0RANDOM>" in said


async def test_all_problems_are_told_at_once_with_a_line_to_copy(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.command("mina", "run publish_post tone=silly tpoic=WAL")
        assert "`topic` is missing" in said
        assert "`tone` is one of plain, playful" in said
        assert "`tpoic` is no input of publish_post" in said
        assert "/flow run publish_post topic=WAL tone=plain" in said
        assert await place.runs() == []


async def test_words_without_quotes_become_one_value_in_the_line_to_copy(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.command("mina", "run publish_post SQLite WAL in production")
        assert '/flow run publish_post topic="SQLite WAL in production"' in said
        corrected = said.rsplit("/flow ", 1)[1].split("```")[0].strip()
        assert "Starting" in await place.command("mina", corrected)
        assert (await place.last_run()).inputs.value["topic"] == "SQLite WAL in production"


async def test_a_sensitive_value_is_never_echoed_and_never_taken_by_position(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.command("mina", "run publish_post tone=silly password=hunter2")
        assert "hunter2" not in said
        assert "(not shown)" in said
        said = await place.command("mina", "run publish_post a plain hunter2")
        assert "belongs to no input" in said
        assert await place.runs() == []


async def test_an_unknown_workflow_gets_a_suggestion_and_starts_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        assert "Did you mean `publish_post`?" in await place.command("mina", "run publish_pots topic=x")
        assert await place.runs() == []


async def test_who_may_not_start_is_told_who_may(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        assert "Only @content-leads may start *Pay authors*" in await place.command("mina", "run pay_out")
        assert "Starting *Pay authors*" in await place.command("lena", "run pay_out")


async def test_what_one_may_not_see_does_not_exist(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        hidden = await place.command("mina", "run fire_everybody")
        missing = await place.command("mina", "run fire_nobody_at_all")
        assert hidden.replace("fire_everybody", "") == missing.replace("fire_nobody_at_all", "")
        assert "fire" not in await place.command("mina", "list")
        assert "fire_everybody" in await place.command("nora", "list")


async def test_markup_in_a_value_is_data(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        text = "<!channel> *bold* `code` <https://evil.example|click> & more"
        typed = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        await place.sandbox.act_as("mina").say("dm", f'run publish_post topic="{typed}" tone=silly')
        said = await place.written("mina")
        assert "<!channel>" not in said.split("```")[0]
        assert "&lt;!channel&gt;" in said
        await place.sandbox.act_as("mina").say("dm", f'run publish_post topic="{typed}"')
        await place.written("mina", 2)
        assert (await place.last_run()).inputs.value["topic"] == text


async def test_ten_thousand_characters_are_taken_whole(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        topic = "<!here> & so on " * 640
        typed = topic.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert "Starting" in await place.dm("mina", f'run publish_post topic="{typed}"')
        run = await place.last_run()
        kept = run.inputs if run.inputs.hash is None else None
        value = place.engine.content.load(run.inputs.hash) if kept is None else kept.value
        assert value["topic"] == topic


async def test_a_dry_run_tells_and_starts_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        said = await place.command("mina", "run publish_post topic=x --dry-run", channel="#content")
        assert "This would start *Publish a blog post*" in said
        assert await place.runs() == []


@pytest.mark.parametrize("fault", ["duplicate"])
async def test_a_command_that_comes_twice_starts_one_run(tmp_path: Path, fault: str) -> None:
    async with town(tmp_path) as place:
        place.sandbox.faults.add(method="slash_commands", kind=fault)
        await place.command("mina", "run hello")
        await place.all_answered()
        assert len(await place.runs()) == 1
        assert len(place.heard("mina")) == 1


async def test_a_mention_that_comes_twice_starts_one_run(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        place.sandbox.faults.add(method="events_api", kind="duplicate")
        await place.sandbox.act_as("mina").say("#content", "<@U0BOT> run hello")
        await place.whispered("mina")
        await place.all_answered()
        assert len(await place.runs()) == 1
        assert len(place.heard("mina")) == 1


async def test_guests_and_outsiders_start_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        assert "you are a guest here" in await place.command("gus", "run hello", channel="#content")
        await place.sandbox.act_as("otto").say("#partners", "<@U0BOT> run hello")
        said = await place.whispered("otto")
        assert "only for members" in said
        assert "hello" not in said
        assert await place.runs() == []


async def test_nothing_is_started_in_a_channel_that_is_shared_outside(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        assert "shared with another organisation" in await place.command("mina", "run hello", channel="#partners")
        await place.sandbox.act_as("mina").say("#partners", "<@U0BOT> run hello")
        assert "shared with another organisation" in await place.whispered("mina", 2)
        assert await place.runs() == []


async def test_the_bot_does_not_answer_itself(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await place.dm("mina", "ping")
        await place.slack.post("D0MINA", "run hello")
        await place.dm("mina", "ping")
        assert await place.runs() == []


async def test_a_workflow_that_is_switched_off_says_who_did_it_and_why(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        await switching.disable(place.engine, "hello", OPERATOR, "The <CMS> is down")
        said = await place.dm("mina", "run hello")
        assert "I did not start" in said
        assert "hello is switched off: root" in said
        assert "The &lt;CMS&gt; is down" in said
        assert await place.runs() == []
        await switching.enable(place.engine, "hello")
        await place.dm("mina", "run hello")
        assert len(await place.runs()) == 1
        await place.all_answered()


async def test_a_second_start_with_the_same_dedupe_key_answers_with_the_run_that_does_it(tmp_path: Path) -> None:
    once = plan(
        step("draft"), gate("review", ["draft"]), workflow="hello", inputs={"topic": {"type": "string"}},
        dedupe="inputs.topic",
    )  # fmt: skip
    async with town(tmp_path, once) as place:
        await place.command("mina", "run hello topic=WAL", channel="#content")
        run, _ = await place.at_gate()
        await place.root(run)
        again = await place.command("ravi", "run hello topic=WAL")
        assert "This is under way already as <https" in again
        assert f"|{run.name}>" in again
        assert "waiting for a decision, started by <@U0MINA>" in again
        assert "Nothing was started" in again
        assert run.name in await place.dm("lena", "run hello WAL")
        assert "Starting" in await place.command("ravi", "run hello topic=other")
        assert len(await place.runs()) == 2


async def test_a_delivery_that_is_carried_out_twice_is_one_start_also_where_the_workflow_has_a_dedupe_key(
    tmp_path: Path,
) -> None:
    once = plan(step("draft"), workflow="hello", inputs={"topic": {"type": "string"}}, dedupe="inputs.topic")
    async with town(tmp_path, once) as place:
        assert "Starting" in await place.command("mina", "run hello topic=WAL")
        await place.all_answered()
        await place.engine.database.write(
            lambda tx: tx.execute("UPDATE receipts SET state = 'received', answer = NULL")
        )
        place.engine.received.ring()
        assert "Starting" in await place.whispered("mina", 2)
        assert len(await place.runs()) == 1
        await place.ended(await place.last_run())
        done = await place.command("mina", "run hello topic=WAL")
        assert "has been done already as" in done
        assert "done just now" in done


async def test_who_may_not_see_the_run_that_does_the_same_learns_no_more_than_that_there_is_one(tmp_path: Path) -> None:
    once = plan(step("draft"), workflow="hello", inputs={"topic": {"type": "string"}}, dedupe="inputs.topic")
    closed = {"hello": {"access": Access(start=("members",), see=(), control=("@content-leads",))}}
    async with town(tmp_path, once, cards=closed) as place:
        await place.command("mina", "run hello topic=WAL")
        run = await place.ended(await place.last_run())
        told = await place.command("ravi", "run hello topic=WAL")
        assert "has been started with the same inputs before" in told
        assert run.name not in told
