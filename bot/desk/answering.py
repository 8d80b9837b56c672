"""A reply to the place where its asker sees it: the surface they used, else a whisper, else a direct message.

Slack may take an answer and lose the news of it, and we may crash in between: an answer may come twice, never not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

import structlog

from bot.desk.bench import Bench
from bot.desk.looking import Looking
from bot.desk.picking import source_of
from bot.intake import Chosen, Clicked, Heard, Invited, OpenedHome, Posted, Said, Submitted
from bot.slack import SlackFault
from bot.views.digest_form import DIGEST_FORM
from bot.views.gate_buttons import gate_of
from bot.views.gate_words import digest_key, gate_key
from bot.views.home import home
from bot.views.reply import Reply
from bot.views.start_windows import WINDOWS, picked
from store import anchors
from store.model import Json
from store.receipts import Receipt

log = structlog.get_logger()

RESPONSE_URL_MS = 29 * 60_000  # Slack takes answers there for half an hour,
RESPONSE_URL_USES_MAX = 4  # and five times
BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "response_url_refused"}
)

Route: TypeAlias = Callable[[Reply], Awaitable[object]]


class Speaks(Protocol):
    """The part of the Slack client that answers."""

    async def whisper(
        self, channel: str, user: str, text: str, blocks: Sequence[Json] | None = None, thread_ts: str | None = None
    ) -> None: ...

    async def post(
        self, channel: str, text: str, blocks: Sequence[Json] | None = None, thread_ts: str | None = None
    ) -> str: ...

    async def respond(self, response_url: str, text: str, blocks: Sequence[Json] | None = None) -> None: ...

    async def publish_home(self, user: str, view: Json) -> None: ...

    async def open_dm(self, user: str) -> str: ...


class Answering:
    """Knows the ways to a person and takes the first that is open."""

    def __init__(self, slack: Speaks, bench: Bench, looking: Looking) -> None:
        self._slack = slack
        self._bench = bench
        self._looking = looking

    async def deliver(self, receipt: Receipt, heard: Heard, reply: Reply) -> None:
        """Answer. Raises a retryable SlackFault when Slack is to be asked again later."""
        if reply.text or reply.home:
            await self._take_one(await self._routes(receipt, heard, reply), receipt, heard, reply)

    async def tell_meanwhile(self, receipt: Receipt, heard: Heard, word: Reply) -> None:
        """Say that the answer will come. Home is not shown for that: it shows what is true, once that is known."""
        match heard:
            case OpenedHome() | Posted():
                routes: list[Route] = []
            case Clicked(container="home"):
                routes = [self._direct(heard.user)]
            case _:
                routes = await self._routes(receipt, heard, word)
        try:
            if routes:
                await self._take_one(routes, receipt, heard, word)
        except SlackFault as fault:
            log.info("answer.not_announced", receipt=receipt.key, error=fault.code)

    async def _take_one(self, routes: Sequence[Route], receipt: Receipt, heard: Heard, reply: Reply) -> None:
        for route in routes:
            try:
                await _taken(route, reply)
                return
            except SlackFault as fault:
                if fault.retryable:
                    raise
                log.info("answer.route_closed", receipt=receipt.key, error=fault.code)
        log.error("answer.undeliverable", receipt=receipt.key, user=heard.user)

    async def _routes(self, receipt: Receipt, heard: Heard, reply: Reply) -> list[Route]:
        direct = self._direct(heard.user)
        match heard:
            case OpenedHome():
                return [self._home(heard.user)]
            case Invited():
                return []
            case Clicked(container="home"):
                return [self._home(heard.user), direct]
            case Submitted(callback_id=callback) if callback in WINDOWS:
                return [*await self._where_chosen(heard), direct]
            case Submitted():
                return [*await self._beside_card(heard), direct]
            case Chosen():
                return [*self._url(receipt, heard), direct]
            case Posted(message=message):
                return [self._whisper(message.channel, heard.user, message.thread_ts or None)]
            case Clicked() if heard.thread_ts:
                # A response URL answers in the channel; who clicked in a thread looks at the thread.
                return [self._whisper(heard.channel, heard.user, heard.thread_ts), *self._url(receipt, heard), direct]
            case Clicked():
                return [*self._url(receipt, heard), self._whisper(heard.channel, heard.user, None), direct]
            case Said(surface="dm"):
                return [self._post(heard.channel, heard.thread_ts or None), direct]
            case Said(surface="mention") if reply.public:
                return [self._post(heard.channel, heard.thread_ts or heard.ts), direct]
            case Said():
                thread = heard.thread_ts or None
                return [*self._url(receipt, heard), self._whisper(heard.channel, heard.user, thread), direct]

    def _url(self, receipt: Receipt, heard: Said | Clicked | Chosen) -> list[Route]:
        young = self._bench.now() - receipt.received_at < RESPONSE_URL_MS
        if not heard.response_url or not young or receipt.tries >= RESPONSE_URL_USES_MAX:
            return []
        return [lambda reply: self._slack.respond(heard.response_url, reply.text, _blocks(reply))]

    def _whisper(self, channel: str, user: str, thread_ts: str | None) -> Route:
        return lambda reply: self._slack.whisper(channel, user, reply.text, _blocks(reply), thread_ts)

    def _post(self, channel: str, thread_ts: str | None) -> Route:
        return lambda reply: self._slack.post(channel, reply.text, _blocks(reply), thread_ts)

    def _direct(self, user: str) -> Route:
        async def direct(reply: Reply) -> None:
            await self._slack.post(await self._slack.open_dm(user), reply.text, _blocks(reply))

        return direct

    def _home(self, user: str) -> Route:
        async def show(reply: Reply) -> None:
            facts = await self._looking.home(user, reply.text)
            await self._slack.publish_home(user, home(facts, self._bench.now()))

        return show

    async def _where_chosen(self, submitted: Submitted) -> list[Route]:
        """Where the message stands whose menu the window came from; nowhere for a shortcut that is about none."""
        state = picked(submitted.private_metadata)
        source = None if state is None else await source_of(self._bench, state, submitted.user)
        if source is None or source[1].message is None:
            return []
        receipt, chosen = source
        message = source[1].message
        whisper = self._whisper(message.channel, submitted.user, message.thread_ts or None)
        url = self._url(receipt, chosen)
        return [whisper, *url] if message.thread_ts else [*url, whisper]

    async def _card_of(self, submitted: Submitted) -> str:
        """The key of the card at which a form was opened."""
        about = gate_of(submitted.private_metadata)
        if submitted.callback_id == DIGEST_FORM:
            return digest_key(about)
        found = await self._bench.engine.resolve_gate(about)
        gate = found[1].gate if found else None
        if found is None or gate is None or gate.id != about:
            return gate_key(about)
        return await self._bench.card_key(found[0], gate)

    async def _beside_card(self, submitted: Submitted) -> list[Route]:
        key = await self._card_of(submitted)
        card = await self._bench.engine.database.read(lambda tx: anchors.of(tx, key))
        return [self._whisper(card.channel, submitted.user, card.thread_ts)] if card is not None else []


async def _taken(route: Route, reply: Reply) -> None:
    """Take a route; what Slack does not like about the blocks is said again in plain text."""
    try:
        await route(reply)
    except SlackFault as fault:
        if fault.code not in BLOCKS_REFUSED or not reply.blocks:
            raise
        log.error("answer.blocks_refused", error=fault.code)
        await route(replace(reply, blocks=()))


def _blocks(reply: Reply) -> list[Mapping[str, Json]] | None:
    return list(reply.blocks) or None
