"""What was received is carried out once and answered, whatever happens in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.desk.bench import recipe
from bot.desk.deciding import Deciding
from bot.desk.worker import token
from bot.intake import Ourselves, receipt
from bot.sandbox.server import Sandbox
from engine.clock import HandClock, SystemClock
from engine.rules.commands import Cancel, Decide
from store import receipts
from store.model import Actor, RunStatus
from store.receipts import Receipt
from tests.support.engines import person, running
from tests.support.town import REVIEWED, Town, defined, town

pytestmark = pytest.mark.anyio
US = Ourselves("A0POINTSMAN", "U0BOT", "B0BOT")
MINA = Actor("person", "U0MINA", "mina")
RAVI = Actor("person", "U0RAVI", "ravi")


def command(sandbox: Sandbox, who: str, text: str, channel: str = "#content") -> Receipt:
    """The receipt of a command that Slack delivered."""
    parts = sandbox.parts
    user, place = parts.workspace.user(who), parts.workspace.channel(channel)
    url = parts.response_urls.mint(user_id=user.id, channel_id=place.id)
    body = parts.payloads.command(
        user, place, command="/flow", text=text, trigger_id=parts.triggers.mint(user.id), response_url=url
    )
    found = receipt(body, US, parts.clock.now())
    assert found is not None
    return found


def click(sandbox: Sandbox, who: str, gate_id: str, card: tuple[str, str], action: str = "gate_approve") -> Receipt:
    """The receipt of a click on a card that Slack delivered."""
    parts = sandbox.parts
    user = parts.workspace.user(who)
    body = parts.payloads.interaction("block_actions", user, parts.triggers.mint(user.id)) | {
        "container": {"type": "message", "message_ts": card[1], "channel_id": card[0]},
        "channel": {"id": card[0]},
        "response_url": parts.response_urls.mint(user_id=user.id, channel_id=card[0]),
        "actions": [{"action_id": action, "block_id": "b", "value": gate_id, "action_ts": parts.workspace.mint_ts()}],
    }
    found = receipt(body, US, parts.clock.now())
    assert found is not None
    return found


async def test_what_was_received_before_a_crash_is_carried_out_and_answered(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        async with running(tmp_path / "town.db") as service:
            assert await service.engine.receive(command(sandbox, "mina", "run hello"))
        async with town(tmp_path, sandbox=sandbox) as place:
            assert "Starting *Say hello*" in await place.whispered("mina")
            await place.all_answered()
            assert len(await place.runs()) == 1


async def test_a_start_before_a_crash_is_answered_and_not_repeated(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        received = command(sandbox, "mina", "run publish_post topic=x")
        async with running(tmp_path / "town.db") as service:
            await service.engine.use({"publish_post": defined(REVIEWED, tmp_path)})
            await service.engine.receive(received)
            answer = recipe("started", workflow="publish_post", shown_in="C0CONTENT", notes=["A note."])
            started = await service.engine.start(
                "publish_post", {"topic": "x"}, actor=MINA, receipt=received.key, answer=answer,
                dedupe_key=f"receipt:{received.key}",
            )  # fmt: skip
        async with town(tmp_path, sandbox=sandbox) as place:
            said = await place.whispered("mina")
            assert f"Starting *Publish a blog post* ({started.run.name}). Progress in <#C0CONTENT>." in said
            assert "A note." in said
            await place.all_answered()
            assert [run.id for run in await place.runs()] == [started.run.id]


async def test_a_receipt_that_is_carried_out_twice_starts_one_run(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        received = command(place.sandbox, "mina", "run hello")
        await place.engine.receive(received)
        await place.whispered("mina")
        await place.all_answered()
        key = received.key
        await place.engine.database.write(
            lambda tx: tx.execute("UPDATE receipts SET state = 'received', answer = NULL WHERE key = ?", (key,))
        )
        place.engine.received.ring()
        await place.whispered("mina", 2)
        assert len(await place.runs()) == 1


async def _gate(place: Town) -> tuple[Any, Any, tuple[str, str]]:
    await place.command("mina", "run publish_post topic=x", channel="#content")
    run, step = await place.at_gate()
    return run, step.gate, await place.card(step.gate.id)


async def test_a_decision_before_a_crash_is_answered_from_the_history(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        async with town(tmp_path, sandbox=sandbox) as place:
            run, gate, card = await _gate(place)
        approved, refused = (click(sandbox, who, gate.id, card) for who in ("ravi", "omar"))
        async with running(tmp_path / "town.db") as service:
            for who, received in (("U0OMAR", refused), ("U0RAVI", approved)):
                actor = Actor("person", who, who[2:].lower())
                await service.engine.receive(received)
                facts = person(actor, *(["@editors"] if who == "U0RAVI" else []), at=service.engine.clock.now())
                answer = recipe("decided", run=run.id, user=who, verdict="approve")
                command_ = Decide("review", actor, "approve", gate.id)
                await service.engine.perform(run.id, command_, person=facts, receipt=received.key, answer=answer)
        async with town(tmp_path, sandbox=sandbox) as place:
            assert "You approved" in await place.whispered("ravi")
            assert "Only @editors may decide" in await place.whispered("omar")


async def test_a_cancel_before_a_crash_is_answered(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        async with town(tmp_path, sandbox=sandbox) as place:
            run, _, _ = await _gate(place)
        received = command(sandbox, "mina", f"cancel {run.name}")
        async with running(tmp_path / "town.db") as service:
            await service.engine.receive(received)
            answer = recipe("cancelled", run=run.id)
            await service.engine.perform(run.id, Cancel(MINA), receipt=received.key, answer=answer)
        async with town(tmp_path, sandbox=sandbox) as place:
            assert f"{run.name}> is cancelled" in await place.whispered("mina", 2)


async def test_a_reject_click_from_before_a_crash_asks_to_click_again(tmp_path: Path) -> None:
    sandbox = Sandbox(clock=(clock := _Shifted()))
    async with sandbox.running():
        async with town(tmp_path, sandbox=sandbox, clock=clock) as place:
            _, gate, card = await _gate(place)
        received = click(sandbox, "ravi", gate.id, card, "gate_reject")
        async with running(tmp_path / "town.db", clock=clock) as service:
            await service.engine.receive(received)
        clock.shift_ms += 10_000
        async with town(tmp_path, sandbox=sandbox, clock=clock) as place:
            assert "could not open the form" in await place.whispered("ravi")
            assert sandbox.act_as("ravi").open_views == []


async def test_an_answer_that_slack_did_not_take_is_given_later_and_nothing_is_done_twice(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        place.sandbox.faults.add(method="chat.postMessage", kind="http_500")
        await place.sandbox.act_as("mina").say("dm", "run pay_out")
        assert "Only @content-leads" in await place.written("mina")
        await place.all_answered()
        assert len(place.direct("mina")) == 1


async def test_an_answer_after_half_an_hour_is_whispered(tmp_path: Path) -> None:
    sandbox = Sandbox(clock=(clock := _Shifted()))
    async with sandbox.running():
        async with running(tmp_path / "town.db", clock=clock) as service:
            await service.engine.receive(command(sandbox, "mina", "ping"))
        clock.shift_ms += 31 * 60_000
        async with town(tmp_path, sandbox=sandbox, clock=clock) as place:
            assert "I am here" in await place.whispered("mina")
            assert len(place.sandbox.traffic.of("chat.postEphemeral")) == 1


async def test_where_the_bot_may_not_whisper_it_writes_directly(tmp_path: Path) -> None:
    sandbox = Sandbox(clock=(clock := _Shifted()))
    async with sandbox.running():
        async with running(tmp_path / "town.db", clock=clock) as service:
            await service.engine.receive(command(sandbox, "mina", "ping", "#random"))
        clock.shift_ms += 31 * 60_000
        async with town(tmp_path, sandbox=sandbox, clock=clock) as place:
            assert "I am here" in await place.written("mina")


async def test_a_bug_of_ours_is_answered_with_a_token_and_never_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as place:
        calls = []

        async def broken(*arguments: Any) -> Any:
            calls.append(arguments)
            raise RuntimeError("a bug")

        monkeypatch.setattr(Deciding, "typed", broken)
        received = command(place.sandbox, "mina", "approve G-1")
        await place.engine.receive(received)
        said = await place.whispered("mina")
        assert f"Something broke on my side ({token(received)}). Nothing was changed." in said
        await place.all_answered()
        assert len(calls) == 1
        assert "I am here" in await place.command("mina", "ping")


async def test_a_bug_after_the_change_says_that_it_was_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with town(tmp_path) as place:
        run, gate, _ = await _gate(place)

        async def broken(*arguments: Any) -> Any:
            raise RuntimeError("a bug")

        monkeypatch.setattr(Deciding, "_decided", broken)
        assert "What you asked for was recorded." in await place.command("ravi", f"approve {gate.name}")
        assert (await place.ended(run)).status is RunStatus.SUCCEEDED


async def test_a_receipt_that_cannot_be_read_holds_up_nobody(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        strange = Receipt("strange", "event", {"heard": "Said", "gone": True}, 1)
        await place.engine.receive(strange)
        await place.all_answered()
        assert "I am here" in await place.command("mina", "ping")


async def test_facts_that_grew_old_are_fetched_anew_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox(clock=(clock := _Shifted()))
    async with sandbox.running(), town(tmp_path, sandbox=sandbox, clock=clock) as place:
        _, gate, _ = await _gate(place)
        perform, tries = place.engine.perform, []

        async def late(self: Any, run_id: str, wanted: Any, **options: Any) -> Any:
            if isinstance(wanted, Decide):
                tries.append(options["person"].fetched_at)
                if len(tries) == 1:
                    clock.shift_ms += 61_000
            return await perform(run_id, wanted, **options)

        monkeypatch.setattr(type(place.engine), "perform", late)
        assert "You approved" in await place.command("ravi", f"approve {gate.name}")
        assert len(tries) == 2
        assert tries[1] - tries[0] >= 61_000


async def test_old_receipts_are_forgotten_and_young_ones_kept(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "town.db", clock=clock) as service:
        await service.engine.receive(Receipt("old", "event", {}, clock.now() - 27 * 3_600_000))
        await service.engine.receive(Receipt("young", "event", {}, clock.now()))
        for key in ("old", "young"):
            await service.engine.database.write(lambda tx, key=key: receipts.answered(tx, key))
    sandbox = Sandbox(clock=clock)
    async with sandbox.running(), town(tmp_path, sandbox=sandbox, clock=clock, shows=False) as place:
        await place.command("mina", "ping")
        found = [await place.engine.database.read(lambda tx, key=key: receipts.of(tx, key)) for key in ("old", "young")]
        assert [one is None for one in found] == [True, False]


class _Shifted:
    """The machine's clock, which a test may push ahead."""

    def __init__(self) -> None:
        self.shift_ms = 0
        self._clock = SystemClock()

    def now(self) -> int:
        return self._clock.now() + self.shift_ms

    async def wait(self, bell: Any, until: int | None) -> None:
        await self._clock.wait(bell, None if until is None else until - self.shift_ms)
