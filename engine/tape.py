"""Exchanges with models on file: recorded as they happen, and answered from afterwards, offline and free.

One JSON object a line, oldest first:

    {"request": HASH, "model": "writer", "kind": "openai", "asked": {"system": …, "messages": […], "parameters": {…},
     "schema": …}, "settings": {…}, "answer": the body as it came, "usage": {…}}

`request` is the hash of the name and what was asked, whatever the order of keys. Secrets are redacted before anything
is hashed or written, so that a recording can be kept beside the workflow and is answered from under other keys too.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from threading import Lock
from typing import Any

import orjson

from engine.faults import ActivityFault, SettingsFault
from store.canon import digest
from store.model import Json

COMPARED_MAX = 200  # recordings that are compared with a request that none of them has
COMPARED_CHARS = 4_000
EXCERPT_CHARS = 80


def request_hash(model: str, asked: Mapping[str, Json]) -> str:
    """What tells requests apart."""
    return digest({"model": model, "asked": asked})


@dataclass(slots=True)
class Recorder:
    """Appends exchanges to a file; raises SettingsFault when it cannot be written."""

    path: Path
    redact: Callable[[Json], Json]
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        try:
            os.close(self._opened())
        except OSError as error:
            raise SettingsFault(
                f"POINTSMAN_RECORD names {self.path}, which cannot be written: {error.strerror}.",
                hint="Name a file in a folder that this user may write to.",
            ) from None

    def add(self, model: str, exchange: Mapping[str, Json]) -> None:
        """Keep one exchange: its kind, asked, settings, answer and usage."""
        clean = self.redact(dict(exchange))
        line = orjson.dumps({"request": request_hash(model, clean["asked"]), "model": model, **clean}) + b"\n"
        with self._lock:
            file = self._opened()
            try:
                os.write(file, line)
            finally:
                os.close(file)

    def _opened(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


@dataclass(slots=True)
class Recording:
    """Answers from a file, each request in the order in which it was answered then; the last answer repeats."""

    path: Path
    lines: list[dict[str, Any]]
    _by_request: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    _turns: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for line in self.lines:
            # Hashed anew: who edits a recording by hand need not know how to hash.
            self._by_request[request_hash(line["model"], line["asked"])].append(line)

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read a recording; SettingsFault says what is wrong with it, and in which line."""
        try:
            text = path.read_bytes()
        except OSError as error:
            raise SettingsFault(
                f"The recording {path} cannot be read: {error.strerror}.",
                hint="Correct the path, or record it with POINTSMAN_RECORD.",
            ) from None
        return cls(
            path, [_line(path, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        )

    @property
    def models(self) -> frozenset[str]:
        """The names that were asked."""
        return frozenset(line["model"] for line in self.lines)

    def answer(self, model: str, asked: Mapping[str, Json]) -> Mapping[str, Any]:
        """The exchange that was recorded for this request. Raises ActivityFault model_not_recorded."""
        request = request_hash(model, asked)
        found = self._by_request.get(request)
        if found is None:
            raise ActivityFault(
                "model_not_recorded",
                f"{self.path.name} has no answer to this request to {model}. {self._nearest(model, asked)}",
                retryable=False,
                hint="Record it: set POINTSMAN_RECORD to that file and run once with the live model.",
                detail={"request": request, "model": model},
            )
        turn = self._turns[request]
        self._turns[request] += 1
        return found[min(turn, len(found) - 1)]

    def _nearest(self, model: str, asked: Mapping[str, Json]) -> str:
        """The recorded request that is most like this one, and where they first differ."""
        candidates = [line for line in self.lines if line["model"] == model] or self.lines
        if not candidates:
            return "It has no answers at all."
        wanted = _text(asked)
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(wanted)

        def likeness(line: Mapping[str, Any]) -> float:
            matcher.set_seq1(_text(line["asked"]))
            return matcher.quick_ratio()

        nearest = max(candidates[-COMPARED_MAX:], key=likeness)
        return f"The nearest one {_difference(nearest, model, asked)}."


def _line(path: Path, number: int, text: bytes) -> dict[str, Any]:
    try:
        line: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        line = None
    whole = isinstance(line, dict) and isinstance(line.get("asked"), dict) and isinstance(line.get("model"), str)
    if not whole or line.get("kind") not in ("openai", "anthropic") or "answer" not in line:
        raise SettingsFault(
            f"{path}:{number} is no recorded exchange: it must be JSON with model, kind, asked and answer.",
            hint="Mend the line or take it out; POINTSMAN_RECORD writes such files.",
        )
    return dict(line)


def _difference(line: Mapping[str, Any], model: str, asked: Mapping[str, Json]) -> str:
    if line["model"] != model:
        return f"was asked of {line['model']}"
    then, today = dict(_leaves(line["asked"])), dict(_leaves(asked))
    for name in [*today, *(name for name in then if name not in today)]:
        if then.get(name) != today.get(name):
            old, new = _around(str(then.get(name, "nothing")), str(today.get(name, "nothing")))
            return f"differs in {name}: recorded was “{old}”, asked is “{new}”"
    return "differs in nothing that can be shown"


def _leaves(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping) and value:
        for key in sorted(value):
            yield from _leaves(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _leaves(part, f"{path}[{index}]")
    else:
        yield path, value


def _around(old: str, new: str) -> tuple[str, str]:
    """Both texts from a little before the place where they part."""
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - EXCERPT_CHARS // 4)
    return _cut(old, start), _cut(new, start)


def _cut(text: str, start: int) -> str:
    part = " ".join(text[start : start + EXCERPT_CHARS].split())
    return f"{'…' if start else ''}{part}{'…' if len(text) > start + EXCERPT_CHARS else ''}"


def _text(asked: Mapping[str, Json]) -> str:
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS).decode()[:COMPARED_CHARS]
