"""HTTP as the engine speaks it: bounded, guarded against private addresses, exact about what may have happened.

The only module that knows httpx. Each request resolves its host once and connects to an address that was checked, so a
name that points elsewhere a moment later (DNS rebinding) opens nothing.
"""

import re
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import anyio
import httpcore
import httpx

from engine.clock import Clock
from engine.faults import ActivityFault
from engine.guarded_network import GuardedNetwork, handed_on, not_listed
from engine.hosts import HostRules
from engine.unpacking import Unpacker
from store.model import Millis

BYTES_MAX = 8 * 1024 * 1024
REDIRECTS_MAX = 5
TIMEOUT_MS = 30_000
CONNECT_TIMEOUT_MS = 10_000
URL_LENGTH_MAX = 8_000
FILE_PIECE_BYTES = 256 * 1024
CONNECTIONS_MAX = 200
KEPT_CONNECTIONS_MAX = 50
KEPT_SECONDS = 15.0
RETRY_AFTER_MAX_MS = 7 * 24 * 3600 * 1000  # beyond a week a server is not asking to wait

# What a redirect to another origin may still carry: nothing the author wrote for the first one.
_SAFE_HEADERS = frozenset(
    {"accept", "accept-encoding", "content-length", "content-type", "host", "traceparent"}
    | {"transfer-encoding", "user-agent"}
)
_TELLS_NOTHING = frozenset(("GET", "HEAD"))  # a redirect of these carries no body
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `timeout_ms` covers all of it, redirects and body included."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | Path | None = None  # a file is read while it is sent
    timeout_ms: int = TIMEOUT_MS
    bytes_max: int = BYTES_MAX
    redirects_max: int = REDIRECTS_MAX
    allow: tuple[str, ...] = ()  # hosts allowed for this request, beside the operator's
    host_from: str = ""  # what in the data names the host: then no others than the allowed hosts are reached
    # A kept connection may be closed by the server at the very moment of sending; then nobody knows what it has read.
    fresh_connection: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer, whatever its status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    redirects: int = 0


@dataclass(slots=True)
class _Passage:
    """How far a request got: what makes a failure ambiguous or not."""

    sent: bool = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            self.sent = True


