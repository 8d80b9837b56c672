"""Files in the sandbox, as strict as Slack's: who may read what, when, and what is said of files that cannot be had."""

from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def downloaded(sandbox: Sandbox, session: aiohttp.ClientSession, file_id: str) -> tuple[str, bytes]:
    """What the app gets for the address in the record: its type, and the content."""
    url = sandbox.parts.files.get(file_id)["url_private_download"]
    async with session.get(url, headers={"Authorization": f"Bearer {sandbox.bot_token}"}) as answer:
        return answer.content_type, await answer.read()


async def refusal(client: AsyncWebClient, file_id: str) -> str:
    with pytest.raises(SlackApiError) as refused:
        await client.files_info(file=file_id)
    return str(refused.value.response["error"])


async def test_a_file_in_a_channel_without_the_app_is_not_there_for_it(
    sandbox: Sandbox, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    said = await sandbox.act_as("mina").say("#random", "look", files=[("plan.pdf", b"%PDF")])
    file_id = said["files"][0]["id"]
    assert await refusal(client, file_id) == "file_not_found"
    assert (await downloaded(sandbox, session, file_id))[0] == "text/html"
    await sandbox.act_as("mina").say("#general", "look", files=[file_id])
    record = (await client.files_info(file=file_id))["file"]
    assert (record["channels"], record["is_public"]) == (["C0RANDOM", "C0GENERAL"], True)
    assert await downloaded(sandbox, session, file_id) == ("application/pdf", b"%PDF")


async def test_a_direct_message_shares_with_the_app_alone(sandbox: Sandbox, client: AsyncWebClient) -> None:
    said = await sandbox.act_as("mina").say("dm", "", files=[("plan.pdf", b"%PDF")])
    record = (await client.files_info(file=said["files"][0]["id"]))["file"]
    assert (record["channels"], record["ims"], record["is_public"]) == ([], ["D0MINA"], False)


async def test_a_deleted_file_leaves_its_tombstone(
    sandbox: Sandbox, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    said = await sandbox.act_as("mina").say("#general", "look", files=[("plan.pdf", b"%PDF")])
    file_id, url = said["files"][0]["id"], said["files"][0]["url_private_download"]
    sandbox.parts.files.remove(file_id)
    assert await refusal(client, file_id) == "file_deleted"
    async with session.get(url, headers={"Authorization": f"Bearer {sandbox.bot_token}"}) as answer:
        assert answer.content_type == "text/html"


async def test_a_form_that_asks_for_files_needs_the_scope_to_read_them(
    sandbox: Sandbox, client: AsyncWebClient
) -> None:
    element = {"type": "file_input", "action_id": "value", "max_files": 1}
    label = {"type": "plain_text", "text": "File"}
    view = {
        "type": "modal",
        "title": label,
        "submit": label,
        "blocks": [{"type": "input", "block_id": "b", "label": label, "element": element}],
    }
    app = sandbox.parts.workspace.app
    trigger = sandbox.parts.triggers.mint("U0MINA")
    sandbox.parts.workspace.app = replace(app, scopes=app.scopes - {"files:read"})
    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=trigger, view=view)
    assert "files:read" in str(refused.value.response["response_metadata"]["messages"])
    sandbox.parts.workspace.app = app
    assert (await client.views_open(trigger_id=trigger, view=view))["ok"]


async def test_a_large_file_of_the_page_stands_on_disk_and_not_in_memory(tmp_path) -> None:
    sandbox = Sandbox(data=tmp_path / "workspace.json")
    async with sandbox.running(), aiohttp.ClientSession() as opened:
        where = f"{sandbox.url}/sandbox/upload?as=U0MINA&name=large.bin"
        async with opened.post(where, data=BytesIO(b"\x01" * 40_000_000)) as answer:
            file = (await answer.json())["file"]
        assert file["size"] == 40_000_000
        at = sandbox.parts.files.stands_at(file["id"])
        assert at == tmp_path / "workspace.json.files" / file["id"]
        await sandbox.act_as("mina").say("dm", "", files=[file["id"]])
        assert len((await downloaded(sandbox, opened, file["id"]))[1]) == 40_000_000
