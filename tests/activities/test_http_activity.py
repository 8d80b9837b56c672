import gzip
import json
import socket
import zlib

import anyio
import pytest
from aiohttp import web

from engine.activities import Secret
from engine.faults import ActivityFault
from engine.http import HttpClient, Request, retry_after_ms, shown_url
from tests.support.attempts import TRACE, StillClock, until

pytestmark = pytest.mark.anyio


async def test_the_request_is_what_with_says(desk, serve):
    seen = {}

    async def handler(request):
        seen.update(
            method=request.method, path=request.path_qs, headers=dict(request.headers), body=await request.text()
        )
        return web.json_response({"url": "https://blog.example/1"}, status=201, headers={"X-Request-Id": "r1"})

    base = await serve(handler)
    result = await desk.do(
        "http",
        {
            "method": "POST",
            "url": f"{base}/posts?draft=no",
            "headers": {"Authorization": Secret("Bearer s3cret-token", "cms"), "X-Count": 3, "X-None": None},
            "query": {"tag": ["a", "b c"], "live": True, "none": None},
            "json": {"title": "Grüße", "key": Secret("inner-secret", "k")},
            "accept": [201, 409],
        },
        effect="once",
    )
    assert result.output == {"url": "https://blog.example/1"}
    assert (seen["method"], seen["path"]) == ("POST", "/posts?draft=no&tag=a&tag=b+c&live=true")
    assert seen["headers"]["Authorization"] == "Bearer s3cret-token"
    assert seen["headers"]["Idempotency-Key"] == "run-1/publish//1"
    assert seen["headers"]["traceparent"] == TRACE
    assert seen["headers"]["X-Count"] == "3"
    assert "X-None" not in seen["headers"]
    assert json.loads(seen["body"]) == {"title": "Grüße", "key": "inner-secret"}
    assert result.receipt["status"] == 201
    assert result.receipt["headers"]["x-request-id"] == "r1"
    assert result.receipt["url"] == f"{base}/posts"
    assert "s3cret" not in json.dumps(dict(result.receipt))


async def test_forms_and_text_are_sent_as_such(desk, serve):
    bodies = []

    async def handler(request):
        bodies.append((request.content_type, await request.text()))
        return web.Response(text="done")

    base = await serve(handler)
    assert (
        await desk.do("http", {"method": "POST", "url": base, "form": {"a": 1, "b": ["x", "y z"]}})
    ).output == "done"
    await desk.do("http", {"method": "PUT", "url": base, "body": "plain"})
    assert bodies == [("application/x-www-form-urlencoded", "a=1&b=x&b=y+z"), ("text/plain", "plain")]


async def test_an_authors_own_idempotency_key_wins(desk, serve):
    seen = []

    async def handler(request):
        seen.append(request.headers.getall("Idempotency-Key"))
        return web.Response()

    await desk.do("http", {"method": "POST", "url": await serve(handler), "headers": {"idempotency-key": "mine"}})
    assert seen == [["mine"]]


@pytest.mark.parametrize(
    ("kind", "body", "output", "carried"),
    [
        ("application/problem+json", b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}, "json"),
        ("application/json", b"", None, "empty"),
        ("text/plain; charset=iso-8859-1", "Grüße".encode("latin-1"), "Grüße", "text"),
        ("text/plain", b'{"a": 1}', '{"a": 1}', "text"),
        ("image/png", b"\x89PNG\xff\x00", "iVBOR/8A", "base64"),
        ("text/plain; charset=unheard-of", b"abc", "YWJj", "base64"),
    ],
)
async def test_the_body_is_read_by_its_content_type(desk, serve, kind, body, output, carried):
    async def handler(request):
        return web.Response(body=body, headers={"Content-Type": kind})

    result = await desk.do("http", {"url": await serve(handler)})
    assert result.output == output
    assert result.receipt["body"] == carried


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "not"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": {"b": [123456789012345678901]}}', "output.a.b[0]: is a whole number beyond 64 bits"),
        (b"[" * 5000 + b"]" * 5000, "nested"),
        (b'"\\ud800"', "Unicode"),
    ],
)
async def test_json_that_cannot_be_kept_whole_is_invalid_not_rounded(desk, serve, body, said):
    async def handler(request):
        return web.Response(body=body, content_type="application/json")

    fault = await desk.fault("http", {"method": "POST", "url": await serve(handler)}, effect="once")
    assert fault.code == "output_invalid"
    assert said in fault.message
    assert fault.maybe_happened, "the server said 200: the effect took place"
    assert fault.receipt["status"] == 200


