"""What just happened, pushed to open pages and to whoever waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from bot.sandbox.refusals import Json

# A page that falls this far behind has lost its connection; it reloads the state when it comes back.
BACKLOG_MAX = 5_000


class Feed:
    """Fans items out to listening people, and wakes everyone who waits for a change."""

    def __init__(self) -> None:
        self._listeners: list[tuple[str, MemoryObjectSendStream[Json]]] = []
        self._changed = anyio.Event()

    def publish(self, item: Json, *, only: frozenset[str] | None = None) -> None:
        """Push an item to the people of `only`, or to all."""
        for user_id, stream in tuple(self._listeners):
            if only is None or user_id in only:
                self._push(stream, item)
        self.touch()

    def touch(self) -> None:
        """Wake those who wait, without an item."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def change(self) -> None:
        """Return at the next change."""
        await self._changed.wait()

    @contextmanager
    def listening(self, user_id: str) -> Iterator[MemoryObjectReceiveStream[Json]]:
        send, receive = anyio.create_memory_object_stream[Json](BACKLOG_MAX)
        entry = (user_id, send)
        self._listeners.append(entry)
        try:
            with send, receive:
                yield receive
        finally:
            if entry in self._listeners:
                self._listeners.remove(entry)

    def _push(self, stream: MemoryObjectSendStream[Json], item: Json) -> None:
        try:
            stream.send_nowait(item)
        except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._listeners = [one for one in self._listeners if one[1] is not stream]
            stream.close()