class HttpClient:
    """Sends requests. Use as `async with HttpClient(clock, allowed_hosts)`; safe for many tasks at once."""

    def __init__(self, clock: Clock, allowed_hosts: Iterable[str] = ()) -> None:
        self._clock = clock
        self._allowed = HostRules.of(allowed_hosts)
        # One pool for each set of rules: a connection that one set allowed is never reused under another.
        self._pools: dict[tuple[HostRules, bool], httpx.AsyncClient] = {}
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        pools, self._pools = self._pools, {}
        with anyio.CancelScope(shield=True):
            for pool in pools.values():
                await pool.aclose()

    async def send(self, request: Request) -> Response:
        """Send and read everything.

        Raises ActivityFault http_refused, http_connection, http_timeout, http_protocol, output_too_large or
        input_invalid; its `maybe_happened` is True when the request, or a part of it, had left this machine.
        """
        passage = _Passage()
        where = shown_url(request.url)
        try:
            with anyio.fail_after(request.timeout_ms / 1000):
                return await self._follow(request, passage)
        except ActivityFault as fault:
            fault.maybe_happened = fault.maybe_happened or passage.sent
            raise
        except (TimeoutError, httpcore.TimeoutException):
            doing = "did not answer" if passage.sent else "could not be reached"
            raise ActivityFault(
                "http_timeout",
                f"{request.method} {where} {doing} within {request.timeout_ms / 1000:g} s",
                maybe_happened=passage.sent,
            ) from None
        except httpcore.ConnectError as error:
            raise _no_connection(f"{request.method} {where}", error, passage) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise ActivityFault(
                "http_connection",
                f"{request.method} {where}: the connection broke: {str(error) or type(error).__name__}",
                maybe_happened=passage.sent,
            ) from error

    def retry_after_ms(self, headers: Mapping[str, str]) -> int | None:
        return retry_after_ms(headers, self._clock.now())

    async def _follow(self, request: Request, passage: _Passage) -> Response:
        """Send, and follow redirects; each hop is checked like the first request."""
        pool, rules = self._pool(request), self._rules(request)
        hop = _build(pool, request, passage)
        _require_listed(hop.url, request, rules)
        for redirects in range(request.redirects_max + 1):
            answer = await pool.send(hop, stream=True, follow_redirects=False)
            try:
                following = answer.next_request
                if following is None or request.redirects_max == 0:
                    body = await _read(answer, request.bytes_max)
                    return _response(answer, body, redirects)
            finally:
                with anyio.CancelScope(shield=True):
                    await answer.aclose()
            before, hop = hop.url.host, _next_hop(hop, following, passage)
            _require_listed(hop.url, request, rules)
            if hop.url.host != before and hop.method not in _TELLS_NOTHING and not rules.lists(*_place(hop.url)):
                raise handed_on(before, hop.method, hop.url.host)
        raise ActivityFault(
            "http_refused",
            f"{shown_url(request.url)} redirects more than {request.redirects_max} times",
            retryable=False,
        )

    def _rules(self, request: Request) -> HostRules:
        return HostRules.of((*self._allowed.entries, *request.allow)) if request.allow else self._allowed

    def _pool(self, request: Request) -> httpx.AsyncClient:
        rules = self._rules(request)
        pool = self._pools.get((rules, request.fresh_connection))
        if pool is None:
            self._tls = self._tls or httpx.create_ssl_context()
            pool = httpx.AsyncClient(
                transport=_GuardedTransport(rules, self._tls, 0 if request.fresh_connection else KEPT_CONNECTIONS_MAX),
                trust_env=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # nothing one run was told goes to another
                timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_MS / 1000),
                headers={"User-Agent": "pointsman", "Accept-Encoding": "gzip, deflate"},
            )
            self._pools[rules, request.fresh_connection] = pool
        return pool