@pytest.mark.parametrize(
    ("status", "headers", "retryable", "ambiguous"),
    [
        (400, {}, False, False),
        (404, {}, False, False),
        (408, {}, True, False),
        (409, {}, False, False),
        (425, {}, True, False),
        (429, {"Retry-After": "7"}, True, False),
        (429, {}, True, False),
        (500, {}, True, True),
        (501, {}, True, False),
        (502, {"Retry-After": "7"}, True, True),
        (503, {}, True, True),
        (503, {"Retry-After": "7"}, True, False),
        (504, {}, True, True),
        (524, {}, True, True),
    ],
)
async def test_a_bad_status_says_what_may_be_done(desk, serve, status, headers, retryable, ambiguous):
    async def handler(request):
        return web.Response(status=status, text="no such\n  post", headers=headers)

    with_ = {"method": "POST", "url": f"{await serve(handler)}/posts?token=abc"}
    fault = await desk.fault("http", with_, effect="once")
    assert fault.code == "http_status"
    assert fault.retryable is retryable
    assert fault.maybe_happened is ambiguous
    assert fault.retry_after_ms == (7000 if headers else None)
    assert fault.detail["status"] == status
    assert f"answered {status}" in fault.message
    assert "no such post" in fault.message
    assert "token" not in fault.message
    assert (await desk.fault("http", with_, effect="idempotent")).maybe_happened is ambiguous
    assert not (await desk.fault("http", with_, effect="pure")).maybe_happened


async def test_an_accepted_status_is_a_success_and_another_is_not(desk, serve):
    async def handler(request):
        return web.json_response({"exists": True}, status=int(request.query["status"]))

    base = await serve(handler)
    assert (await desk.do("http", {"url": f"{base}/?status=409", "accept": [201, 409]})).output == {"exists": True}
    assert (await desk.fault("http", {"url": f"{base}/?status=200", "accept": [201]})).code == "http_status"


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({"retry-after": "120"}, 120_000),
        ({"retry-after": "1.5"}, 1_500),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:27:00 GMT"}, 60_000),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30_000),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 09:00:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 250),
        ({"retry-after": "99999999999"}, 7 * 24 * 3600 * 1000),
        ({"retry-after": "9" * 5_000}, 7 * 24 * 3600 * 1000),
        ({"retry-after-ms": "9" * 5_000}, 7 * 24 * 3600 * 1000),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
async def test_retry_after_is_read_in_all_its_forms(headers, wait_ms):
    just_before = 1_445_412_450_000  # 07:27:30
    assert retry_after_ms(headers, just_before) == wait_ms


async def test_nobody_listening_is_not_ambiguous(desk):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        fault = await desk.fault("http", {"method": "POST", "url": f"http://127.0.0.1:{port}/"}, effect="once")
    assert (fault.code, fault.retryable, fault.maybe_happened) == ("http_connection", True, False)


async def test_a_name_that_nobody_knows_is_not_ambiguous(desk):
    fault = await desk.fault("http", {"method": "POST", "url": "http://nowhere.invalid/"}, effect="once")
    assert (fault.code, fault.retryable, fault.maybe_happened) == ("http_connection", True, False)
    assert "nowhere.invalid" in fault.message


async def test_a_server_that_hangs_up_after_reading_leaves_it_open_whether_it_happened(desk):
    async def hang_up(stream):
        async with stream:
            await stream.receive()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0) as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, hang_up)
            with_ = {"method": "POST", "url": f"http://127.0.0.1:{port}/", "json": {}}
            once = await desk.fault("http", with_, effect="once")
            idempotent = await desk.fault("http", with_, effect="idempotent")
            pure = await desk.fault("http", with_, effect="pure")
            group.cancel_scope.cancel()
    assert (once.code, once.retryable, once.maybe_happened) == ("http_connection", True, True)
    assert idempotent.maybe_happened, "and is taken back if the run ends badly"
    assert not pure.maybe_happened


