"""Evidence: everything that is on record of one run, as files that a stranger can check without this program.

run.json          how the run stands, and the head of its chain
events.jsonl      its history, a line an event: the bytes that each hash covers
definitions/      the behaviour of each version that it went by (named by its hash), and the file it was written in
content/          every large value that it refers to, named by its hash
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from engine.definitions.plan import behaviour_of
from store import definitions, history, runs
from store.canon import canon
from store.codec import plain
from store.content import ContentFolder, ContentMissing
from store.database import Reader
from store.history import Link
from store.model import Json, Run, RunId

FORMAT = 1
SHAPES = ({"value", "hash", "size"}, {"name", "media_type", "size", "hash"})  # of a large value, and of a file


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is on record of a run. Its large values, which may be more than memory holds, stay where they are."""

    run: Run
    links: tuple[Link, ...]
    files: Mapping[str, bytes]
    values: Mapping[str, Path]  # where the large values stand, by their hashes
    missing: tuple[str, ...]  # hashes of values that are no longer there


def gathered(tx: Reader, folder: ContentFolder, run_id: RunId) -> Evidence | None:
    """The evidence of a run; None when there is no such run. Keep the values from leaving until they were read."""
    found = runs.load(tx, run_id)
    if found is None:
        return None
    run, head = found
    links = tuple(history.links(tx, run_id))
    contents = [None if link.content is None else orjson.loads(link.content) for link in links]
    files: dict[str, bytes] = {"events.jsonl": b"".join(_line(link) for link in links)}
    files |= _definitions(tx, run, contents)
    values: dict[str, Path] = {}
    missing: list[str] = []
    for name in dict.fromkeys(name for content in contents for name in _hashes(content)):
        try:
            values[name] = folder.path(name)
        except ContentMissing:
            missing.append(name)
    about = {"format": FORMAT, "head": head.hex(), "missing": missing, "run": plain(run)}
    files["run.json"] = orjson.dumps(about, option=orjson.OPT_INDENT_2)
    return Evidence(run, links, files, values, tuple(missing))


def _line(link: Link) -> bytes:
    told = {
        "seq": link.seq,
        "kind": link.kind,
        "header": link.header.decode(),
        "content": None if link.content is None else link.content.decode(),
        "salt": None if link.salt is None else link.salt.hex(),
        "content_hash": link.content_hash.hex(),
        "hash": link.hash.hex(),
    }
    return orjson.dumps(told) + b"\n"


def _definitions(tx: Reader, run: Run, contents: list[Json]) -> dict[str, bytes]:
    versions = [content["version"] for content in contents if isinstance(content, dict) and "version" in content]
    files: dict[str, bytes] = {}
    for version in dict.fromkeys([*(one for one in versions if isinstance(one, str)), run.version]):
        plan = definitions.plan(tx, version)
        if plan is not None:
            files[f"definitions/{version}.json"] = canon(behaviour_of(plan))
            files[f"definitions/{version}.yaml"] = definitions.source(tx, version).encode()
    return files


def _hashes(value: Json) -> Iterator[str]:
    """Every reference to a value that is kept outside the rows."""
    if isinstance(value, dict):
        if value.keys() in SHAPES and isinstance(value["hash"], str):
            yield value["hash"]
        for part in value.values():
            yield from _hashes(part)
    elif isinstance(value, list):
        for part in value:
            yield from _hashes(part)