class _GuardedTransport(httpx.AsyncBaseTransport):
    """httpx over a connection pool that connects to checked addresses only; proxies of the environment are not used."""

    def __init__(self, rules: HostRules, tls: ssl.SSLContext, kept_max: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=kept_max,
            keepalive_expiry=KEPT_SECONDS,
            network_backend=GuardedNetwork(rules),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


class _FileStream(httpx.AsyncByteStream):
    """A file, read piece by piece as it is sent; from its beginning each time, as a redirect may send it again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with await anyio.open_file(self._path, "rb") as file:
            while part := await file.read(FILE_PIECE_BYTES):
                yield part


def retry_after_ms(headers: Mapping[str, str], now: Millis) -> int | None:
    """How long the server asks to wait: seconds, or a date read by the server's own clock where it tells it."""
    precise = headers.get("retry-after-ms", "").strip()
    if precise.isdecimal():
        return min(int(precise), RETRY_AFTER_MAX_MS)
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.replace(".", "", 1).isdecimal():
        return min(round(float(text) * 1000), RETRY_AFTER_MAX_MS)
    until = _date_ms(text)
    if until is None:
        return None
    since = _date_ms(headers.get("date", "")) or now
    return min(max(until - since, 0), RETRY_AFTER_MAX_MS)


def shown_url(url: str) -> str:
    """A URL as messages and receipts may show it: without user, query and fragment, where credentials hide."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "a URL that cannot be read"
    host = parts.hostname or ""
    return urlunsplit((parts.scheme, f"[{host}]{port}" if ":" in host else f"{host}{port}", parts.path, "", ""))


def endpoint_of(url: str) -> str:
    """`host:port` as the author wrote it: what is down, or limits us, when a request fails."""
    return shown_url(url).split("://")[-1].split("/")[0]


def _build(pool: httpx.AsyncClient, request: Request, passage: _Passage) -> httpx.Request:
    if len(request.url) > URL_LENGTH_MAX:
        raise _bad_input(f"the URL is {len(request.url)} characters long; {URL_LENGTH_MAX} are allowed")
    try:
        urlsplit(request.url)  # stricter than httpx about brackets
        url = httpx.URL(request.url)
        if request.query:
            url = url.copy_merge_params(list(request.query))
    except (httpx.InvalidURL, ValueError) as error:
        raise _bad_input(f"the URL {shown_url(request.url)} cannot be read: {error}") from None
    _require_web(url)
    _require_headers(request.headers)
    try:
        headers, content = dict(request.headers), _content(request.body)
        if isinstance(request.body, Path):
            headers["Content-Length"] = str(request.body.stat().st_size)
        built = pool.build_request(request.method.upper(), url, headers=headers, content=content)
    except (UnicodeError, ValueError, TypeError) as error:
        raise _bad_input(f"the request cannot be built: {error}") from None
    built.extensions["trace"] = passage.trace
    return built


def _content(body: bytes | Path | None) -> bytes | _FileStream | None:
    return _FileStream(body) if isinstance(body, Path) else body


def _next_hop(before: httpx.Request, following: httpx.Request, passage: _Passage) -> httpx.Request:
    _require_web(following.url)
    if before.url.scheme == "https" and following.url.scheme == "http":
        raise ActivityFault(
            "http_refused",
            f"{shown_url(str(before.url))} redirects from https to http, which would show the request to everyone",
            retryable=False,
        )
    if _origin(before.url) != _origin(following.url):
        for name in [name for name in following.headers if name.lower() not in _SAFE_HEADERS]:
            del following.headers[name]
    following.extensions["trace"] = passage.trace
    return following


def _require_web(url: httpx.URL) -> None:
    if url.scheme not in _DEFAULT_PORTS or not url.host:
        raise ActivityFault(
            "http_refused",
            f"{shown_url(str(url))!r} is not a web address",
            retryable=False,
            hint="Write the whole URL, beginning with https:// or http://.",
        )


def _require_listed(url: httpx.URL, request: Request, rules: HostRules) -> None:
    """Raise ActivityFault when data names a host that the operator does not list."""
    if request.host_from and not rules.lists(*_place(url)):
        raise not_listed(url.host, request.host_from)


def _place(url: httpx.URL) -> tuple[str, int]:
    return url.host, url.port or _DEFAULT_PORTS[url.scheme]


def _require_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise _bad_input(f"{name!r} cannot be the name of a header")
        if not _HEADER_VALUE.fullmatch(value):
            raise _bad_input(f"the value of the header {name} holds a line break or a character that is not ASCII")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _DEFAULT_PORTS.get(url.scheme)


def _response(answer: httpx.Response, body: bytes, redirects: int) -> Response:
    headers: dict[str, str] = {}
    for name, value in answer.headers.multi_items():
        headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    return Response(
        status=answer.status_code, headers=headers, body=body, url=shown_url(str(answer.url)), redirects=redirects
    )


async def _read(answer: httpx.Response, bytes_max: int) -> bytes:
    """The decoded body, never holding more than the limit: a compressed bomb is stopped while it unfolds."""
    unpacker = Unpacker(answer.headers.get("content-encoding", ""))
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += unpacker.take(chunk, bytes_max + 1 - len(body))
        if len(body) > bytes_max:
            raise ActivityFault(
                "output_too_large",
                f"{shown_url(str(answer.url))} answered with more than {bytes_max} bytes",
                retryable=False,
                hint="Ask for less, for instance a page at a time.",
            )
    unpacker.finish()
    return bytes(body)


def _no_connection(what: str, error: Exception, passage: _Passage) -> ActivityFault:
    return ActivityFault(
        "http_connection",
        f"{what}: no connection: {str(error) or type(error).__name__}",
        maybe_happened=passage.sent,  # an earlier hop of a redirect may have got through
        hint="Is the service up, and is the address right?",
    )


def _bad_input(message: str) -> ActivityFault:
    return ActivityFault("input_invalid", message, retryable=False)


def _date_ms(text: str) -> Millis | None:
    try:
        date = parsedate_to_datetime(text)
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