async def test_a_slow_server_times_out_and_leaves_it_open_whether_it_happened(desk, serve):
    arrived = anyio.Event()

    async def handler(request):
        arrived.set()
        await anyio.sleep_forever()

    with_ = {"method": "POST", "url": await serve(handler), "json": {}, "timeout": "1s"}
    fault = await desk.fault("http", with_, effect="once")
    assert arrived.is_set()
    assert (fault.code, fault.retryable, fault.maybe_happened) == ("http_timeout", True, True)
    assert "within 1 s" in fault.message


async def test_the_request_gives_up_before_its_attempt_is_cut_off(desk, serve):
    async def handler(request):
        await anyio.sleep_forever()

    fault = await desk.fault("http", {"url": await serve(handler)}, attempt_timeout_ms=100)
    assert fault.code == "http_timeout"
    assert "within 0.098 s" in fault.message


async def test_cancelling_closes_the_connection(desk, serve):
    arrived, gone = anyio.Event(), anyio.Event()

    async def handler(request):
        arrived.set()
        try:
            await anyio.sleep_forever()
        finally:
            gone.set()

    url = await serve(handler)
    async with anyio.create_task_group() as group:
        group.start_soon(desk.do, "http", {"url": url})
        await arrived.wait()
        group.cancel_scope.cancel()
    with anyio.fail_after(20):
        await gone.wait()


async def test_a_body_beyond_the_limit_is_not_held(desk, serve):
    sent = 0

    async def handler(request):
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 1024 * 1024)
            sent += 1

    fault = await desk.fault("http", {"url": await serve(handler)})
    assert (fault.code, fault.retryable) == ("output_too_large", False)
    assert sent < 40


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw-deflate"])
async def test_a_compressed_bomb_is_stopped_while_it_unfolds(desk, serve, encoding):
    plain = b"\0" * (64 * 1024 * 1024)
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": lambda: gzip.compress(plain, 9),
        "deflate": lambda: zlib.compress(plain, 9),
        "raw-deflate": lambda: raw.compress(plain) + raw.flush(),
    }[encoding]()

    async def handler(request):
        return web.Response(body=packed, headers={"Content-Encoding": encoding.removeprefix("raw-")})

    fault = await desk.fault("http", {"url": await serve(handler)})
    assert fault.code == "output_too_large"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw-deflate"])
async def test_compressed_answers_are_unpacked(desk, serve, encoding):
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(b'{"a":1}'),
        "deflate": zlib.compress(b'{"a":1}'),
        "raw-deflate": raw.compress(b'{"a":1}') + raw.flush(),
    }[encoding]

    async def handler(request):
        headers = {"Content-Encoding": encoding.removeprefix("raw-"), "Content-Type": "application/json"}
        return web.Response(body=packed, headers=headers)

    assert (await desk.do("http", {"url": await serve(handler)})).output == {"a": 1}


async def test_redirects_are_followed_and_lose_secrets_at_another_origin(desk, serve):
    seen = []

    async def last(request):
        seen.append((request.method, dict(request.headers), await request.text()))
        return web.json_response({"at": "last"})

    elsewhere = await serve(last)

    async def first(request):
        if request.path == "/start":
            raise web.HTTPFound("/next")
        raise web.HTTPTemporaryRedirect(f"{elsewhere}/end")

    headers = {"Authorization": "Bearer x", "X-Api-Key": "k", "Cookie": "c=1"}
    result = await desk.do("http", {"url": f"{await serve(first)}/start", "headers": headers})
    assert result.output == {"at": "last"}
    assert result.receipt["redirects"] == 2
    assert result.receipt["url"] == f"{elsewhere}/end"
    method, got, _ = seen[0]
    assert method == "GET"
    assert not {"Authorization", "X-Api-Key", "Cookie", "Idempotency-Key"} & got.keys()
    assert got["traceparent"] == TRACE


