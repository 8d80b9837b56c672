"""Files that programs hand in over HTTP: straight from the connection to disk, hashed on the way.

`POST /api/v1/files?name=brief.pdf` takes one file, as it is or as a form, and answers what an input says of it. A form
that is sent to `POST /api/v1/runs` starts a run with the files in it: each stands under the name of its input.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import orjson
from aiohttp import BodyPartReader, ClientPayloadError, web
from aiohttp.http import HttpProcessingError

from bot.requests import VERSION, Objection
from engine.handed_in import received as kept
from store.arrivals import FileNotWhole, FileTooLarge
from store.content import ContentFolder
from store.model import Json

ADDRESS = f"{VERSION}/files"
SECONDS_MAX = 1_800.0  # for all of one request
AT_ONCE_MAX = 8
FIELD_BYTES_MAX = 1_000_000  # of what is no file in a form
PIECE_BYTES = 256 * 1024
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_HEX = re.compile(r"[0-9a-f]{64}")
_SAYS_NOTHING = frozenset({"application/octet-stream", "application/x-www-form-urlencoded"})


class Uploads:
    """Takes files in."""

    def __init__(self, content: ContentFolder) -> None:
        self._content = content
        self._under_way = 0

    async def one(self, request: web.Request) -> Json:
        """The file of a request, as an input says it. Raises Objection."""
        async with self._turn():
            if not is_form(request):
                return await self._kept(
                    request.content.iter_chunked(PIECE_BYTES),
                    request.query.get("name") or "file",
                    "" if request.content_type in _SAYS_NOTHING else request.content_type,
                    size=request.content_length,
                    digest=_digest(request),
                )
            files, _ = await self._form(request)
            found = [one for several in files.values() for one in several]
            if len(found) != 1:
                message = f"The form holds {len(found)} files."
                raise Objection("bad_request", message, "Send one file a request.", status=400)
            return found[0]

    async def start(self, request: web.Request) -> dict[str, Any]:
        """A start with files, as the fields of a Start. Raises Objection."""
        async with self._turn():
            files, fields = await self._form(request)
        inputs = _object(fields.pop("inputs", "{}"))
        inputs |= {name: found[0] if len(found) == 1 else found for name, found in files.items()}
        typed = fields.pop("typed", "true") == "true"
        return {**fields, "inputs": inputs, "typed": typed}

    async def _form(self, request: web.Request) -> tuple[dict[str, list[Json]], dict[str, str]]:
        files: dict[str, list[Json]] = {}
        fields: dict[str, str] = {}
        left = FIELD_BYTES_MAX
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader) or not part.name:
                    raise Objection("bad_request", "The form holds a part without a name.", status=400)
                if part.filename is not None:
                    media = part.headers.get("Content-Type", "")
                    media = "" if media in _SAYS_NOTHING else media
                    files.setdefault(part.name, []).append(await self._kept(_pieces(part), part.filename, media))
                    continue
                data = b"".join([one async for one in _pieces(part, left)])
                left -= len(data)
                fields[part.name] = data.decode("utf-8", "replace")
        except ValueError as error:
            hint = "Send multipart/form-data with a boundary."
            raise Objection("bad_request", f"The form cannot be read: {error}.", hint, status=400) from None
        except HttpProcessingError as error:
            hint = "Each part begins with its headers, a line each."
            raise Objection("bad_request", f"The form cannot be read: {error.message}.", hint, status=400) from None
        return files, fields

    async def _kept(
        self, parts: AsyncIterator[bytes], name: str, media: str, *, size: int | None = None, digest: str = ""
    ) -> Json:
        try:
            return await kept(self._content, parts, name, media, size=size, digest=digest)
        except FileTooLarge as fault:
            raise Objection("file_too_large", fault.message, fault.hint, status=413) from None
        except FileNotWhole as fault:
            raise Objection("file_not_whole", fault.message, fault.hint, status=422) from None
        except (ClientPayloadError, ConnectionError):
            raise Objection("file_not_whole", f"{name} broke off.", "Send it again.", status=400) from None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One upload under way, for so long at most."""
        if self._under_way >= AT_ONCE_MAX:
            hint = "Send it again in a moment."
            raise Objection("too_many_uploads", f"{AT_ONCE_MAX} uploads are under way already.", hint, status=429)
        self._under_way += 1
        try:
            with anyio.fail_after(SECONDS_MAX):
                yield
        except TimeoutError:
            limit = f"{SECONDS_MAX / 60:.0f} minutes"
            raise Objection("timeout", f"It did not arrive within {limit}.", "Send it again.", status=408) from None
        finally:
            self._under_way -= 1


def is_form(request: web.Request) -> bool:
    """Whether a request carries a form that may hold files."""
    return request.content_type == "multipart/form-data"


async def _pieces(part: BodyPartReader, most: int | None = None) -> AsyncIterator[bytes]:
    size = 0
    while piece := await part.read_chunk(PIECE_BYTES):
        size += len(piece)
        if most is not None and size > most:
            raise Objection("bad_request", f"{part.name} is no file, and too long.", "Send it as a file.", status=413)
        yield piece


def _digest(request: web.Request) -> str:
    """The SHA-256 that was announced, in hexadecimal; empty when none was. Raises Objection for one we cannot read."""
    header, query = request.headers.get("Content-Digest", ""), request.query.get("sha256", "").lower()
    if header:
        found = _DIGEST.search(header)
        if found is not None:
            return binascii.hexlify(b64decode(found[1])).decode()
    if query and _HEX.fullmatch(query):
        return query
    if not header and not query:
        return ""
    hint = "Send Content-Digest: sha-256=:BASE64:, or ?sha256=HEX."
    raise Objection("bad_request", "The digest cannot be read.", hint, status=400)


def _object(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text or "{}")
    except ValueError as error:
        raise Objection("bad_request", f"`inputs` is not JSON: {error}.", "Send a JSON object.", status=400) from None
    if not isinstance(found, dict):
        raise Objection("bad_request", "`inputs` is not a JSON object.", "Send {…}.", status=400)
    return found
