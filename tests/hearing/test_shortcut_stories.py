"""People start workflows from Slack's shortcuts: the window, its pages, what a message gives, and who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.server import Sandbox
from engine.definitions import load
from store import receipts
from tests.support.town import Town, town

pytestmark = pytest.mark.anyio

TICKET = """\
workflow: make_ticket
title: Make a ticket
description: Support looks at it.
channel: "#support"
inputs:
  subject: {type: string, minLength: 3, maxLength: 60}
  message: {type: string, maxLength: 4000}
  urgency: {type: string, enum: [low, high], default: low}
  reporter: {type: string}
  password: {type: string, sensitive: true, optional: true}
on:
  - shortcut: Make a ticket of this message
    inputs:
      subject: ${{ event.message.text.split(' ')[0] }}
      message: ${{ event.message.text }}
      reporter: ${{ event.message.user }}
steps:
  note: {uses: transform, with: {line: "${{ inputs.subject }}"}}
"""
OBVIOUS = """\
workflow: look_into
title: Look into something
inputs:
  question: {type: string}
  link: {type: string, format: uri}
  author: string
  attachment: {type: file, optional: true}
steps:
  note: {uses: transform, with: {line: "${{ inputs.question }}"}}
"""
MANY = (
    "workflow: many_fields\ntitle: Many fields\ninputs:\n"
    + "".join(f"  field_{n:02}: {{type: integer, default: {n}}}\n" for n in range(35))
    + "  last: string\nsteps:\n  sum: {uses: transform, with: {n: '${{ inputs.field_00 + inputs.field_34 }}'}}\n"
)
NOTHING_ASKED = """\
workflow: just_go
title: Just go
steps:
  note: {uses: transform, with: {line: gone}}
"""
LEADS = """\
workflow: for_leads
title: Only for leads
access: {start: "@content-leads", see: "@content-leads", control: "@content-leads"}
on: [{shortcut: Tell the leads, inputs: {}}]
steps:
  note: {uses: transform, with: {line: gone}}
"""
NEEDS_FILES = """\
workflow: take_brief
title: Take a brief
inputs: {brief: file, note: {type: string, default: none}}
on: [{shortcut: Take this brief, inputs: {brief: "${{ event.message.files[0] }}", note: "${{ event.message.text }}"}}]
steps:
  note: {uses: transform, with: {name: "${{ inputs.brief.name }}"}}