async def test_a_redirect_to_a_refused_host_is_refused_and_may_have_happened(desk, serve):
    reached = []

    async def inner(request):
        reached.append(request.path)
        return web.Response(text="metadata")

    inside = await serve(inner, host="127.0.0.2")

    async def handler(request):
        raise web.HTTPSeeOther(f"{inside}/latest")

    fault = await desk.fault("http", {"method": "POST", "url": await serve(handler)}, effect="once")
    assert (fault.code, fault.retryable) == ("http_refused", False)
    assert "127.0.0.2" in fault.message
    assert "`hosts` in the settings file" in fault.hint
    assert fault.maybe_happened, "the first server did get the POST"
    assert reached == []


async def test_a_redirect_circle_ends(desk, serve):
    async def handler(request):
        raise web.HTTPFound(request.path)

    fault = await desk.fault("http", {"url": await serve(handler)})
    assert fault.code == "http_refused"
    assert "more than 5 times" in fault.message


async def test_a_redirect_to_something_that_is_no_web_address_is_refused(desk, serve):
    async def handler(request):
        return web.Response(status=302, headers={"Location": "file:///etc/passwd"})

    assert (await desk.fault("http", {"url": await serve(handler)})).code == "http_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://[::1]:1/",
        "http://0.0.0.0:1/",
        "http://2130706433:1/",
        "http://0x7f.1:1/",
        "http://[::ffff:127.0.0.1]:1/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
async def test_addresses_that_are_not_public_are_refused(url):
    async with HttpClient(StillClock()) as client:
        with pytest.raises(ActivityFault) as caught:
            await client.send(Request(url=url))
    assert caught.value.code == "http_refused"
    assert not caught.value.maybe_happened


async def test_a_host_allowed_for_one_request_is_not_allowed_for_the_next(serve):
    async def handler(request):
        return web.Response(text="here")

    url = await serve(handler)
    async with HttpClient(StillClock()) as client:
        allowed = await client.send(Request(url=url, allow=(url.removeprefix("http://"),)))
        assert allowed.body == b"here"
        with pytest.raises(ActivityFault, match="not a public address"):
            await client.send(Request(url=url))  # though a connection to it is open


async def test_a_name_that_points_elsewhere_the_second_time_opens_nothing(monkeypatch, serve):
    """DNS rebinding: the address that was checked is the address that is used."""
    reached = []

    async def handler(request):
        reached.append(1)
        return web.Response(text="inside")

    port = int((await serve(handler)).rpartition(":")[2])
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def resolve(host, port, **more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(answers)]

    monkeypatch.setattr(anyio, "getaddrinfo", resolve)
    async with HttpClient(StillClock()) as client:
        with pytest.raises(ActivityFault) as first:
            await client.send(Request(url=f"http://rebind.example:{port}/", timeout_ms=300))
        with pytest.raises(ActivityFault) as second:
            await client.send(Request(url=f"http://rebind.example:{port}/", timeout_ms=300))
    assert first.value.code in ("http_timeout", "http_connection")
    assert second.value.code == "http_refused"
    assert reached == []


@pytest.mark.parametrize(
    ("with_", "said"),
    [
        ({}, "`url` is missing"),
        ({"url": "ftp://example.com/"}, "not a web address"),
        ({"url": "example.com"}, "not a web address"),
        ({"url": "http://[bad"}, "cannot be read"),
        ({"url": "http://127.0.0.1/", "method": "BREW"}, "`method` BREW"),
        ({"url": "http://127.0.0.1/", "json": 1, "form": {}}, "one body"),
        ({"url": "http://127.0.0.1/", "headers": {"X": "a\r\nB: c"}}, "header X"),
        ({"url": "http://127.0.0.1/", "headers": {"Bad Name": "a"}}, "'Bad Name'"),
        ({"url": "http://127.0.0.1/", "headers": {"X": {"a": 1}}}, "`headers.X`"),
        ({"url": "http://127.0.0.1/", "accept": ["2xx"]}, "`accept`"),
        ({"url": "http://127.0.0.1/", "timeout": "soon"}, "`timeout`"),
        ({"url": "http://127.0.0.1/" + "a" * 9000}, "characters long"),
    ],
)
async def test_what_cannot_be_sent_is_told_before_anything_is(desk, with_, said):
    fault = await desk.fault("http", with_, effect="once")
    assert fault.code in ("input_invalid", "http_refused")
    assert said in fault.message
    assert not fault.retryable
    assert not fault.maybe_happened


