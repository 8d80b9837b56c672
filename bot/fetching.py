"""Brings files from Slack into the content folder, piece by piece, hashed on the way.

It is done while a receipt is carried out. A crash in between leaves a half that nobody refers to; the receipt is taken
up again, and the file is fetched once more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import anyio
import structlog

from bot.attached import Attached, NotTaken, Obstacle, attached, obstacle_of, refused, too_large
from bot.slack import Me, SlackFault
from engine.clock import Clock
from engine.handed_in import received
from store.arrivals import FileNotWhole, FileTooLarge
from store.content import ContentFolder
from store.model import Json

log = structlog.get_logger()

TRIES_MAX = 4
AGAIN_MS = 1_500  # and twice as long each time
LEAST_SECONDS = 60.0
BYTES_PER_SECOND_MIN = 500_000  # slower than that is given up


class HandsOver(Protocol):
    """The part of the Slack client that gives files."""

    me: Me

    async def read(self, method: str, **arguments: Any) -> Mapping[str, Any]: ...

    def download(self, url: str, media_type: str) -> AbstractAsyncContextManager[AsyncIterator[bytes]]: ...


class Fetching:
    """Fetches files that people have in Slack."""

    def __init__(self, slack: HandsOver, content: ContentFolder, clock: Clock) -> None:
        self._slack = slack
        self._content = content
        self._clock = clock

    async def fetch(self, one: Attached, user: str, channel: str) -> Json:
        """The file as an input says it, once its bytes are on disk.

        Raises NotTaken when it cannot be had, a retryable SlackFault when Slack is to be asked again much later, and
        StoreFault when it cannot be written here.
        """
        large = too_large(one)
        if large is not None:
            raise NotTaken(one.name, large)
        for tried in range(1, TRIES_MAX + 1):
            try:
                return await self._once(one, user, channel)
            except _NotNow as trouble:
                if tried == TRIES_MAX:
                    raise NotTaken(trouble.name or one.name, trouble.obstacle) from None
                await self._wait(AGAIN_MS << (tried - 1))
        raise AssertionError("unreachable")

    async def files_of(self, channel: str, ts: str, thread_ts: str = "") -> tuple[Attached, ...]:
        """The files of a message; none when it has none, or when we may not read there."""
        window = {"channel": channel, "latest": ts, "oldest": ts, "inclusive": True, "limit": 2}
        try:
            if thread_ts and thread_ts != ts:
                answer = await self._slack.read("conversations.replies", ts=thread_ts, **window)
            else:
                answer = await self._slack.read("conversations.history", **window)
        except SlackFault as fault:
            log.info("files.not_looked_at", channel=channel, error=fault.code)
            return ()
        found = [one for one in answer.get("messages") or () if isinstance(one, Mapping) and one.get("ts") == ts]
        return attached(found[0].get("files")) if found else ()

    async def _once(self, one: Attached, user: str, channel: str) -> Json:
        record = await self._record(one)
        name = str(record.get("name") or record.get("title") or one.name)
        found = obstacle_of(record, user, channel, self._team(), theirs=not one.linked)
        if found is not None:
            raise _NotNow(name, found) if found.passes else NotTaken(name, found)
        media, size = str(record.get("mimetype") or ""), int(record["size"])
        try:
            with anyio.fail_after(LEAST_SECONDS + size / BYTES_PER_SECOND_MIN):
                async with self._slack.download(str(record["url_private_download"]), media) as parts:
                    taken = await received(self._content, parts, name, media, size=size)
        except TimeoutError:
            raise _NotNow(name, Obstacle("Slack took too long to hand it over", "Try again later.")) from None
        except FileTooLarge as fault:
            raise NotTaken(name, Obstacle(_bare(fault.message), fault.hint)) from None
        except FileNotWhole as fault:
            raise _NotNow(name, Obstacle(_bare(fault.message), fault.hint)) from None
        except SlackFault as fault:
            found = refused(fault.code)
            raise (_NotNow(name, found) if fault.retryable else NotTaken(name, found)) from None
        log.info("file.fetched", file=one.id, bytes=size)
        return taken

    async def _record(self, one: Attached) -> Mapping[str, Any]:
        try:
            answer = await self._slack.read("files.info", file=one.id)
        except SlackFault as fault:
            if fault.retryable:
                raise
            raise NotTaken(one.name, refused(fault.code)) from None
        record = answer.get("file")
        return record if isinstance(record, Mapping) else {}

    def _team(self) -> str:
        """Whose files are ours; in an organisation of many workspaces Slack itself sees to that."""
        return "" if self._slack.me.enterprise_id else self._slack.me.team_id

    async def _wait(self, wait_ms: int) -> None:
        until = self._clock.now() + wait_ms
        while self._clock.now() < until:
            await self._clock.wait(anyio.Event(), until)


class _NotNow(Exception):
    """It may go better in a moment."""

    def __init__(self, name: str, obstacle: Obstacle) -> None:
        super().__init__(obstacle.why)
        self.name = name
        self.obstacle = obstacle


def _bare(message: str) -> str:
    """`brief.pdf is too large: it has …` without the name, which the sentence around it says."""
    return message.partition(": ")[2].rstrip(".") or message.rstrip(".")