"""
ALL = (TICKET, OBVIOUS, MANY, NOTHING_ASKED, LEADS, NEEDS_FILES)


@asynccontextmanager
async def served(path: Path, *texts: str, by: str = "socket", sandbox: Sandbox | None = None) -> AsyncIterator[Town]:
    async with town(path, by=by, sandbox=sandbox) as place:
        await use(place, path, *(texts or ALL))
        yield place


async def use(place: Town, path: Path, *texts: str) -> None:
    folder = path / "workflows"
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    for text in texts:
        (folder / f"{text.split()[1]}.yaml").write_text(text)
    loaded = load([folder])
    assert not loaded.broken, loaded.problems
    await place.engine.use(loaded.definitions)


async def open_window(place: Town, who: str, *, channel: str = "", ts: str = "") -> Any:
    """Choose the shortcut, of a message or of nothing, and see the window."""
    person = place.sandbox.act_as(who)
    outcome = await person.shortcut("start_on_message" if ts else "start_workflow", channel=channel, ts=ts)
    assert outcome.acked, outcome
    await place.sandbox.until(lambda: person.open_views and "One moment" not in str(person.open_views[-1]))
    return person.open_views[-1]


async def pick(place: Town, who: str, value: str) -> Any:
    """Choose a workflow in the window; gives the window that follows."""
    person = place.sandbox.act_as(who)
    outcome = await person.submit(person.open_views[-1]["id"], {"workflow": {"workflow": value}})
    assert (outcome.acked, outcome.errors) == (True, {}), outcome
    return person.open_views[-1]


async def pick_refused(place: Town, who: str, value: str, **where: str) -> Any:
    """Send a window with something that it does not offer (any more)."""
    view = await open_window(place, who, **where)
    menu = next(one for one in view["blocks"] if one["type"] == "input")["element"]
    option = {"text": {"type": "plain_text", "text": "x"}, "value": value}
    menu.setdefault("option_groups", [{"options": []}])[-1]["options"].append(option)
    return await place.sandbox.act_as(who).submit(view["id"], {"workflow": {"workflow": value}})


def offered(view: Any) -> list[str]:
    """The values of the menu, in order."""
    menu = next(one for one in view["blocks"] if one["type"] == "input")["element"]
    listed = [*menu.get("options", ()), *(one for group in menu.get("option_groups", ()) for one in group["options"])]
    return [one["value"] for one in listed]


def fields(view: Any) -> dict[str, Any]:
    """What stands in the fields, by their labels."""
    found = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            chosen = element.get("initial_option")
            found[block["label"]["text"]] = chosen["text"]["text"] if chosen else element.get("initial_value", "")
    return found


def said(view: Any) -> str:
    return " ".join(
        str(part.get("text", ""))
        for block in view["blocks"]
        for part in [block.get("text") or {}, *(block.get("elements") or ())]
        if isinstance(part, dict)
    )


def answers(view: Any, **given: Any) -> dict[str, Any]:
    """What is typed into the fields, by their labels written with _."""
    by_label = {block["label"]["text"]: block for block in view["blocks"] if block["type"] == "input"}
    return {by_label[label.replace("_", " ")]["block_id"]: {"value": value} for label, value in given.items()}


@pytest.mark.parametrize("by", ["socket", "http"])
async def test_the_shortcut_offers_what_one_may_start_asks_for_it_and_links_the_run(tmp_path: Path, by: str) -> None:
    async with served(tmp_path, by=by) as place:
        mina = place.sandbox.act_as("mina")
        first = await open_window(place, "mina")
        assert offered(first) == ["just_go", "look_into", "make_ticket", "many_fields", "take_brief"]
        form = await pick(place, "mina", "make_ticket")
        assert fields(form) == {"Subject": "", "Message": "", "Urgency": "low", "Reporter": "", "Password": ""}
        given = answers(form, Subject="Refund", Message="Twice", Reporter="me", Password="hunter2")
        outcome = await mina.submit(form["id"], given)
        assert (outcome.acked, outcome.closed) == (True, True)
        assert mina.open_views == []
        told = await place.written("mina")
        run = await place.last_run()
        assert f"Starting *Make a ticket* ({run.name}). Progress in <#C0SUPPORT>." in told
        channel, ts = await place.root(run)
        assert channel == "C0SUPPORT"
        assert place.slack.me.permalink(channel, ts) in told
        assert (run.requester.id, run.requester.kind) == ("U0MINA", "person")
        assert run.inputs.value == {
            "subject": "Refund", "message": "Twice", "urgency": "low", "reporter": "me", "password": "hunter2",
        }  # fmt: skip
        assert run.origin == {"surface": "shortcut", "channel": "C0SUPPORT", "user": "U0MINA"}
        await place.all_answered()


async def test_a_message_gives_what_the_workflow_maps_and_its_shortcut_comes_first(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        message = await place.sandbox.act_as("ravi").say("#content", "Refund me & <all> of us")
        first = await open_window(place, "mina", channel="#content", ts=message["ts"])
        assert offered(first)[:2] == ["make_ticket#0", "take_brief#0"]
        assert "Refund me &amp; &lt;all&gt; of us" in said(first)
        form = await pick(place, "mina", "make_ticket#0")
        assert fields(form) == {
            "Subject": "Refund", "Message": "Refund me & <all> of us", "Urgency": "low", "Reporter": "U0RAVI",
            "Password": "",
        }  # fmt: skip
        await place.sandbox.act_as("mina").submit(form["id"], {})
        told = await place.whispered("mina")
        run = await place.last_run()
        assert run.inputs.value["message"] == "Refund me & <all> of us"
        assert run.name in told
        assert place.sandbox.act_as("mina").ephemerals[-1]["channel"] == "C0CONTENT"
        assert run.origin["channel"] == "C0CONTENT"  # where it was asked for


async def test_without_a_mapping_names_and_types_say_what_goes_where(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        message = await place.sandbox.act_as("ravi").say("#content", "Why is it slow?\nSince Monday.")
        await open_window(place, "mina", channel="#content", ts=message["ts"])
        form = await pick(place, "mina", "look_into")
        link = place.slack.me.permalink("C0CONTENT", message["ts"])
        text = "Why is it slow?\nSince Monday."
        assert fields(form) == {"Question": text, "Link": link, "Author": "U0RAVI", "Attachment": ""}


async def test_what_a_message_says_too_long_for_a_field_is_taken_as_it_is(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        long = "word " * 700
        message = await place.sandbox.act_as("ravi").say("#content", long)
        await open_window(place, "mina", channel="#content", ts=message["ts"])
        form = await pick(place, "mina", "make_ticket#0")
        assert "Message" not in fields(form)
        assert "`message` is taken from the message as it is (3,500 characters)" in said(form)
        await place.sandbox.act_as("mina").submit(form["id"], {})
        await place.whispered("mina")
        assert (await place.last_run()).inputs.value["message"] == long


async def test_errors_stand_under_their_fields_and_nothing_is_lost(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        mina = place.sandbox.act_as("mina")
        await open_window(place, "mina")
        form = await pick(place, "mina", "look_into")
        given = answers(form, Question="Why?", Link="nowhere", Author="me")
        outcome = await mina.submit(form["id"], given)
        [(block, told)] = outcome.errors.items()
        assert block == next(iter(answers(form, Link="")))
        assert told == 'Needs a full web address, got "nowhere". Write it like https://example.com/page.'
        assert await place.runs() == []
        outcome = await mina.submit(form["id"], answers(form, Link="https://example.com/x"))
        assert outcome.closed
        await place.written("mina")
        assert (await place.last_run()).inputs.value["question"] == "Why?"


async def test_many_inputs_come_on_pages_and_arrive_together(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        mina = place.sandbox.act_as("mina")
        await open_window(place, "mina")
        form = await pick(place, "mina", "many_fields")
        for page in range(5):
            assert f"Page {page + 1} of 5." in said(form)
            assert len(fields(form)) == (8 if page < 4 else 4)
            assert len(mina.open_views) <= 3
            wanted = {f"Field_{8 * page:02}": 100 + page} | ({"Last": "done"} if page == 4 else {})
            outcome = await mina.submit(form["id"], answers(form, **wanted))
            assert (outcome.acked, outcome.errors) == (True, {}), outcome
            form = mina.open_views[-1] if mina.open_views else None
        assert form is None
        await place.written("mina")
        given = (await place.last_run()).inputs.value
        assert given["last"] == "done"
        assert [given[f"field_{n:02}"] for n in (0, 1, 8, 16, 24, 32, 34)] == [100, 1, 101, 102, 103, 104, 34]


async def test_going_back_and_choosing_another_one_starts_only_that(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        mina = place.sandbox.act_as("mina")
        await open_window(place, "mina")
        wrong = await pick(place, "mina", "make_ticket")
        assert wrong["close"]["text"] == "Back"
        await mina.close(wrong["id"])
        right = await pick(place, "mina", "just_go")
        assert "It needs nothing else." in said(right)
        assert (await mina.submit(right["id"], {})).closed
        await place.written("mina")
        assert [row.workflow for row in await place.runs()] == ["just_go"]
        assert (await place.last_run()).origin["channel"] == "D0MINA"


async def test_a_guest_is_told_in_the_window_and_nothing_is_offered(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        message = await place.sandbox.act_as("mina").say("#content", "look")
        view = await open_window(place, "gus", channel="#content", ts=message["ts"])
        assert "guest" in said(view)
        assert not [one for one in view["blocks"] if one["type"] == "input"]


async def test_what_one_may_not_start_is_not_offered_and_not_taken(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        mina = place.sandbox.act_as("mina")
        message = await mina.say("#content", "look")
        assert "for_leads#0" in offered(await open_window(place, "lena", channel="#content", ts=message["ts"]))
        form = await pick(place, "lena", "for_leads#0")
        await use(place, tmp_path, LEADS.replace("@content-leads", "@legal"), TICKET, NOTHING_ASKED)
        await place.sandbox.act_as("lena").submit(form["id"], {})
        assert "Only @legal may start *Only for leads*" in await place.whispered("lena")
        assert await place.runs() == []
        outcome = await pick_refused(place, "lena", "for_leads#0", channel="#content", ts=message["ts"])
        assert outcome.errors == {"workflow": "You may not start this workflow."}
        assert "for_leads#0" not in offered(await open_window(place, "mina", channel="#content", ts=message["ts"]))


async def test_the_only_workflow_there_is_asks_at_once(tmp_path: Path) -> None:
    async with served(tmp_path, TICKET) as place:
        message = await place.sandbox.act_as("ravi").say("#content", "Refund")
        form = await open_window(place, "mina", channel="#content", ts=message["ts"])
        assert fields(form)["Subject"] == "Refund"
        assert form["close"]["text"] == "Cancel"


async def test_more_workflows_than_a_menu_holds_are_searched(tmp_path: Path) -> None:
    texts = [
        f"workflow: number_{n}\ntitle: Number {n}\nsteps:\n  a: {{uses: transform, with: {{n: {n}}}}}\n"
        for n in range(120)
    ]
    async with served(tmp_path, *texts) as place:
        mina = place.sandbox.act_as("mina")
        view = await open_window(place, "mina")
        listed = await mina.suggest("", "workflow", view_id=view["id"])
        assert len(listed["options"]) == 100
        found = await mina.suggest("number 11", "workflow", view_id=view["id"])
        assert [one["value"] for one in found["options"]] == ["number_11", *(f"number_{n}" for n in range(110, 120))]
        option = found["options"][0]
        outcome = await mina.submit(view["id"], {"workflow": {"workflow": option}})
        assert not outcome.errors
        assert mina.open_views[-1]["title"]["text"] == "Number 11"


async def test_the_files_of_a_message_go_along(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        message = await place.sandbox.act_as("ravi").say("#content", "the brief", files=[("brief.txt", b"Be brief.")])
        await open_window(place, "mina", channel="#content", ts=message["ts"])
        form = await pick(place, "mina", "take_brief#0")
        assert fields(form) == {"Note": "the brief"}
        assert "`brief` is brief.txt." in said(form)
        assert (await place.sandbox.act_as("mina").submit(form["id"], {})).closed
        await place.whispered("mina")
        run = await place.last_run()
        assert (run.inputs.value["brief"]["name"], run.inputs.value["brief"]["size"]) == ("brief.txt", 9)
        assert place.engine.content.path(run.inputs.value["brief"]["hash"]).read_bytes() == b"Be brief."


async def test_a_file_is_put_into_the_window_where_no_message_brings_one(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        mina = place.sandbox.act_as("mina")
        await open_window(place, "mina")
        form = await pick(place, "mina", "take_brief")
        (block,) = [one for one in form["blocks"] if one.get("element", {}).get("type") == "file_input"]
        file = place.sandbox.parts.files.add("brief.txt", b"Be brief.", mina.id)
        sent = {**answers(form, Note="a note"), block["block_id"]: {"value": [file["id"]]}}
        assert (await mina.submit(form["id"], sent)).closed
        await place.written("mina")
        value = (await place.last_run()).inputs.value
        assert (value["brief"]["name"], value["note"]) == ("brief.txt", "a note")
        assert place.engine.content.path(value["brief"]["hash"]).read_bytes() == b"Be brief."


async def test_without_the_scope_a_workflow_that_needs_a_file_says_so_before_anything_is_filled_in(
    tmp_path: Path,
) -> None:
    async with served(tmp_path) as place:
        place.reception.clerk.looking._bench.takes_files = False
        message = await place.sandbox.act_as("ravi").say("#content", "the brief?", files=[("brief.txt", b"Be brief.")])
        await open_window(place, "mina", channel="#content", ts=message["ts"])
        told = said(await pick(place, "mina", "take_brief#0"))
        assert "Brief is a file, and this app may not read files here (`files:read`)" in told
        assert "/flow run" not in told, "a file cannot be typed either"
        await open_window(place, "ravi", channel="#content", ts=message["ts"])
        form = await pick(place, "ravi", "look_into")
        assert "`attachment` cannot be given: this app may not read files here (`files:read`)." in said(form)
        assert "brief.txt" not in said(form)
        assert (await place.sandbox.act_as("ravi").submit(form["id"], answers(form, Author="Ravi"))).closed
        await place.whispered("ravi")
        assert "attachment" not in (await place.last_run()).inputs.value


async def test_a_file_that_slack_hands_over_later_starts_the_run_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.READ_TRIES_MAX", 1)
    async with served(tmp_path) as place:
        place.sandbox.faults.add(method="files.info", kind="error", error="internal_error", times=1)
        message = await place.sandbox.act_as("ravi").say("#content", "the brief", files=[("brief.txt", b"Be brief.")])
        await open_window(place, "mina", channel="#content", ts=message["ts"])
        form = await pick(place, "mina", "take_brief#0")
        assert (await place.sandbox.act_as("mina").submit(form["id"], {})).closed
        await place.all_answered()
        assert "I am waiting for Slack" in place.heard("mina")[0]
        assert "Starting" in place.heard("mina")[-1]
        assert (await place.last_run()).inputs.value["brief"]["name"] == "brief.txt"


async def test_a_file_is_asked_for_where_no_message_gives_one(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        mina = place.sandbox.act_as("mina")
        await open_window(place, "mina")
        form = await pick(place, "mina", "take_brief")
        assert fields(form) == {"Brief": "", "Note": "none"}
        assert list((await mina.submit(form["id"], {})).errors) == list(answers(form, Brief=[]))
        assert await place.runs() == []
        file = place.sandbox.parts.files.add("mine.txt", b"Mine.", "U0MINA")
        assert (await mina.submit(form["id"], answers(form, Brief=[file["id"]]))).closed
        await place.written("mina")
        given = (await place.last_run()).inputs.value
        assert (given["brief"]["name"], given["note"]) == ("mine.txt", "none")
        assert place.engine.content.path(given["brief"]["hash"]).read_bytes() == b"Mine."


async def test_a_window_from_long_ago_starts_nothing_and_says_so(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        mina = place.sandbox.act_as("mina")
        view = await open_window(place, "mina")
        await place.all_answered()
        await place.engine.database.write(lambda tx: receipts.prune(tx, 2**60))
        await mina.submit(view["id"], {"workflow": {"workflow": "just_go"}})
        assert "This window is too old." in said(mina.open_views[-1])


async def test_a_workflow_that_went_away_meanwhile_is_said_under_the_menu(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        mina = place.sandbox.act_as("mina")
        view = await open_window(place, "mina")
        await use(place, tmp_path, TICKET)
        outcome = await mina.submit(view["id"], {"workflow": {"workflow": "just_go"}})
        assert outcome.errors == {"workflow": "This workflow is not there any more. Nothing was started."}


async def test_a_window_that_slack_will_not_open_any_more_is_answered(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        place.sandbox.faults.add(method="views.open", kind="error", detail={"error": "expired_trigger_id"}, times=1)
        mina = place.sandbox.act_as("mina")
        assert (await mina.shortcut("start_workflow")).acked
        assert "The window could not be opened in time; nothing was started." in await place.written("mina")


async def test_while_slack_is_slow_a_window_stands_there_and_is_filled_in_later(tmp_path: Path) -> None:
    async with served(tmp_path) as place:
        place.sandbox.faults.add(method="users.info", kind="delay", detail={"ms": 1_500}, times=1)
        mina = place.sandbox.act_as("mina")
        await mina.shortcut("start_workflow")
        await place.sandbox.until(lambda: mina.open_views)
        first = said(mina.open_views[-1])
        await place.sandbox.until(lambda: any(one["type"] == "input" for one in mina.open_views[-1]["blocks"]))
        assert "One moment" in first
        assert offered(mina.open_views[-1])


async def test_a_form_that_is_carried_out_twice_starts_one_run(tmp_path: Path) -> None:
    sandbox = Sandbox()
    async with sandbox.running():
        async with served(tmp_path, NOTHING_ASKED, TICKET, sandbox=sandbox) as place:
            await open_window(place, "mina")
            form = await pick(place, "mina", "just_go")
            assert (await sandbox.act_as("mina").submit(form["id"], {})).closed
            await place.sandbox.until(lambda: answers_given(place) == 1)
            key = next(one.key for one in await submissions(place))
            await place.engine.database.write(
                lambda tx: tx.execute("UPDATE receipts SET state = 'performed' WHERE key = ?", (key,))
            )
        async with served(tmp_path, NOTHING_ASKED, TICKET, sandbox=sandbox) as place:
            await place.sandbox.until(lambda: answers_given(place) == 2)
            assert len(await place.runs()) == 1


def answers_given(place: Town) -> int:
    return len([one for one in place.direct("mina") if "Starting *Just go*" in one])


async def submissions(place: Town) -> list[Any]:
    rows = await place.engine.database.read(
        lambda tx: [row["key"] for row in tx.rows("SELECT key FROM receipts WHERE key LIKE 'submission:%'", ())]
    )
    return [await place.engine.database.read(lambda tx, key=key: receipts.of(tx, key)) for key in rows]
