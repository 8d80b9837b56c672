"""The publisher's site: keeps what workflows send, once, and shows it to people."""

import anyio
import pytest
from aiohttp import ClientSession

from bot.demo.site import Site

pytestmark = pytest.mark.anyio

TOKEN = {"Authorization": "Bearer site-token"}
POST = {
    "title": "On <ink> & paper",
    "summary": "What paper does to ink.",
    "body": "Ink sinks into paper.\n\nSlowly, and for good.",
    "claims": [{"id": "c1", "quote": "Ink sinks", "source": "https://ink.example/a"}],
}


@pytest.fixture
async def site(tmp_path):
    async with Site(tmp_path, "site-token").running() as running, ClientSession(running.url) as session:
        yield running, session, tmp_path


async def test_a_post_is_published_once_for_each_idempotency_key(site):
    _, session, _ = site
    headers = {**TOKEN, "Idempotency-Key": "run-1/publish/1"}
    async with session.post("/posts", json=POST, headers=headers) as first:
        assert first.status == 201
        url = (await first.json())["url"]
    async with session.post("/posts", json=POST, headers=headers) as again:
        assert (again.status, (await again.json())["url"]) == (200, url)
    async with session.post("/posts", json=POST, headers=TOKEN | {"Idempotency-Key": "run-2/publish/1"}) as other:
        assert (other.status, (await other.json())["url"] != url) == (201, True)


async def test_a_key_with_another_body_is_a_conflict(site):
    _, session, _ = site
    headers = {**TOKEN, "Idempotency-Key": "k"}
    async with session.post("/posts", json=POST, headers=headers):
        pass
    async with session.post("/posts", json=POST | {"title": "Another title"}, headers=headers) as answer:
        assert answer.status == 409


async def test_a_published_post_reads_well_in_a_browser_and_nothing_in_it_is_markup(site):
    _, session, _ = site
    async with session.post("/posts", json=POST, headers=TOKEN) as answer:
        url = (await answer.json())["url"]
    async with session.get(url, headers={"Accept": "text/html"}) as page:
        text = await page.text()
        assert page.content_type == "text/html"
    assert "On &lt;ink&gt; &amp; paper" in text
    assert "<p>Slowly, and for good.</p>" in text
    assert 'href="https://ink.example/a"' in text
    assert "<ink>" not in text


async def test_writing_needs_the_token_and_reading_does_not(site):
    running, session, _ = site
    async with session.post("/posts", json=POST) as answer:
        assert answer.status == 401
    async with session.delete("/posts/1", headers={"Authorization": "Bearer wrong"}) as answer:
        assert answer.status == 401
    async with session.get("/") as page:
        assert page.status == 200
    assert running.posts.all() == []


async def test_what_was_published_survives_a_restart_and_a_removed_post_stays_removed(site):
    _, session, folder = site
    for key in ("a", "b"):
        async with session.post("/posts", json=POST, headers=TOKEN | {"Idempotency-Key": key}):
            pass
    async with session.delete("/posts/1", headers=TOKEN) as gone, session.delete("/posts/1", headers=TOKEN) as again:
        assert (gone.status, again.status) == (204, 204)
    later = Site(folder, "site-token")
    assert [post["id"] for post in later.posts.all()] == ["2"]
    assert later.posts.place(POST, "b").created is False


@pytest.mark.parametrize(
    ("body", "names"),
    [({"title": "Hi"}, "title"), ({"title": "Long enough", "body": 3}, "body"), (["x"], "JSON object")],
)
async def test_a_body_that_is_no_post_is_refused_by_name(site, body, names):
    _, session, _ = site
    async with session.post("/posts", json=body, headers=TOKEN) as answer:
        assert answer.status == 422
        assert names in (await answer.json())["error"]


async def test_a_ticket_is_kept_and_shown(site):
    _, session, _ = site
    ticket = {"subject": "Where is it?", "email": "a@b.c", "queue": "orders", "state": "open", "text": "My parcel"}
    async with session.post("/tickets", json=ticket, headers=TOKEN) as answer:
        assert answer.status == 201
        url = (await answer.json())["url"]
    async with session.get(url, headers={"Accept": "text/html"}) as page:
        assert "My parcel" in await page.text()
    async with session.get("/tickets", headers={"Accept": "application/json"}) as listed:
        assert [one["subject"] for one in await listed.json()] == ["Where is it?"]


async def test_the_print_shop_is_down_and_says_when_to_come_back(site):
    _, session, _ = site
    async with session.post("/print-shop/orders", json={}, headers=TOKEN) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_two_senders_with_one_key_make_one_post(site):
    running, session, _ = site

    async def send():
        async with session.post("/posts", json=POST, headers={**TOKEN, "Idempotency-Key": "same"}) as answer:
            assert answer.status in (200, 201)

    async with anyio.create_task_group() as senders:
        for _ in range(5):
            senders.start_soon(send)
    assert len(running.posts.all()) == 1
