"""What goes between the service and a worker process: four bytes of length, then JSON. Used on both sides."""

import struct
from typing import BinaryIO

import orjson

from store.model import Json

HEADER = struct.Struct(">I")
FRAME_BYTES_MAX = 64 * 1024 * 1024


class BrokenFrame(Exception):
    """What came over the pipe is no frame: the other side is out of step."""


def pack(message: Json) -> bytes:
    body = orjson.dumps(message)
    if len(body) > FRAME_BYTES_MAX:
        raise BrokenFrame(f"a message of {len(body)} bytes is too large for the pipe")
    return HEADER.pack(len(body)) + body


def length_of(header: bytes) -> int:
    (length,) = HEADER.unpack(header)
    if length > FRAME_BYTES_MAX:
        raise BrokenFrame(f"a frame announces {length} bytes")
    return int(length)


def unpack(body: bytes) -> dict[str, Json]:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BrokenFrame(f"a frame is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise BrokenFrame("a frame is not an object")
    return message


def read_frame(pipe: BinaryIO) -> dict[str, Json] | None:
    """The next message, waiting for it; None when the other side is gone."""
    header = pipe.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length = length_of(header)
    body = pipe.read(length)
    return unpack(body) if len(body) == length else None
