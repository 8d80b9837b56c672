"""Unpacking what servers send packed, a piece at a time: a compressed bomb must not unfold in memory."""

import zlib
from collections.abc import Iterator
from typing import Any

from engine.faults import ActivityFault

_GZIP = zlib.MAX_WBITS | 16
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS


class Unpacker:
    """Turns chunks as they come into chunks as they are meant. `encoding` is the Content-Encoding."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise _broken(f"the answer is packed as {self._encoding!r}, which was not asked for")
        self._packed: Any = None

    def take(self, chunk: bytes, room: int) -> bytes:
        """What the chunk holds, at most `room` bytes of it; what is beyond is lost, so stop there."""
        if self._encoding in ("", "identity") or not chunk:
            return chunk[:room]
        unpacked = b""
        try:
            while chunk and room > len(unpacked):
                if self._packed is None or self._packed.eof:  # gzip may hold several members, one after the other
                    self._packed = zlib.decompressobj(self._window(chunk))
                unpacked += self._packed.decompress(chunk, room - len(unpacked))
                chunk = self._packed.unused_data
        except zlib.error as error:
            raise _broken(f"the answer cannot be unpacked: {error}") from error
        return unpacked

    def pieces(self, chunk: bytes, most: int) -> Iterator[bytes]:
        """What the chunk holds, all of it, in pieces of at most so many bytes."""
        if self._encoding in ("", "identity"):
            yield chunk
            return
        try:
            while chunk:
                if self._packed is None or self._packed.eof:
                    self._packed = zlib.decompressobj(self._window(chunk))
                yield self._packed.decompress(chunk, most)
                while self._packed.unconsumed_tail:
                    yield self._packed.decompress(self._packed.unconsumed_tail, most)
                chunk = self._packed.unused_data
        except zlib.error as error:
            raise _broken(f"the answer cannot be unpacked: {error}") from error

    def finish(self) -> None:
        """The body is over: raise when its packing is not, since half an answer must not pass for a whole one."""
        if self._packed is not None and not self._packed.eof:
            raise _broken("the answer broke off: its packing has no end")

    def _window(self, chunk: bytes) -> int:
        if self._encoding != "deflate":
            return _GZIP
        # `deflate` means zlib to the standard and raw deflate to some servers: the first byte tells.
        return _ZLIB if chunk[0] & 0x0F == 8 else _RAW


def _broken(message: str) -> ActivityFault:
    return ActivityFault("http_protocol", message)
