"""Manuscripts as they lie in a folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from typing_extensions import TypedDict

from engine.kit import NonRetryable, effect

HERE = Path(__file__).resolve().parent
SIZE_MAX = 500_000


class Manuscript(TypedDict):
    name: str
    path: str


class Text(TypedDict):
    sha256: str
    text: str


@effect("pure")
def pile(folder: str) -> list[Manuscript]:
    """Every manuscript of a folder beside the workflow, by name."""
    place = (HERE / folder).resolve()
    if not place.is_relative_to(HERE) or not place.is_dir():
        raise NonRetryable(f"there is no folder {folder} beside the workflows")
    return [{"name": path.stem, "path": str(path.relative_to(HERE))} for path in sorted(place.glob("*.txt"))]


@effect("pure")
def read(path: str) -> Text:
    """The text of a manuscript, and the hash of its file."""
    place = (HERE / path).resolve()
    if not place.is_relative_to(HERE):
        raise NonRetryable(f"{path} lies outside the workflows folder")
    data = place.read_bytes()
    if len(data) > SIZE_MAX:
        raise NonRetryable(f"{place.name} is larger than {SIZE_MAX:,} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise NonRetryable(f"{place.name} cannot be read: it is not a text file") from None
    return {"sha256": hashlib.sha256(data).hexdigest(), "text": text}
