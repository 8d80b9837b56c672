"""The one Slack client: one session with our own timeouts, one try a call, and faults instead of surprises.

Whoever posts and edits a run's messages does so through the sender, which paces, repeats and heals. What is said here
directly (answers that only one person sees, dialogs, the Home tab) is said once.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import anyio
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.capabilities import Capabilities
from bot.pacing import Pacing
from bot.views.markup import escape
from engine.clock import Clock
from engine.faults import Fault
from store.model import Json, Millis

log = structlog.get_logger()

TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
DOWNLOAD_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=5, sock_read=30)  # whoever asks bounds the whole
DOWNLOAD_PIECE_BYTES = 256 * 1024
READ_TRIES_MAX = 3
READ_WAIT_MAX_MS = 10_000  # a read that Slack puts off for longer fails, and whoever asked says so
DMS_REMEMBERED_MAX = 5_000

# Methods that take a JSON body; all others want a form.
_JSON_METHODS = ("chat.", "views.")
_TEMPORARY = frozenset({"ratelimited", "rate_limited", "service_unavailable", "request_timeout", "team_added_to_org"})
_UNCLEAR = frozenset({"internal_error", "fatal_error"})


class SlackFault(Fault):
    """Slack said no, or nothing. `code` is its own word, or "connection", "timeout", "http_status".

    `lost` means that nobody knows whether the call was carried out.
    """

    def __init__(self, code: str, *, retryable: bool, retry_after_ms: int | None = None, lost: bool = False) -> None:
        super().__init__(code, f"Slack: {code}", retryable=retryable, retry_after_ms=retry_after_ms)
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Me:
    """Who we are in Slack, from the one auth.test at the start."""

    app_id: str
    team_id: str
    team_url: str
    enterprise_id: str | None
    bot_user_id: str
    bot_id: str
    scopes: frozenset[str]
    name: str = ""  # what people call us, without the @

    def permalink(self, channel: str, ts: str, thread_ts: str | None = None) -> str:
        """The address of a message."""
        address = f"{self.team_url}archives/{channel}/p{ts.replace('.', '')}"
        return f"{address}?thread_ts={thread_ts}&cid={channel}" if thread_ts and thread_ts != ts else address


@asynccontextmanager
async def connected(
    token: str, *, api_url: str, clock: Clock, redact: Callable[[str], str] = str
) -> AsyncIterator[Slack]:
    """A client for as long as the block lasts. Raises SlackFault when Slack does not accept the token."""
    # The SDK decides by the logger's own level whether to write whole bodies, secrets included, at debug level.
    quiet = logging.getLogger("pointsman.slack")
    quiet.setLevel(logging.INFO)
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        web = AsyncWebClient(
            token=token, base_url=api_url, timeout=15, session=session, logger=quiet, retry_handlers=[]
        )
        slack = Slack(web, session, clock, redact)
        slack.me = await _introduce(slack)
        yield slack


class Slack:
    """What we ask of Slack. Every method raises SlackFault."""

    me: Me

    def __init__(
        self, web: AsyncWebClient, session: aiohttp.ClientSession, clock: Clock, redact: Callable[[str], str]
    ) -> None:
        self.web = web
        self.pacing = Pacing()
        self.capabilities = Capabilities()
        self.headers: Mapping[str, str] = {}  # of the latest answer
        self._session = session
        self._clock = clock
        self._redact = redact
        self._direct: dict[str, str] = {}

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """One call, tried once; arguments that are None are left out."""
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            if method.startswith(_JSON_METHODS):
                answer = await self.web.api_call(method, json=given)
            else:
                answer = await self.web.api_call(method, data=_form(given))
        except SlackApiError as error:
            raise _refused(error) from None
        except TimeoutError as error:
            raise SlackFault(
                "timeout", retryable=True, lost=not isinstance(error, aiohttp.ConnectionTimeoutError)
            ) from None
        except aiohttp.ClientConnectorError:
            raise SlackFault("connection", retryable=True) from None
        except aiohttp.ClientError:
            raise SlackFault("connection", retryable=True, lost=True) from None
        self.headers = answer.headers
        data = answer.data
        if not isinstance(data, dict):
            raise SlackFault("http_status", retryable=True, lost=True)
        return data

    async def read(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """A call that changes nothing, repeated a few times when the connection or Slack's patience fails."""
        for tried in range(1, READ_TRIES_MAX + 1):
            try:
                return await self.call(method, **arguments)
            except SlackFault as fault:
                wait_ms = fault.retry_after_ms or 250 * tried
                if not fault.retryable or tried == READ_TRIES_MAX or wait_ms > READ_WAIT_MAX_MS:
                    raise
                until = self._clock.now() + wait_ms
                while self._clock.now() < until:
                    await self._clock.wait(anyio.Event(), until)
        raise AssertionError("unreachable")

    # What only one person sees, and answers outside any run. --------------------------------------------------------

    async def whisper(
        self, channel: str, user: str, text: str, blocks: Sequence[Json] | None = None, thread_ts: str | None = None
    ) -> None:
        """Say something in a channel that only this person sees."""
        await self.call(
            "chat.postEphemeral", channel=channel, user=user, thread_ts=thread_ts, **self._said(text, blocks)
        )

    async def post(
        self, channel: str, text: str, blocks: Sequence[Json] | None = None, thread_ts: str | None = None
    ) -> str:
        """Say something that no run keeps up to date; gives its ts. Counts against the channel's pace."""
        self.pacing.posted(channel, self._clock.now())
        plain = {"unfurl_links": False, "unfurl_media": False}
        answer = await self.call(
            "chat.postMessage", channel=channel, thread_ts=thread_ts, **plain, **self._said(text, blocks)
        )
        return str(answer["ts"])

    async def respond(self, response_url: str, text: str, blocks: Sequence[Json] | None = None) -> None:
        """Answer a command or click where it was made, for that person alone."""
        body = {"response_type": "ephemeral", "replace_original": False, **self._said(text, blocks)}
        try:
            async with self._session.post(response_url, json=body) as answer:
                if answer.status == 429:
                    raise SlackFault("ratelimited", retryable=True, retry_after_ms=_retry_after(answer.headers))
                if answer.status >= 400:
                    raise SlackFault("response_url_refused", retryable=answer.status >= 500)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SlackFault("connection", retryable=True, lost=True) from error

    async def open_view(self, trigger_id: str, view: Json) -> str:
        """Open a dialog, at once: the trigger lives for three seconds. Gives the view's id."""
        answer = await self.call("views.open", trigger_id=trigger_id, view=self.clean(view))
        return str(answer["view"]["id"])

    @asynccontextmanager
    async def download(self, url: str, media_type: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes of a file as they come. Our token is shown to Slack alone, and a page to sign in is no file."""
        if not _is_slacks(url, self.web.base_url):
            raise SlackFault("not_in_slack", retryable=False)
        headers = {"Authorization": f"Bearer {self.web.token}", "Accept-Encoding": "identity"}
        asked = self._session.get(url, headers=headers, allow_redirects=False, timeout=DOWNLOAD_TIMEOUT)
        try:
            async with asked as answer:
                _require_file(answer, media_type)
                yield answer.content.iter_chunked(DOWNLOAD_PIECE_BYTES)
        except (aiohttp.ClientError, TimeoutError):
            raise SlackFault("connection", retryable=True) from None

    async def update_view(self, view_id: str, view: Json) -> None:
        """Show something else in a dialog that is open."""
        await self.call("views.update", view_id=view_id, view=self.clean(view))

    async def publish_home(self, user: str, view: Json) -> None:
        await self.call("views.publish", user_id=user, view=self.clean(view))

    async def open_dm(self, user: str) -> str:
        """The id of our direct messages with a person."""
        known = self._direct.get(user)
        if known is not None:
            return known
        answer = await self.call("conversations.open", users=user)
        while len(self._direct) >= DMS_REMEMBERED_MAX:
            del self._direct[next(iter(self._direct))]
        self._direct[user] = str(answer["channel"]["id"])
        return self._direct[user]

    def clean(self, value: Json) -> Json:
        """The value without secrets; no text gets longer by it, so that it keeps within its limit."""
        if isinstance(value, str):
            return self._cleaned(value)[: len(value)]
        if isinstance(value, dict):
            return {name: self.clean(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(part) for part in value]
        return value

    def _cleaned(self, text: str) -> str:
        plain = unescape(self._redact(text))
        # A secret with & or < in it stands escaped in markup, where its value alone would not be found.
        return self._redact(text) if self._redact(plain) == plain else escape(self._redact(plain))

    def _said(self, text: str, blocks: Sequence[Json] | None) -> dict[str, Json]:
        said: dict[str, Json] = {"text": self.clean(text)}
        return {**said, "blocks": self.clean(list(blocks))} if blocks else said


async def _introduce(slack: Slack) -> Me:
    """Ask who we are, and check the token by it."""
    who = await slack.read("auth.test")
    scopes = frozenset(scope.strip() for scope in slack.headers.get("x-oauth-scopes", "").split(",") if scope.strip())
    return Me(
        app_id=str(who.get("app_id") or await _app_id(slack, str(who.get("bot_id", "")))),
        team_id=str(who["team_id"]),
        team_url=f"{str(who.get('url', '')).rstrip('/')}/",
        enterprise_id=who.get("enterprise_id"),
        bot_user_id=str(who["user_id"]),
        bot_id=str(who.get("bot_id", "")),
        scopes=scopes,
        name=str(who.get("user") or ""),
    )


async def _app_id(slack: Slack, bot_id: str) -> str:
    """Our app's id, which auth.test does not tell; empty when Slack will not say."""
    try:
        return str((await slack.read("bots.info", bot=bot_id))["bot"]["app_id"])
    except SlackFault as fault:
        consequence = "Clicks are told from those of other apps by the message alone."
        slack.capabilities.note("bots.info", fault.code, consequence)
        return ""


def _form(arguments: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else str(value)
        for name, value in arguments.items()
    }


def _refused(error: SlackApiError) -> SlackFault:
    response = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    data = getattr(response, "data", None)
    code = str(data.get("error") or "") if isinstance(data, dict) else ""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return SlackFault("ratelimited", retryable=True, retry_after_ms=_retry_after(response.headers))
    if not code or status >= 500:
        return SlackFault(code or "http_status", retryable=True, lost=True)
    return SlackFault(code, retryable=code in _TEMPORARY | _UNCLEAR, lost=code in _UNCLEAR)


def _is_slacks(url: str, api_url: str) -> bool:
    """Whether an address belongs to the Slack that we talk to."""
    where, api = urlsplit(url), urlsplit(api_url)
    if (where.scheme, where.netloc) == (api.scheme, api.netloc):
        return True
    host = f".{(where.hostname or '').lower()}"
    return where.scheme == "https" and host.endswith((".slack.com", ".slack-gov.com", ".slack-edge.com"))


def _require_file(answer: aiohttp.ClientResponse, media_type: str) -> None:
    """Raise SlackFault when this is not the file: who may not see it is sent to a page where one signs in."""
    if answer.status == 429:
        raise SlackFault("ratelimited", retryable=True, retry_after_ms=_retry_after(answer.headers))
    if answer.status >= 500:
        raise SlackFault("http_status", retryable=True)
    if answer.status == 404:
        raise SlackFault("file_not_found", retryable=False)
    if answer.status != 200 or (answer.content_type == "text/html" and media_type != "text/html"):
        raise SlackFault("not_visible", retryable=False)


def _retry_after(headers: Mapping[str, str]) -> Millis:
    given = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return max(1, int(given)) * 1_000 if given.isdigit() else 1_000
