"""What is said when a delivery cannot be written down: the person learns it at once, and nothing passes for done.

Events are not acknowledged, so that Slack sends them again. Commands, clicks and forms never come again by themselves,
and the database cannot keep their answer, so it is given in the moment.
"""

from __future__ import annotations

from typing import Protocol

import anyio
import structlog
from slack_bolt.response import BoltResponse

from bot import intake
from bot.intake import Chosen, Clicked, Said, Submitted
from bot.slack import SlackFault
from engine.clock import Clock
from store.faults import StoreFault, StoreFull
from store.model import Millis
from store.receipts import Receipt

log = structlog.get_logger()

LOG_EVERY_MS = 60_000
SAY_SECONDS = 2.0  # Slack shows its own error after three
FULL = (
    "I could not record that: the disk is full. Nothing was changed. Try again when somebody who runs me has freed "
    "some space."
)
BROKEN = "I could not record that: my database cannot be written. Nothing was changed. Try again in a few minutes."


class Speaks(Protocol):
    """The part of the Slack client that reaches one person."""

    async def respond(self, response_url: str, text: str) -> None: ...

    async def whisper(self, channel: str, user: str, text: str, *, thread_ts: str | None = None) -> None: ...

    async def post(self, channel: str, text: str) -> str: ...

    async def open_dm(self, user: str) -> str: ...


class Unrecorded:
    """Answers what could not be kept, and puts one line a minute into the log."""

    def __init__(self, slack: Speaks, clock: Clock) -> None:
        self._slack = slack
        self._clock = clock
        self._logged_at: Millis | None = None
        self._unlogged = 0

    async def answer(self, receipt: Receipt, fault: StoreFault) -> BoltResponse:
        """The answer to Slack. Only an answer that itself says "not recorded" is an acknowledgement."""
        self._log(fault)
        text = FULL if isinstance(fault, StoreFull) else BROKEN
        match intake.heard(receipt):
            case Said(surface="slash"):
                return BoltResponse(status=200, body={"response_type": "ephemeral", "text": text})
            case Submitted(values=values) if values:
                # The form stays open with everything that was typed.
                return BoltResponse(
                    status=200, body={"response_action": "errors", "errors": dict.fromkeys([next(iter(values))], text)}
                )
            case (Clicked() | Chosen()) as gesture:
                await self._tell(gesture, text)
        return BoltResponse(status=503)

    async def _tell(self, clicked: Clicked | Chosen, text: str) -> None:
        with anyio.move_on_after(SAY_SECONDS):
            try:
                if isinstance(clicked, Clicked) and clicked.thread_ts:
                    await self._slack.whisper(clicked.channel, clicked.user, text, thread_ts=clicked.thread_ts)
                elif clicked.response_url:
                    await self._slack.respond(clicked.response_url, text)
                else:
                    await self._slack.post(await self._slack.open_dm(clicked.user), text)
            except SlackFault as fault:
                log.info("answer.route_closed", error=fault.code)

    def _log(self, fault: StoreFault) -> None:
        now = self._clock.now()
        if self._logged_at is not None and now - self._logged_at < LOG_EVERY_MS:
            self._unlogged += 1
            return
        log.error("receipt.not_written", why=fault.message, hint=fault.hint, more_since_the_last_line=self._unlogged)
        self._logged_at, self._unlogged = now, 0
