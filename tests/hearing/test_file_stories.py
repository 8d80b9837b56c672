"""Files in Slack reach a run: attached to a mention or a direct message, by their address, and in forms."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import store.content
from store.model import Run, RunStatus
from store.values import Limits
from tests.support.asked import asked
from tests.support.engines import gate, plan, step
from tests.support.town import Town, town

pytestmark = pytest.mark.anyio

FILE = {
    "type": "object",
    "x-file": True,
    "properties": {"name": {"type": "string"}, "media_type": {"type": "string"}, "size": {"type": "integer"},
                   "hash": {"type": "string"}},
    "required": ["name", "media_type", "size", "hash"],
    "additionalProperties": False,
}  # fmt: skip
TAKES = plan(
    step("look", with_={"size": "${{ inputs.brief.size }}"}),
    workflow="intake",
    inputs={"brief": FILE, "note": {"type": "string", "default": ""}},
)
PLAIN = plan(step("go"), workflow="hello")
MANY = plan(step("go"), workflow="batch", inputs={"papers": {"type": "array", "items": FILE}})
FORM = {"type": "object", "properties": {"proof": FILE, "note": {"type": "string"}}, "required": ["proof"]}
ASKS = plan(
    gate("review", form=FORM, on_expiry="fail", requester_may_decide=True), workflow="ticket",
    outputs={"got": "${{ steps.review.output.content }}"},
)  # fmt: skip
PDF = b"%PDF-1.7\n" + b"\x00\xff" * 300_000


def kept(place: Town) -> list[Path]:
    """Everything in the content folder."""
    return [path for path in place.engine.content.folder.rglob("*") if path.is_file()]


async def answered(place: Town, who: str, *files: Any, text: str = "run intake", channel: str = "dm") -> str:
    """Say it with these files, and read the answer."""
    if channel == "dm":
        before = len(place.direct(who))
        await place.sandbox.act_as(who).say("dm", text, files=files)
        return await place.written(who, before + 1)
    before = len(place.heard(who))
    await place.sandbox.act_as(who).say(channel, f"<@U0BOT> {text}", files=files)
    return await place.whispered(who, before + 1)


def value(name: str, media_type: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "media_type": media_type, "size": len(data), "hash": sha256(data).hexdigest()}


async def whole(place: Town, run: Run) -> None:
    ended = await place.ended(run)
    assert ended.status is RunStatus.SUCCEEDED
    assert len(kept(place)) == 1, "one file, and nothing half"
    await place.all_answered()


@pytest.mark.parametrize("channel", ["dm", "#content"])
async def test_a_file_beside_the_words_goes_to_the_input_that_takes_one(tmp_path: Path, channel: str) -> None:
    async with town(tmp_path, TAKES) as place:
        assert "Starting" in await answered(place, "mina", ("brief.pdf", PDF), channel=channel)
        run = await place.last_run()
        assert run.inputs.value == {"brief": value("brief.pdf", "application/pdf", PDF), "note": ""}
        assert place.engine.content.path(run.inputs.value["brief"]["hash"]).read_bytes() == PDF
        await whole(place, run)


async def test_all_files_go_to_an_input_that_takes_several(tmp_path: Path) -> None:
    async with town(tmp_path, MANY) as place:
        assert "Starting" in await answered(place, "mina", ("a.txt", b"a"), ("b.txt", b"b"), text="run batch")
        names = [one["name"] for one in (await place.last_run()).inputs.value["papers"]]
        assert names == ["a.txt", "b.txt"]


async def test_the_same_content_twice_is_one_file(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        await answered(place, "mina", ("brief.pdf", PDF))
        await answered(place, "ravi", ("other.pdf", PDF))
        assert [run.inputs.value["brief"]["name"] for run in await place.runs()] == ["other.pdf", "brief.pdf"]
        assert len(kept(place)) == 1


async def test_an_address_brings_a_file_that_was_shared_where_it_is_asked_for(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        said = await place.sandbox.act_as("ravi").say("#content", "the brief", files=[("brief.pdf", PDF)])
        link = said["files"][0]["permalink"]
        assert "Starting" in await place.command("mina", f"run intake brief={link}", channel="#content")
        await whole(place, await place.last_run())


async def test_an_answer_in_a_thread_takes_the_file_above_it(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        root = await place.sandbox.act_as("ravi").say("#content", "the brief", files=[("brief.pdf", PDF)])
        await place.sandbox.act_as("mina").say("#content", "<@U0BOT> run intake", thread_ts=root["ts"])
        assert "Starting" in await place.whispered("mina")
        await whole(place, await place.last_run())


async def test_the_address_of_a_message_brings_its_file(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        root = await place.sandbox.act_as("ravi").say("#content", "what do you think?")
        said = await place.sandbox.act_as("ravi").say(
            "#content", "the brief", thread_ts=root["ts"], files=[("brief.pdf", PDF)]
        )
        for one in (root, said):
            link = place.slack.me.permalink("C0CONTENT", one["ts"], root["ts"])
            answer = await place.command("mina", f"run intake brief={link}", channel="#content")
            assert ("Starting" in answer) == (one is said), answer
        await whole(place, await place.last_run())


async def test_the_address_of_a_message_elsewhere_opens_nothing(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        said = await place.sandbox.act_as("ravi").say("dm", "for the bot only", files=[("salaries.pdf", PDF)])
        link = place.slack.me.permalink("D0RAVI", said["ts"])
        answer = await place.command("mina", f"run intake brief={link}", channel="#content")
        assert "I did not start" in answer
        assert kept(place) == []


async def test_an_address_of_somebody_elses_private_file_opens_nothing(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        said = await place.sandbox.act_as("ravi").say("dm", "for the bot only", files=[("salaries.pdf", PDF)])
        answer = await place.command("mina", f"run intake brief={said['files'][0]['permalink']}", channel="#content")
        assert "cannot tell whether you may see it" in answer
        assert await place.runs() == []
        assert kept(place) == []


async def test_the_hash_of_a_file_does_not_stand_for_it_in_words(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        await answered(place, "ravi", ("brief.pdf", PDF))
        stolen = str(value("mine.pdf", "application/pdf", PDF)).replace("'", '"')
        answer = await place.command("mina", f"run intake brief='{stolen}'")
        assert "`brief` needs a file" in answer
        assert len(await place.runs()) == 1


async def test_a_missing_file_is_answered_with_how_to_hand_one_in(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        for line in ("run intake", "run intake brief=brief.pdf"):
            answer = await place.command("mina", line)
            assert "`brief`" in answer
            assert "Attach it to a message that mentions me" in answer


async def test_a_file_that_nothing_takes_starts_nothing(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES, PLAIN) as place:
        assert "“a.txt” belongs to no input" in await answered(place, "mina", ("a.txt", b"a"), text="run hello")
        two = await answered(place, "mina", ("a.txt", b"a"), ("b.txt", b"b"))
        assert "“b.txt” belongs to no input: this workflow takes `brief`" in two
        assert await place.runs() == []
        assert kept(place) == []


async def test_a_file_over_the_limit_is_refused_with_both_numbers_before_it_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.attached.LIMITS", Limits(file_bytes_max=100_000))
    async with town(tmp_path, TAKES) as place:
        answer = await answered(place, "mina", ("brief.pdf", PDF))
        assert "has 600,009 bytes, and at most 100,000 are kept of a file" in answer
        assert "hand in its address" in answer
        assert kept(place) == []


async def test_a_file_that_says_it_is_small_and_is_not_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.content, "LIMITS", Limits(file_bytes_max=100_000))
    async with town(tmp_path, TAKES) as place:
        mina = place.sandbox.act_as("mina")
        file = place.sandbox.parts.files.add("brief.pdf", PDF, mina.id)
        file["size"] = 99_000
        answer = await answered(place, "mina", file["id"])
        assert "more than 100,000 bytes, and at most 100,000 are kept" in answer
        assert kept(place) == []


ODD = {
    "deleted": ({"mode": "tombstone"}, "it has been deleted"),
    "external": ({"is_external": True, "mode": "external", "external_type": "gdrive"}, "it lies at Google Drive"),
    "canvas": ({"mode": "quip"}, "it is a canvas in Slack and no file"),
    "hidden": ({"mode": "hidden_by_limit"}, "plan does not show files that old"),
    "connect": ({"file_access": "check_file_info"}, "it comes from another organisation"),
    "outsider": ({"user_team": "T0OTHER"}, "it comes from another organisation"),
    "denied": ({"file_access": "access_denied"}, "I cannot see it"),
}


@pytest.mark.parametrize("odd", ODD)
async def test_a_file_that_cannot_be_had_is_answered_with_the_reason(tmp_path: Path, odd: str) -> None:
    async with town(tmp_path, TAKES) as place:
        file = place.sandbox.parts.files.add("brief.pdf", PDF, "U0MINA")
        change, sentence = ODD[odd]
        place.sandbox.faults.add(method="download", kind="http_500", times=None)  # it must not come to that
        file.update(change)
        answer = await answered(place, "mina", file["id"])
        assert "I did not start" in answer
        assert sentence in answer
        assert await place.runs() == []


async def test_a_file_that_is_still_being_processed_is_waited_for(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        file = place.sandbox.parts.files.add("brief.pdf", PDF, "U0MINA")
        url, file["url_private_download"] = file["url_private_download"], ""
        await place.sandbox.act_as("mina").say("dm", "run intake", files=[file["id"]])
        await place.sandbox.until(lambda: asked_for(place, "files.info") >= 1)
        file["url_private_download"] = url
        await place.written("mina")
        await whole(place, await place.last_run())


def asked_for(place: Town, method: str) -> int:
    return len([one for one in place.sandbox.traffic.after(0) if one.method == method])


async def test_a_download_that_breaks_off_is_begun_anew_and_leaves_no_half(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        place.sandbox.faults.add(method="download", kind="drop_after")
        assert "Starting" in await answered(place, "mina", ("brief.pdf", PDF))
        await whole(place, await place.last_run())


async def test_an_app_without_the_scope_says_who_can_give_it(tmp_path: Path) -> None:
    async with town(tmp_path, TAKES) as place:
        place.sandbox.faults.add(method="files.info", kind="error", error="missing_scope")
        answer = await answered(place, "mina", ("brief.pdf", PDF))
        assert "this app may not read files here" in answer
        assert "`files:read`" in answer


async def test_what_slack_does_not_hand_over_just_now_is_fetched_later_and_the_run_begins_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.READ_TRIES_MAX", 1)
    async with town(tmp_path, TAKES) as place:
        place.sandbox.faults.add(method="files.info", kind="error", error="internal_error", times=1)
        assert "I am waiting for Slack" in await answered(place, "mina", ("brief.pdf", PDF))
        assert "Starting" in await place.written("mina", 2)
        (run,) = await place.runs()
        assert run.inputs.value["brief"] == value("brief.pdf", "application/pdf", PDF)
        await place.all_answered()


async def test_what_slack_never_hands_over_is_answered_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.desk.worker.TRIES_MAX", 2)
    monkeypatch.setattr("bot.desk.worker.AGAIN_MIN_MS", 1)
    monkeypatch.setattr("bot.slack.READ_TRIES_MAX", 1)
    async with town(tmp_path, TAKES) as place:
        place.sandbox.faults.add(method="files.info", kind="error", error="internal_error", times=None)
        await answered(place, "mina", ("brief.pdf", PDF))
        assert "Slack did not give me what this needs, however often I asked." in await place.written("mina", 2)
        assert await place.runs() == []


async def test_a_form_whose_file_comes_later_is_answered_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.READ_TRIES_MAX", 1)
    async with asked(tmp_path, ASKS) as here:
        view = await here.form("ravi", "gate_answer")
        here.place.sandbox.faults.add(method="files.info", kind="error", error="internal_error", times=1)
        ravi = here.place.sandbox.act_as("ravi")
        file = here.place.sandbox.parts.files.add("proof.png", PDF, ravi.id)
        assert (await ravi.submit(view["id"], {"field:0": {"value": [file["id"]]}})).closed
        run = await here.place.ended(here.run)
        assert run.outputs is not None
        assert run.outputs.value == {"got": {"proof": value("proof.png", "image/png", PDF)}}


async def test_a_form_takes_a_file_and_the_run_has_it(tmp_path: Path) -> None:
    async with asked(tmp_path, ASKS) as here:
        view = await here.form("ravi", "gate_answer")
        (element,) = [one["element"] for one in view["blocks"] if one.get("element", {}).get("type") == "file_input"]
        assert element["max_files"] == 1
        ravi = here.place.sandbox.act_as("ravi")
        file = here.place.sandbox.parts.files.add("proof.png", PDF, ravi.id)
        assert (await ravi.submit(view["id"], {"field:0": {"value": [file["id"]]}})).closed
        run = await here.place.ended(here.run)
        assert run.outputs is not None
        assert run.outputs.value == {"got": {"proof": value("proof.png", "image/png", PDF)}}
        assert len(kept(here.place)) == 1


async def test_a_form_says_under_its_field_that_a_file_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.attached.LIMITS", Limits(file_bytes_max=1_000))
    async with asked(tmp_path, ASKS) as here:
        view = await here.form("ravi", "gate_answer")
        ravi = here.place.sandbox.act_as("ravi")
        file = here.place.sandbox.parts.files.add("proof.png", PDF, ravi.id)
        outcome = await ravi.submit(view["id"], {"field:0": {"value": [file["id"]]}})
        assert "has 600,009 bytes, and at most 1,000 are kept" in outcome.errors["field:0"]
        assert kept(here.place) == []


async def test_a_file_that_vanishes_behind_a_form_leaves_the_gate_open(tmp_path: Path) -> None:
    async with asked(tmp_path, ASKS) as here:
        view = await here.form("ravi", "gate_answer")
        here.place.sandbox.faults.add(method="files.info", kind="error", error="file_deleted")
        ravi = here.place.sandbox.act_as("ravi")
        file = here.place.sandbox.parts.files.add("proof.png", PDF, ravi.id)
        assert (await ravi.submit(view["id"], {"field:0": {"value": [file["id"]]}})).closed
        answer = await here.place.whispered("ravi")
        assert "I cannot take “proof.png”: it has been deleted" in answer
        assert "is still open" in answer
        assert (await here.look()).state == "open"
