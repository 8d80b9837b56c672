"""Files that attempts make or bring in: each enters the content folder once; the output holds what is said of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from engine.activities.work import Work
from engine.faults import ActivityFault
from engine.handed_in import described, received
from store.arrivals import FileTooLarge
from store.content import ContentFolder
from store.model import Json


@asynccontextmanager
async def workshop(work: Work) -> AsyncIterator[Path | None]:
    """A place for this attempt's own files, made by whoever needs it; what was not kept is gone at the end."""
    if work.content is None:
        yield None
        return
    place = work.content.workshop.absolute() / f"{work.run_id}.{os.urandom(6).hex()}"
    try:
        yield place
    finally:
        if place.exists():
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(lambda: shutil.rmtree(place, ignore_errors=True))


async def kept(work: Work, path: Path, name: str = "", media_type: str = "") -> dict[str, Json]:
    """Keep a file that the attempt made: one from its workshop is moved, any other copied. Raises ActivityFault."""
    folder, name = _folder(work), name or path.name
    with _in_words(work):
        digest, size = await anyio.to_thread.run_sync(folder.taken_over, path, name)
    return described(name, media_type, size, digest)


async def saved(work: Work, parts: AsyncIterator[bytes], name: str, media_type: str = "") -> dict[str, Json]:
    """Keep what comes piece by piece. Raises ActivityFault."""
    with _in_words(work):
        return await received(_folder(work), parts, name, media_type)


@contextmanager
def _in_words(work: Work) -> Iterator[None]:
    """A file that will never be kept fails the step for good; what the disk says passes."""
    try:
        yield
    except FileTooLarge as fault:
        hint = "Make it smaller, or store it elsewhere and return where it lies."
        raise ActivityFault(
            "output_too_large", fault.message, retryable=False, maybe_happened=work.leaves_traces, hint=hint
        ) from None


def _folder(work: Work) -> ContentFolder:
    if work.content is None:
        raise ActivityFault("output_invalid", "files are not kept here", retryable=False)
    return work.content
