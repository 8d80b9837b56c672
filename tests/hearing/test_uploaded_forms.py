"""Forms that programs send with files in them: what cannot be read is told to who sent it."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from bot.requests import Objection
from bot.uploads import Uploads
from store.content import ContentFolder

pytestmark = pytest.mark.anyio

PART = b"--x\r\n"
END = b"\r\n\r\nhi\r\n--x--\r\n"


async def answered(folder: Path, body: bytes) -> tuple[int, str]:
    uploads = Uploads(ContentFolder(folder / "a.db"))

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response(await uploads.start(request))
        except Objection as objection:
            return web.Response(status=objection.status, text=objection.message)

    application = web.Application()
    application.add_routes([web.post("/", handle)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with ClientSession() as session:
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            async with session.post(url, data=body, headers=headers) as answer:
                return answer.status, await answer.text()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"nothing", "The form cannot be read"),
        (PART + b"no header" + END, "The form cannot be read: Invalid HTTP header"),
        (PART + b"A: " + b"y" * 20_000 + END, "The form cannot be read: Got more than"),
        (PART + b'Content-Disposition: form-data; name="a"; filename="\x00"' + END, "The form cannot be read"),
        (PART + b'Content-Disposition: form-data; filename="a"' + END, "a part without a name"),
        (PART + b'Content-Disposition: form-data; name="inputs"' + END, "`inputs` is not JSON"),
        (PART + b'Content-Disposition: form-data; name="a"; filename="a"\r\n\r\nhi', "The form cannot be read"),
    ],
    ids=["no form", "no header", "long header", "no name of a file", "no name", "no JSON", "cut off"],
)
async def test_a_form_that_cannot_be_read_is_told_to_who_sent_it(tmp_path: Path, body: bytes, told: str) -> None:
    status, text = await answered(tmp_path, body)
    assert status == 400
    assert told in text
    assert list(tmp_path.rglob("*.half")) == []


async def test_a_name_with_a_path_is_a_name(tmp_path: Path) -> None:
    about = b'Content-Disposition: form-data; name="brief"; filename="../../etc/passwd"'
    status, text = await answered(tmp_path, PART + about + END)
    assert status == 200
    assert '"name": "passwd"' in text
