"""Commands, clicks, modals, response URLs: what people do, and what the app may answer."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.apps import App, Shortcut
from bot.sandbox.entering import NotPossible
from bot.sandbox.people import default_workspace
from bot.sandbox.server import Sandbox
from tests.support.bolt_app import bolt_app, by_socket
from tests.support.hand_clock import HandClock

pytestmark = pytest.mark.anyio


def plain(text: str) -> dict:
    return {"type": "plain_text", "text": text}


def field(element: dict, block_id: str = "b", **more: object) -> dict:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain("x"),
        "element": {"action_id": "a", **element},
        **more,
    }


def modal(*blocks: dict, **more: object) -> dict:
    content = list(blocks) or [field({"type": "plain_text_input"})]
    return {"type": "modal", "title": plain("T"), "submit": plain("Go"), "blocks": content, **more}


def buttons(*ids: str) -> list[dict]:
    made = [{"type": "button", "action_id": one, "value": f"v-{one}", "text": plain(one)} for one in ids]
    return [{"type": "actions", "block_id": "act", "elements": made}]


async def code(call) -> str:
    with pytest.raises(SlackApiError) as raised:
        await call
    return raised.value.response["error"]


class Desk:
    """A Bolt app that keeps what it got and answers as told."""

    def __init__(self, app: AsyncApp) -> None:
        self.app = app
        self.bodies: list[dict] = []
        self.answer: dict = {}
        for register in (app.command("/flow"), app.action({"block_id": "act"}), app.action("menu"), app.view("f")):
            register(self._take)
        app.view_closed("f")(self._take)
        app.shortcut("write")(self._take)
        app.shortcut("anywhere")(self._take)

    async def _take(self, ack, body: dict) -> None:
        self.bodies.append(body)
        await ack(**self.answer)

    @property
    def last(self) -> dict:
        return self.bodies[-1]


@pytest.fixture
async def sandbox(clock: HandClock) -> AsyncIterator[Sandbox]:
    shortcuts = (
        Shortcut(callback_id="write", name="Write about this"),
        Shortcut(callback_id="anywhere", name="New run", kind="global"),
    )
    running = Sandbox(default_workspace(App(shortcuts=shortcuts)), clock=clock)
    async with running.running():
        yield running


@pytest.fixture
async def desk(sandbox: Sandbox, client: AsyncWebClient) -> AsyncIterator[Desk]:
    made = Desk(bolt_app(sandbox, client))
    async with by_socket(sandbox, made.app):
        yield made


async def trigger(sandbox: Sandbox, desk: Desk, person: str = "ada") -> str:
    await sandbox.act_as(person).command("/flow", "open")
    return desk.last["trigger_id"]


# Commands


async def test_a_command_arrives_as_slack_sends_it(sandbox: Sandbox, desk: Desk) -> None:
    desk.answer = {"text": "working"}
    answer = await sandbox.act_as("ada").command("/flow", "run x by=@ravi in=#content <@U0LENA> @editors", "#general")
    body = desk.last
    assert body["text"] == ("run x by=<@U0RAVI|ravi> in=<#C0CONTENT|content> <@U0LENA> <!subteam^S0EDITORS|@editors>")
    assert (body["command"], body["channel_id"], body["channel_name"]) == ("/flow", "C0GENERAL", "general")
    assert (body["user_id"], body["user_name"], body["team_id"]) == ("U0ADA", "ada", "T0MEADOW")
    assert (answer.acked, answer.text) == (True, "working")
    assert sandbox.act_as("ada").ephemerals[-1]["text"] == "working"


async def test_an_ack_may_speak_to_the_channel(sandbox: Sandbox, desk: Desk) -> None:
    desk.answer = {"text": "for all", "response_type": "in_channel"}
    await sandbox.act_as("ada").command("/flow", "x")
    assert sandbox.workspace.messages("#general")[-1]["text"] == "for all"
    assert sandbox.act_as("ada").ephemerals == []


async def test_an_ack_with_bad_blocks_is_shown_as_an_error(sandbox: Sandbox, desk: Desk) -> None:
    desk.answer = {"text": "x", "blocks": [{"type": "section"}]}
    answer = await sandbox.act_as("ada").command("/flow", "x")
    assert answer.error == "invalid_command_response"


@pytest.mark.parametrize(
    ("person", "command", "channel"), [("ada", "/nope", "#general"), ("otto", "/flow", "#partners")]
)
async def test_a_command_that_is_not_installed_for_them_is_not_valid(
    sandbox: Sandbox, desk: Desk, person: str, command: str, channel: str
) -> None:
    answer = await sandbox.act_as(person).command(command, channel=channel)
    assert (answer.acked, answer.error) == (False, "invalid_command")
    assert f"`{command}` is not a valid command" in sandbox.act_as(person).ephemerals[-1]["text"]
    assert desk.bodies == []


async def test_people_act_only_where_they_are(sandbox: Sandbox) -> None:
    with pytest.raises(NotPossible, match="gus is not in #general"):
        await sandbox.act_as("gus").say("#general", "x")
    with pytest.raises(LookupError, match="there is no channel"):
        await sandbox.act_as("ada").say("#nowhere", "x")


# Clicks


async def test_a_click_arrives_with_message_container_and_value(
    sandbox: Sandbox, desk: Desk, client: AsyncWebClient
) -> None:
    root = (await client.chat_postMessage(channel="C0GENERAL", text="root"))["ts"]
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="?", blocks=buttons("yes", "no"), thread_ts=root))[
        "ts"
    ]
    outcome = await sandbox.act_as("ravi").click("#general", ts, "no")
    body = desk.last
    assert outcome.acked
    assert (body["type"], body["api_app_id"]) == ("block_actions", "A0POINTSMAN")
    assert body["user"] == {"id": "U0RAVI", "username": "ravi", "name": "ravi", "team_id": "T0MEADOW"}
    assert body["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": "C0GENERAL",
        "is_ephemeral": False,
        "thread_ts": root,
    }
    assert body["message"]["ts"] == ts
    action = body["actions"][0]
    assert (action["type"], action["action_id"], action["block_id"], action["value"]) == ("button", "no", "act", "v-no")


async def test_a_choice_in_a_message_is_sent_with_its_state(
    sandbox: Sandbox, desk: Desk, client: AsyncWebClient
) -> None:
    menu = {
        "type": "static_select",
        "action_id": "menu",
        "options": [{"text": plain("Red"), "value": "0"}, {"text": plain("Blue"), "value": "1"}],
    }
    blocks = [{"type": "section", "block_id": "s", "text": plain("?"), "accessory": menu}]
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="?", blocks=blocks))["ts"]
    ada = sandbox.act_as("ada")
    await ada.click("#general", ts, "menu", selected="Blue")
    assert desk.last["actions"][0]["selected_option"]["value"] == "1"
    assert desk.last["state"]["values"]["s"]["menu"]["selected_option"]["value"] == "1"
    with pytest.raises(NotPossible, match=r"'Green' is not offered; there are 0 \(Red\), 1 \(Blue\)"):
        await ada.click("#general", ts, "menu", selected="Green")


async def test_a_button_is_sent_with_what_was_entered_beside_it(
    sandbox: Sandbox, desk: Desk, client: AsyncWebClient
) -> None:
    colours = [{"text": plain("Red"), "value": "0"}, {"text": plain("Blue"), "value": "1"}]
    menu = {"type": "static_select", "action_id": "menu", "options": colours}
    note = field({"type": "plain_text_input", "action_id": "note"}, block_id="n")
    chosen = {"type": "section", "block_id": "s", "text": plain("?"), "accessory": menu}
    blocks = [chosen, note, *buttons("yes")]
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="?", blocks=blocks))["ts"]
    ada, ravi = sandbox.act_as("ada"), sandbox.act_as("ravi")
    await ada.click("#general", ts, "menu", selected="Blue")
    await ada.click("#general", ts, "yes", values={"n": {"note": {"type": "plain_text_input", "value": "typed"}}})
    values = desk.last["state"]["values"]
    assert values["s"]["menu"]["selected_option"]["value"] == "1"
    assert values["n"]["note"] == {"type": "plain_text_input", "value": "typed"}
    await client.chat_update(channel="C0GENERAL", ts=ts, text="?", blocks=[note, *buttons("yes")])
    await ada.click("#general", ts, "yes")
    assert desk.last["state"]["values"] == {"n": {"note": {"type": "plain_text_input", "value": "typed"}}}
    await ravi.click("#general", ts, "yes")
    assert desk.last["state"]["values"] == {"n": {"note": {"type": "plain_text_input", "value": None}}}


async def test_a_click_in_an_ephemeral_carries_no_message(sandbox: Sandbox, desk: Desk, client: AsyncWebClient) -> None:
    answer = await client.chat_postEphemeral(channel="C0GENERAL", user="U0ADA", text="?", blocks=buttons("yes"))
    await sandbox.act_as("ada").click("#general", answer["message_ts"], "yes")
    assert "message" not in desk.last
    assert desk.last["container"]["is_ephemeral"] is True
    with pytest.raises(NotPossible, match="there is no message"):
        await sandbox.act_as("ravi").click("#general", answer["message_ts"], "yes")


async def test_a_button_that_is_not_there_cannot_be_clicked(sandbox: Sandbox, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="?", blocks=buttons("yes")))["ts"]
    with pytest.raises(NotPossible, match="there are yes in act"):
        await sandbox.act_as("ada").click("#general", ts, "no")


async def test_a_click_that_nobody_takes_shows_a_warning(sandbox: Sandbox, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="?", blocks=buttons("yes")))["ts"]
    outcome = await sandbox.act_as("ada").click("#general", ts, "yes")
    assert (outcome.acked, outcome.error) == (False, "dispatch_failed")
    assert sandbox.act_as("ada").warnings == ["dispatch_failed"]


async def test_shortcuts_arrive_with_and_without_a_message(sandbox: Sandbox, desk: Desk) -> None:
    ada = sandbox.act_as("ada")
    ts = (await ada.say("#general", "an idea"))["ts"]
    await ada.shortcut("write", channel="#general", ts=ts)
    assert (desk.last["type"], desk.last["message"]["text"]) == ("message_action", "an idea")
    await ada.shortcut("anywhere")
    assert (desk.last["type"], desk.last["callback_id"]) == ("shortcut", "anywhere")
    with pytest.raises(NotPossible, match="no global shortcut 'write'"):
        await ada.shortcut("write")


async def test_shortcuts_have_the_shape_that_slack_gives_them(sandbox: Sandbox, desk: Desk) -> None:
    ada = sandbox.act_as("ada")
    ts = (await ada.say("#general", "an idea", files=[("a.txt", b"a")]))["ts"]
    await ada.shortcut("write", channel="#general", ts=ts)
    body = desk.last
    assert {"token", "action_ts", "team", "user", "callback_id", "trigger_id", "response_url"} <= body.keys()
    assert (body["message_ts"], body["channel"]) == (ts, {"id": "C0GENERAL", "name": "general"})
    assert (body["message"]["user"], body["message"]["ts"], body["message"]["type"]) == ("U0ADA", ts, "message")
    assert body["message"]["files"][0]["name"] == "a.txt"
    assert "container" not in body
    await ada.shortcut("anywhere")
    assert not {"channel", "message", "response_url", "message_ts"} & desk.last.keys()
    assert desk.last["trigger_id"] != body["trigger_id"]


async def test_who_comes_from_elsewhere_has_no_shortcuts_of_ours(sandbox: Sandbox) -> None:
    with pytest.raises(NotPossible, match="no shortcuts of Pointsman here"):
        await sandbox.act_as("otto").shortcut("anywhere")


async def test_without_the_scope_for_commands_there_are_no_shortcuts(clock: HandClock) -> None:
    running = Sandbox(default_workspace(App(scopes=App().scopes - {"commands"})), clock=clock)
    async with running.running():
        with pytest.raises(NotPossible, match="has no shortcuts"):
            await running.act_as("ada").shortcut("start_workflow")


# Triggers and modals


async def test_a_trigger_opens_one_window_within_three_seconds(
    sandbox: Sandbox, desk: Desk, client: AsyncWebClient, clock: HandClock
) -> None:
    used, late = await trigger(sandbox, desk), await trigger(sandbox, desk)
    await client.views_open(trigger_id=used, view=modal())
    assert await code(client.views_open(trigger_id=used, view=modal())) == "exchanged_trigger_id"
    clock.move(ms=3_001)
    assert await code(client.views_open(trigger_id=late, view=modal())) == "expired_trigger_id"
    assert await code(client.views_open(trigger_id="1.2.3", view=modal())) == "invalid_trigger_id"


async def test_a_bad_view_is_refused_and_leaves_the_trigger_unused(
    sandbox: Sandbox, desk: Desk, client: AsyncWebClient
) -> None:
    trigger_id = await trigger(sandbox, desk)
    with pytest.raises(SlackApiError) as raised:
        await client.views_open(trigger_id=trigger_id, view=modal(title=plain("x" * 25)))
    assert raised.value.response["error"] == "invalid_arguments"
    assert raised.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]
    text = {"type": "section", "text": plain("x" * 3000)}
    assert await code(client.views_open(trigger_id=trigger_id, view=modal(*[text] * 90))) == "view_too_large"
    await client.views_open(trigger_id=trigger_id, view=modal())
    assert len(sandbox.act_as("ada").open_views) == 1


async def test_a_filled_form_is_submitted_and_closes(sandbox: Sandbox, desk: Desk, client: AsyncWebClient) -> None:
    ada = sandbox.act_as("ada")
    choice = {"type": "static_select", "options": [{"text": plain("Red"), "value": "0"}]}
    view = modal(
        field({"type": "plain_text_input"}, "text"),
        field(choice, "colour"),
        field({"type": "multi_users_select"}, "people"),
        field({"type": "conversations_select"}, "where"),
        field({"type": "number_input", "is_decimal_allowed": False, "min_value": "1"}, "count"),
        field({"type": "checkboxes", "options": [{"text": plain("Yes"), "value": "y"}]}, "sure", optional=True),
        callback_id="f",
        private_metadata="draft-7",
    )
    opened = (await client.views_open(trigger_id=await trigger(sandbox, desk), view=view))["view"]
    wrong = await ada.submit(opened["id"], {"count": {"a": "0"}})
    assert wrong.errors == {
        "text": "Please complete this required field.",
        "colour": "Please complete this required field.",
        "people": "Please complete this required field.",
        "where": "Please complete this required field.",
        "count": "Please enter 1 or more.",
    }
    entries = {"text": "Hello", "colour": "Red", "people": ["ravi", "U0LENA"], "where": "#content", "count": 3}
    outcome = await ada.submit(opened["id"], {name: {"a": value} for name, value in entries.items()})
    assert (outcome.acked, outcome.closed, ada.open_views) == (True, True, [])
    body = desk.last
    assert (body["type"], body["view"]["private_metadata"], body["view"]["hash"]) == (
        "view_submission",
        "draft-7",
        opened["hash"],
    )
    values = {name: actions["a"] for name, actions in body["view"]["state"]["values"].items()}
    assert values["text"] == {"type": "plain_text_input", "value": "Hello"}
    assert values["colour"]["selected_option"]["value"] == "0"
    assert values["people"]["selected_users"] == ["U0RAVI", "U0LENA"]
    assert values["where"]["selected_conversation"] == "C0CONTENT"
    assert values["count"] == {"type": "number_input", "value": "3"}
    assert values["sure"] == {"type": "checkboxes", "selected_options": []}


async def test_an_ack_answers_a_submission_in_every_way(sandbox: Sandbox, desk: Desk, client: AsyncWebClient) -> None:
    ada = sandbox.act_as("ada")
    opened = (await client.views_open(trigger_id=await trigger(sandbox, desk), view=modal(callback_id="f")))["view"]
    entry = {"b": {"a": "text"}}
    desk.answer = {"response_action": "errors", "errors": {"b": "not this"}}
    assert (await ada.submit(opened["id"], entry)).errors == {"b": "not this"}
    desk.answer = {"response_action": "errors", "errors": {"elsewhere": "x"}}
    assert (await ada.submit(opened["id"], entry)).error == "invalid_response_errors"
    desk.answer = {"response_action": "update", "view": modal(callback_id="f", private_metadata="two")}
    await ada.submit(opened["id"], entry)
    assert [one["private_metadata"] for one in ada.open_views] == ["two"]
    desk.answer = {"response_action": "push", "view": modal(callback_id="f")}
    await ada.submit(opened["id"], entry)
    assert [one["previous_view_id"] for one in ada.open_views] == [None, opened["id"]]
    desk.answer = {"response_action": "clear"}
    assert (await ada.submit(ada.open_views[-1]["id"], entry)).closed
    assert ada.open_views == []


async def test_windows_stack_three_deep(sandbox: Sandbox, desk: Desk, client: AsyncWebClient) -> None:
    ada = sandbox.act_as("ada")
    view = modal(*buttons("go"), callback_id="f")
    await client.views_open(trigger_id=await trigger(sandbox, desk), view=view)
    for depth in (2, 3):
        await ada.click_view(ada.open_views[-1]["id"], "go")
        await client.views_push(trigger_id=desk.last["trigger_id"], view=view)
        assert len(ada.open_views) == depth
    await ada.click_view(ada.open_views[-1]["id"], "go")
    assert await code(client.views_push(trigger_id=desk.last["trigger_id"], view=view)) == "push_limit_reached"
    await ada.close(ada.open_views[-1]["id"])
    assert len(ada.open_views) == 2
    assert await code(client.views_push(trigger_id=await trigger(sandbox, desk), view=view)) == "invalid_trigger_id"


async def test_an_update_keeps_what_was_entered_and_respects_the_hash(
    sandbox: Sandbox, desk: Desk, client: AsyncWebClient
) -> None:
    ada = sandbox.act_as("ada")
    view = modal(field({"type": "plain_text_input"}), *buttons("go"), external_id="mine")
    opened = (await client.views_open(trigger_id=await trigger(sandbox, desk), view=view))["view"]
    await ada.click_view(opened["id"], "go", values={"b": {"a": "typed"}})
    assert desk.last["view"]["state"]["values"]["b"]["a"]["value"] == "typed"
    update = client.views_update
    updated = (await update(external_id="mine", view=view, hash=opened["hash"]))["view"]
    assert updated["state"]["values"]["b"]["a"]["value"] == "typed"
    assert await code(update(view_id=opened["id"], view=view, hash=opened["hash"])) == "hash_conflict"
    assert await code(update(view_id="V0NONE", view=view)) == "not_found"
    await ada.close(opened["id"])
    assert await code(update(view_id=opened["id"], view=view)) == "not_found"


async def test_closing_is_told_only_when_asked(sandbox: Sandbox, desk: Desk, client: AsyncWebClient) -> None:
    ada = sandbox.act_as("ada")
    for notify in (False, True):
        view = modal(callback_id="f", notify_on_close=notify)
        await client.views_open(trigger_id=await trigger(sandbox, desk), view=view)
        await ada.close(ada.open_views[-1]["id"])
    assert [one["type"] for one in desk.bodies if "type" in one] == ["view_closed"]
    assert desk.last["is_cleared"] is False


async def test_a_home_is_published_per_person_with_a_hash(sandbox: Sandbox, desk: Desk, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": buttons("go")}
    first = (await client.views_publish(user_id="U0ADA", view=home))["view"]
    await client.views_publish(user_id="U0ADA", view=home, hash=first["hash"])
    assert await code(client.views_publish(user_id="U0ADA", view=home, hash=first["hash"])) == "hash_conflict"
    assert await code(client.views_publish(user_id="U0NONE", view=home)) == "user_not_found"
    plan = {"type": "home", "blocks": [{"type": "plan", "title": "x"}]}
    assert await code(client.views_publish(user_id="U0ADA", view=plan)) == "invalid_arguments"
    await sandbox.act_as("ada").click_view(first["id"], "go")
    assert desk.last["view"]["type"] == "home"
    assert sandbox.act_as("ravi").home is None


async def test_external_options_are_asked_of_the_app(sandbox: Sandbox, desk: Desk, client: AsyncWebClient) -> None:
    @desk.app.options("a")
    async def offer(ack, payload) -> None:
        await ack(options=[{"text": plain(f"{payload['value']} one"), "value": "1"}])

    view = modal(field({"type": "external_select"}))
    opened = (await client.views_open(trigger_id=await trigger(sandbox, desk), view=view))["view"]
    offered = await sandbox.act_as("ada").suggest("blue", "a", view_id=opened["id"])
    assert [one["text"]["text"] for one in offered["options"]] == ["blue one"]


# Response URLs


async def test_a_response_url_is_good_for_five_answers_in_thirty_minutes(
    sandbox: Sandbox, desk: Desk, clock: HandClock
) -> None:
    ada = sandbox.act_as("ada")
    await ada.command("/flow", "x")
    first = AsyncWebhookClient(desk.last["response_url"])
    for n in range(5):
        assert (await first.send(text=f"private {n}")).status_code == 200
    used = await first.send(text="six")
    assert (used.status_code, "used_url" in used.body) == (404, True)
    assert len(ada.ephemerals) == 5
    await ada.command("/flow", "x")
    second = AsyncWebhookClient(desk.last["response_url"])
    await second.send(text="for all", response_type="in_channel")
    assert sandbox.workspace.messages("#general")[-1]["text"] == "for all"
    clock.move(minutes=31)
    assert "expired_url" in (await second.send(text="late")).body


async def test_a_response_url_replaces_and_deletes_the_clicked_message(
    sandbox: Sandbox, desk: Desk, client: AsyncWebClient
) -> None:
    ada = sandbox.act_as("ada")
    ts = (await client.chat_postMessage(channel="C0GENERAL", text="?", blocks=buttons("yes")))["ts"]
    await ada.click("#general", ts, "yes")
    webhook = AsyncWebhookClient(desk.last["response_url"])
    await webhook.send(text="decided", replace_original=True)
    assert [(one["ts"], one["text"]) for one in sandbox.workspace.messages("#general")] == [(ts, "decided")]
    await webhook.send(delete_original=True)
    assert sandbox.workspace.messages("#general") == []


async def test_a_response_url_replaces_an_ephemeral(sandbox: Sandbox, desk: Desk, client: AsyncWebClient) -> None:
    ada = sandbox.act_as("ada")
    answer = await client.chat_postEphemeral(channel="C0GENERAL", user="U0ADA", text="?", blocks=buttons("yes"))
    await ada.click("#general", answer["message_ts"], "yes")
    await AsyncWebhookClient(desk.last["response_url"]).send(text="done", replace_original=True)
    assert [one["text"] for one in ada.ephemerals] == ["done"]
    assert "blocks" not in ada.ephemerals[0]


async def test_a_response_url_refuses_what_slack_refuses(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.act_as("ada").command("/flow", "x")
    webhook = AsyncWebhookClient(desk.last["response_url"])
    bad = await webhook.send(text="x", blocks=[{"type": "section"}])
    assert (bad.status_code, "invalid_blocks" in bad.body) == (400, True)
    assert "no_text" in (await webhook.send()).body


async def test_an_answer_may_be_lost_after_it_was_shown(sandbox: Sandbox, desk: Desk) -> None:
    await sandbox.act_as("ada").command("/flow", "x")
    sandbox.faults.add(method="response_url", kind="drop_after")
    sandbox.faults.add(method="response_url", kind="http_500")
    webhook = AsyncWebhookClient(desk.last["response_url"], retry_handlers=[])
    with pytest.raises(aiohttp.ClientError):
        await webhook.send(text="shown")
    assert (await webhook.send(text="refused")).status_code == 500
    assert [one["text"] for one in sandbox.act_as("ada").ephemerals] == ["shown"]
