"""A disk that takes nothing at first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from store.database import Database
from store.faults import StoreFull


def full_at_first(monkeypatch: pytest.MonkeyPatch, *modules: str) -> list[str]:
    """Have the disk refuse what these modules write first; gives who has been refused."""
    refused: list[str] = []
    write: Callable[..., Any] = Database.write

    async def refusing(self: Database, do: Any) -> Any:
        module = getattr(do, "func", do).__module__
        if module in modules and module not in refused:
            refused.append(module)
            raise StoreFull
        return await write(self, do)

    monkeypatch.setattr(Database, "write", refusing)
    return refused
