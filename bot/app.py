"""The Bolt app: what Slack delivers is on disk before it is acknowledged; everything else is the desk's.

One middleware hears everything. When it cannot write the receipt nothing is acknowledged as carried out: Slack sends
events again, and people are told. The listeners only acknowledge.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from bot import intake
from bot.capabilities import Capabilities
from bot.desk.worker import Worker
from bot.intake import Chosen, Clicked, Ourselves, Submitted
from bot.slack import Slack
from bot.twins import Twins
from bot.unrecorded import Unrecorded
from bot.views.gate_buttons import OPENS_FORM
from bot.views.run_again import OPENS_FORM as OPENS_RETRY_FORM
from bot.views.start_windows import FORM
from engine.api import Engine
from store.faults import StoreFault
from store.model import Json, Millis
from store.receipts import Receipt

log = structlog.get_logger()

ANYTHING = re.compile(r".*", re.DOTALL)
URGENT = OPENS_FORM | OPENS_RETRY_FORM  # a trigger lives for three seconds
KIND_MAX = 40  # characters in the log: a kind is a word, and this may be anything
CLEAR: Json = {"response_action": "clear"}  # the windows below the last one are done with as well

Spawn = Callable[[Receipt], None]
"""Have a held receipt served at once, beside whatever else goes on."""


class NotHeard(Exception):
    """Something of ours broke before a delivery was on disk: it must come again."""


class Hearing:
    """Writes a receipt for everything that is meant for us."""

    def __init__(
        self,
        engine: Engine,
        worker: Worker,
        ourselves: Ourselves,
        unrecorded: Unrecorded,
        at_once: Spawn,
        capabilities: Capabilities | None = None,
    ) -> None:
        self.last_heard_at: Millis | None = None
        self._engine = engine
        self._worker = worker
        self._ourselves = ourselves
        self._unrecorded = unrecorded
        self._at_once = at_once
        self._twins = Twins(capabilities or Capabilities(), worker.listens_in)

    async def hear(self, body: Mapping[str, Any], next: Callable[[], Awaitable[Any]]) -> BoltResponse | None:
        """Bolt's middleware. Gives the answer itself when the receipt could not be written."""
        now = self._engine.clock.now()
        self.last_heard_at = now
        self._twins.note(body, now)
        if body.get("type") == "block_suggestion":
            return BoltResponse(status=200, body={"options": await self._options(body)})
        receipt = self._receipt(body, now)
        if receipt is not None:
            try:
                if not await self._worker.concerns(intake.heard(receipt)):
                    await next()
                    return None
                complaint = await self._complaint(receipt)
                if complaint is not None:
                    return complaint
                await self._receive(receipt)
            except StoreFault as fault:
                return await self._unrecorded.answer(receipt, fault)
            if receipt.payload.get("callback_id") == FORM:
                return BoltResponse(status=200, body=CLEAR)
            following = await self._following(receipt)
            if following is not None:
                return following
        await next()
        return None

    async def _options(self, body: Mapping[str, Any]) -> list[Json]:
        """What one of our menus offers; nothing is put down, as nothing is asked for."""
        view, user = body.get("view"), body.get("user")
        metadata = str(view.get("private_metadata") or "") if isinstance(view, Mapping) else ""
        asking = str(user.get("id") or "") if isinstance(user, Mapping) else ""
        try:
            return await self._worker.options(asking, str(body.get("value") or ""), metadata)
        except StoreFault as fault:
            log.warning("options.unreadable", error=type(fault).__name__)
            return []

    async def _complaint(self, receipt: Receipt) -> BoltResponse | None:
        """The answer to a form that is not filled in as it should be: it stays open, and nothing was received."""
        heard = intake.heard(receipt)
        if not isinstance(heard, Submitted):
            return None
        found = await self._worker.complaint(heard)
        return None if found is None else BoltResponse(status=200, body=found)

    async def _following(self, receipt: Receipt) -> BoltResponse | None:
        """The next page of a form of several, in the place of the one that was received."""
        heard = intake.heard(receipt)
        view = await self._worker.onward(heard) if isinstance(heard, Submitted) else None
        return None if view is None else BoltResponse(status=200, body={"response_action": "update", "view": view})

    def _receipt(self, body: Mapping[str, Any], now: Millis) -> Receipt | None:
        try:
            return intake.receipt(body, self._ourselves, now)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            # Coming again would not help. The body stays out of the log: it may hold anything.
            log.exception("payload.unreadable", kind=_kind(body))
            return None

    async def _receive(self, receipt: Receipt) -> None:
        urgent = _is_urgent(receipt) and self._worker.hold(receipt.key)
        try:
            fresh = await self._engine.receive(receipt)
        except BaseException:
            if urgent:
                self._worker.release(receipt.key)
            raise
        if not fresh:
            log.info("receipt.repeated", receipt=receipt.key)
        if urgent and fresh:
            self._at_once(receipt)
        elif urgent:
            self._worker.release(receipt.key)


