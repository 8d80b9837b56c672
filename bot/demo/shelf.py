"""What the publisher's site remembers: posts and tickets in one JSON file, written whole and swapped in."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class KeyReused(Exception):
    """The idempotency key came before, with another body."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an entry stands, and whether this request put it there."""

    entry: Entry
    created: bool


class Shelf:
    """One kind of entries, numbered from 1, each placed at most once per idempotency key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, Entry] = {}
        self._by_key: dict[str, tuple[str, str]] = {}  # idempotency key -> (digest of the body, id)
        self._last = 0
        if path.exists():
            self._read()

    def all(self) -> list[Entry]:
        """Newest first."""
        return list(reversed(self._entries.values()))

    def of(self, entry_id: str) -> Entry | None:
        return self._entries.get(entry_id)

    def place(self, body: Entry, key: str | None) -> Placed:
        """Keep the entry; with a key that was seen before, answer with the entry it made then."""
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        seen = self._by_key.get(key) if key else None
        if seen is not None:
            seen_digest, entry_id = seen
            if seen_digest != digest:
                raise KeyReused(key)
            entry = self._entries.get(entry_id)
            if entry is not None:
                return Placed(entry, created=False)
        self._last += 1
        entry = {"id": str(self._last), **body}
        self._entries[entry["id"]] = entry
        if key:
            self._by_key[key] = (digest, entry["id"])
        self._write()
        return Placed(entry, created=True)

    def take_off(self, entry_id: str) -> bool:
        """Remove an entry; False when it was not there."""
        if self._entries.pop(entry_id, None) is None:
            return False
        self._write()
        return True

    def _read(self) -> None:
        kept = json.loads(self.path.read_text("utf-8"))
        self._entries = {entry["id"]: entry for entry in kept["entries"]}
        self._by_key = {key: (digest, entry_id) for key, (digest, entry_id) in kept["keys"].items()}
        self._last = kept["last"]

    def _write(self) -> None:
        kept = {"last": self._last, "entries": list(self._entries.values()), "keys": self._by_key}
        aside = self.path.with_suffix(".tmp")
        aside.write_text(json.dumps(kept, ensure_ascii=False, indent=1), "utf-8")
        os.replace(aside, self.path)