async def test_many_requests_at_once_share_the_client(desk, serve):
    async def handler(request):
        return web.json_response(int(request.query["n"]))

    url = await serve(handler)
    outputs = []

    async def one(n):
        outputs.append((await desk.do("http", {"url": url, "query": {"n": n}})).output)

    async with anyio.create_task_group() as group:
        for n in range(50):
            group.start_soon(one, n)
    await until(lambda: sorted(outputs) == list(range(50)))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@example.com:8443/a/b?key=1#x", "https://example.com:8443/a/b"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://[bad", "a URL that cannot be read"),
    ],
)
async def test_shown_urls_hold_no_credentials(url, shown):
    assert shown_url(url) == shown


async def test_a_body_that_breaks_off_is_no_success(desk):
    async def break_off(stream):
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0) as listener:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, break_off)
            with_ = {"method": "POST", "url": f"http://127.0.0.1:{port}/"}
            fault = await desk.fault("http", with_, effect="once")
            group.cancel_scope.cancel()
    assert (fault.code, fault.maybe_happened) == ("http_connection", True)
    assert fault.detail == {"endpoint": f"127.0.0.1:{port}"}


async def test_a_request_with_an_effect_that_counts_once_never_rides_on_a_kept_connection(desk, serve):
    peers = []

    async def handler(request):
        peers.append(request.transport.get_extra_info("peername")[1])
        return web.Response()

    url = await serve(handler)
    for _ in range(2):
        await desk.do("http", {"url": url})
    for _ in range(2):
        await desk.do("http", {"method": "POST", "url": url}, effect="once")
    assert peers[0] == peers[1], "others share connections"
    assert len({*peers[1:]}) == 3


async def test_cookies_of_one_answer_are_never_sent_with_another_request(desk, serve):
    seen = []

    async def handler(request):
        seen.append(dict(request.cookies))
        return web.Response(headers={"Set-Cookie": "session=of-someone-else; Path=/"})

    url = await serve(handler)
    for _ in range(2):
        result = await desk.do("http", {"url": url})
    assert seen == [{}, {}]
    assert "set-cookie" not in result.receipt["headers"]


@pytest.mark.parametrize(
    "cut", [gzip.compress(b"x" * 1000)[:-9], zlib.compress(b"x" * 1000)[:-5]], ids=["gzip", "zlib"]
)
async def test_a_packed_body_that_breaks_off_is_no_success(desk, serve, cut):
    async def handler(request):
        encoding = "gzip" if cut[:2] == b"\x1f\x8b" else "deflate"
        return web.Response(body=cut, headers={"Content-Encoding": encoding})

    fault = await desk.fault("http", {"url": await serve(handler)})
    assert (fault.code, fault.retryable) == ("http_protocol", True)
    assert "broke off" in fault.message


async def test_a_packed_body_of_several_members_is_whole(desk, serve):
    async def handler(request):
        body = gzip.compress(b"first ") + gzip.compress(b"second")
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    assert (await desk.do("http", {"url": await serve(handler)})).output == "first second"


async def test_a_packing_that_was_not_asked_for_is_told(desk, serve):
    async def handler(request):
        return web.Response(body=b"x", headers={"Content-Encoding": "zstd"})

    assert "'zstd'" in (await desk.fault("http", {"url": await serve(handler)})).message


async def test_what_went_wrong_after_a_redirect_says_nothing_about_the_first_server(desk, serve):
    async def handler(request):
        if request.method == "POST":
            raise web.HTTPSeeOther("/gone")
        return web.Response(status=404)

    fault = await desk.fault("http", {"method": "POST", "url": await serve(handler)}, effect="once")
    assert fault.detail["status"] == 404
    assert fault.maybe_happened, "the POST was answered with a redirect: it was carried out"
