"""The help pages of the publisher: a small knowledge base in one folder, searched by the words of a question."""

from __future__ import annotations

import re
from pathlib import Path

from typing_extensions import TypedDict

from engine.kit import effect

PAGES = Path(__file__).resolve().parent / "knowledge"
WORD = re.compile(r"[a-z]{3,}")
FOUND_MAX = 3
OWN_QUEUE = 0.5  # a page of the ticket's own queue is always worth a look


class Page(TypedDict):
    page: str
    title: str
    text: str
    score: float


@effect("pure")
def find(question: str, queue: str) -> list[Page]:
    """The help pages that have most words in common with the question, the best one first."""
    asked = set(WORD.findall(question.lower()))
    scored = [_scored(path, asked, queue) for path in sorted(PAGES.glob("*.md"))]
    good = sorted((page for page in scored if page["score"] > 0), key=lambda page: -page["score"])
    return good[:FOUND_MAX]


def _scored(path: Path, asked: set[str], queue: str) -> Page:
    head, _, text = path.read_text("utf-8").partition("\n\n")
    title, *fields = head.splitlines()
    known = dict(field.split(": ", 1) for field in fields)
    score = len(asked & set(known["words"].split(", "))) + (OWN_QUEUE if known["queue"] == queue else 0)
    return {"page": path.stem, "title": title.removeprefix("# "), "text": " ".join(text.split()), "score": score}
