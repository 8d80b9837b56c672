"""Answers of models that stand for the same request for a while, kept in the content folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio.to_thread

from engine.clock import Clock
from store import answers
from store.content import ContentFolder, ContentMissing
from store.database import Database
from store.model import Json


@dataclass(slots=True)
class KeptAnswers:
    """Finds and keeps answers by the request they were given to."""

    database: Database
    content: ContentFolder
    clock: Clock
    redact: Callable[[Json], Json]

    async def find(self, request: str, age_max_ms: int) -> Json:
        """The answer to the same request, when it is no older; None when there is none."""
        since = self.clock.now() - age_max_ms
        kept = await self.database.read(lambda tx: answers.find(tx, request, since))
        try:
            return await anyio.to_thread.run_sync(self.content.value, kept)
        except ContentMissing:
            return None  # it was pruned

    async def keep(self, request: str, endpoint: str, answer: Json) -> None:
        """Let this answer stand for the request from this moment on."""
        kept = await anyio.to_thread.run_sync(self.content.kept, self.redact(answer))
        write = partial(answers.keep, request=request, endpoint=endpoint, at=self.clock.now(), answer=kept)
        await self.database.write(write)