def bolt_app(slack: Slack, hearing: Hearing) -> AsyncApp:
    """Bolt with everything given explicitly: it reads nothing from the environment and asks Slack nothing."""
    # Bolt builds debug texts of whole bodies for every request unless the logger's own level says otherwise.
    logger = logging.getLogger("pointsman.bolt")
    logger.setLevel(logging.ERROR)  # it warns that the client's token is not used to find out who we are: so we wish
    app = AsyncApp(
        name="pointsman",
        logger=logger,
        client=slack.web,
        authorize=_authorize(slack),
        signing_secret="",
        request_verification_enabled=False,  # sockets are authenticated; the HTTP door verifies before Bolt is asked
        process_before_response=True,
    )
    logger.setLevel(logging.WARNING)

    async def hear(body: Mapping[str, Any], next: Callable[[], Awaitable[Any]]) -> BoltResponse | None:
        try:
            return await hearing.hear(body, next)
        except Exception as error:
            raise NotHeard from error

    app.use(hear)
    app.error(_broken)
    for register in (app.event, app.command, app.action, app.view_submission, app.view_closed, app.shortcut):
        register(ANYTHING)(_acknowledge)
    app.options(ANYTHING)(_no_options)
    return app


def ourselves_of(slack: Slack) -> Ourselves:
    return Ourselves(slack.me.app_id, slack.me.bot_user_id, slack.me.bot_id)


def _authorize(slack: Slack) -> Callable[..., Awaitable[AuthorizeResult]]:
    """Who we are was asked once, at the start."""
    me = slack.me
    result = AuthorizeResult(
        enterprise_id=me.enterprise_id,
        team_id=me.team_id,
        url=me.team_url,
        bot_user_id=me.bot_user_id,
        bot_id=me.bot_id,
        bot_token=slack.web.token,
        bot_scopes=sorted(me.scopes),
    )

    async def authorize(**context: Any) -> AuthorizeResult:
        return result

    return authorize


def _is_urgent(receipt: Receipt) -> bool:
    heard = receipt.payload
    if heard["heard"] == Chosen.__name__:
        return True
    return bool(heard["heard"] == Clicked.__name__ and heard["action_id"] in URGENT)


async def _acknowledge(ack: Callable[[], Awaitable[Any]]) -> None:
    await ack()


async def _broken(error: Exception, body: Mapping[str, Any]) -> BoltResponse:
    """What we could not hear comes again; what Bolt cannot sort has been heard, if there was anything to hear."""
    if not isinstance(error, NotHeard):
        return unreadable(body, error)
    log.error("payload.not_heard", kind=_kind(body), exc_info=error.__cause__)
    return BoltResponse(status=500)


def unreadable(body: Mapping[str, Any], error: Exception) -> BoltResponse:
    """Acknowledges what is not made as Slack makes it: coming again would not help.

    Neither the body nor what the error says of it goes to the log: they may hold anything.
    """
    log.warning("payload.unreadable", kind=_kind(body), error=type(error).__name__)
    return BoltResponse(status=200)


def _kind(body: Mapping[str, Any]) -> str:
    return str(body.get("type"))[:KIND_MAX]


async def _no_options(ack: Callable[..., Awaitable[Any]]) -> None:
    await ack(options=[])
