"""The history of a run: append-only, hashed in a chain, written in the commit of the change.

Each event's hash is sha256(hash before it ‖ header ‖ content hash), where the content hash is sha256(salt ‖ content):
content and salt can be erased and the chain still verifies. The heads of all runs stand in a chain of their own, which
says what was erased and which runs were dropped by policy: what else is missing was taken. With an audit key every hash
is an HMAC, so that someone who can write the file cannot rewrite the chain.
"""

from __future__ import annotations

import hmac
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import orjson

from store import codec, trail, uses
from store.database import Reader, Writer
from store.events import KINDS, Event
from store.model import ENGINE, Actor, Json, Millis, RunId
from store.uses import Within

Mark = Literal["started", "ended", "erased", "pruned"]
START = b""
_APPEND = (
    "INSERT INTO events (run_id, seq, kind, header, content, salt, content_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_OF = "SELECT seq, kind, header, content, hash FROM events WHERE run_id = ? ORDER BY seq"
_OF_KINDS = """
    SELECT seq, kind, header, content, hash FROM events
     WHERE run_id = ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY seq
    """
_MARK = "INSERT INTO heads (run_id, mark, seq, head, about, hash) VALUES (?, ?, ?, ?, ?, ?)"
_LATEST = "SELECT hash FROM heads ORDER BY n DESC LIMIT 1"
_SALT = 16  # bytes
_BY_ENGINE = orjson.Fragment(orjson.dumps(ENGINE))  # who most events are due to


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a history. `event` is None when its content has been erased."""

    seq: int
    at: Millis
    actor: Actor
    kind: str
    step: str | None
    event: Event | None
    content: Json
    hash: str


class Chain:
    """Makes the hashes; knows the audit key, when there is one."""

    def __init__(self, key: bytes = b"", within: Within = lambda name: ()) -> None:
        self._key = key
        self._within = within

    def link(self, before: bytes, header: bytes, content_hash: bytes) -> bytes:
        data = before + header + content_hash
        return hmac.digest(self._key, data, "sha256") if self._key else sha256(data).digest()

    def append(self, tx: Writer, run_id: RunId, seq: int, events: Sequence[Event], head: bytes) -> bytes:
        """Write events after `seq`; gives the new head."""
        salts = os.urandom(_SALT * len(events))
        for start, event in zip(range(0, len(salts), _SALT), events, strict=True):
            seq += 1
            kind, salt = type(event).__name__, salts[start : start + _SALT]
            header, content = _header(run_id, seq, kind, event), codec.dump(event)
            content_hash = sha256(salt + content).digest()
            head = self.link(head, header, content_hash)
            blobs = map(bytearray, (header, content, salt, content_hash, head))  # see store/statements.py
            tx.later(_APPEND, (run_id, seq, kind, *blobs))
            trail.note(tx, run_id, seq, kind, event.at)
            uses.note(tx, run_id, content, self._within)
        return head

    def mark(self, tx: Writer, run_id: RunId, mark: Mark, seq: int, head: bytes, about: str = "") -> None:
        """Note the head of a run in the chain of heads; `about` says when, by whom and why something was taken away."""
        known = tx.drafts.get(_Marks)
        marks = known if isinstance(known, _Marks) else _Marks(tx.value(_LATEST) or START)
        hashed = self.link(marks.latest, noted(run_id, mark, seq, about), head)
        tx.draft(_Marks, _Marks(hashed))
        tx.later(_MARK, (run_id, mark, seq, bytearray(head), about, bytearray(hashed)))


def noted(run_id: RunId, mark: str, seq: int, about: str) -> bytes:
    """What the hash of a mark covers besides the head."""
    return f"{run_id} {mark} {seq}{' ' if about else ''}{about}".encode()


@dataclass(frozen=True, slots=True)
class _Marks:
    """Where the chain of heads stands in this batch; its rows have been put off one by one."""

    latest: bytes

    def write(self, tx: Writer) -> None:
        return None


def _header(run_id: RunId, seq: int, kind: str, event: Event) -> bytes:
    place = getattr(event, "place", None)
    return orjson.dumps(
        {
            "v": codec.SHAPE,
            "run": run_id,
            "seq": seq,
            "at": event.at,
            "actor": getattr(event, "actor", _BY_ENGINE),
            "kind": kind,
            "step": None if place is None else place.key,
        }
    )


def of(tx: Reader, run_id: RunId, kinds: Collection[str] = ()) -> list[Entry]:
    """What happened to a run, in order: everything, or events of these kinds."""
    rows = tx.rows(_OF_KINDS, (run_id, orjson.dumps(list(kinds)).decode())) if kinds else tx.rows(_OF, (run_id,))
    entries = []
    for row in rows:
        header = orjson.loads(row["header"])
        content = None if row["content"] is None else orjson.loads(row["content"])
        event = None if content is None else codec.load(KINDS[row["kind"]], content)
        actor = codec.load(Actor, header["actor"])
        entries.append(
            Entry(
                row["seq"], header["at"], actor, row["kind"], header["step"], event, content, bytes(row["hash"]).hex()
            )
        )
    return entries


@dataclass(frozen=True, slots=True)
class Link:
    """One event as its bytes stand in the file: what its hash covers."""

    seq: int
    kind: str
    header: bytes
    content: bytes | None  # None when it has been erased
    salt: bytes | None
    content_hash: bytes
    hash: bytes


def links(tx: Reader, run_id: RunId) -> list[Link]:
    """The history of a run, byte for byte."""
    rows = tx.rows("SELECT * FROM events WHERE run_id = ? ORDER BY seq", (run_id,))
    return [
        Link(
            row["seq"],
            row["kind"],
            bytes(row["header"]),
            None if row["content"] is None else bytes(row["content"]),
            None if row["salt"] is None else bytes(row["salt"]),
            bytes(row["content_hash"]),
            bytes(row["hash"]),
        )
        for row in rows
    ]


# Does it hold together? ---------------------------------------------------------------------------------------------

_EVENTS = "SELECT seq, kind, header, content, salt, content_hash, hash FROM events WHERE run_id = ? ORDER BY seq"
_HEADS = "SELECT n, run_id, mark, seq, head, about, hash FROM heads ORDER BY n"
_ERASED_UP_TO = "SELECT max(seq) FROM heads WHERE run_id = ? AND mark = 'erased'"
_LEFT = """
    SELECT EXISTS (SELECT 1 FROM runs WHERE id = :run_id) OR EXISTS (SELECT 1 FROM events WHERE run_id = :run_id)
    """


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the record does not hold together."""

    run_id: str
    seq: int
    problem: str


def verify(tx: Reader, chain: Chain, run_id: RunId | None = None) -> Iterator[Break]:
    """Every place where the record was changed, cut or extended by something else than this program."""
    wanted = [run_id] if run_id else [row[0] for row in tx.rows("SELECT id FROM runs ORDER BY id")]
    for run in wanted:
        yield from _run(tx, chain, run)
    yield from _heads(tx, chain)


def _run(tx: Reader, chain: Chain, run_id: RunId) -> Iterator[Break]:
    head, expected, erased = START, 0, tx.value(_ERASED_UP_TO, (run_id,)) or 0
    acted: list[int] = []
    for row in tx.each(_EVENTS, (run_id,)):
        expected += 1
        if row["seq"] != expected:
            yield Break(run_id, expected, "this event is missing")
            return
        head = chain.link(head, bytes(row["header"]), bytes(row["content_hash"]))
        if head != bytes(row["hash"]):
            yield Break(run_id, expected, "the header, the order or the hash was changed")
            return
        header = orjson.loads(row["header"])
        if (header["run"], header["seq"], header["kind"]) != (run_id, row["seq"], row["kind"]):
            yield Break(run_id, expected, "the row says something else than its header")
        if row["kind"] in trail.ACTED:
            acted.append(expected)
        if row["content"] is None and expected > erased:
            yield Break(run_id, expected, "the content was taken out, and nothing on record says why")
        if row["content"] is not None and _content_hash(row) != bytes(row["content_hash"]):
            yield Break(run_id, expected, "the content was changed")
    if acted != trail.noted(tx, run_id):
        yield Break(run_id, expected, "what people did is not all to be found by a search")
    run = tx.row("SELECT seq, head FROM runs WHERE id = ?", (run_id,))
    if run is None or run["seq"] != expected or bytes(run["head"]) != head:
        yield Break(run_id, expected, "the run's row does not stand where its history ends")


def _content_hash(row: sqlite3.Row) -> bytes:
    return sha256(bytes(row["salt"] or b"") + bytes(row["content"])).digest()


def _heads(tx: Reader, chain: Chain) -> Iterator[Break]:
    before = START
    pruned = {row[0] for row in tx.rows("SELECT run_id FROM heads WHERE mark = 'pruned'")}
    for n, row in enumerate(tx.each(_HEADS), start=1):
        hashed = chain.link(before, noted(row["run_id"], row["mark"], row["seq"], row["about"]), bytes(row["head"]))
        if row["n"] != n or hashed != bytes(row["hash"]):
            yield Break(row["run_id"], row["seq"], "the chain of runs was changed here")
            return
        before = hashed
        if row["run_id"] not in pruned:
            yield from _stands(tx, row)
        elif row["mark"] == "pruned" and tx.value(_LEFT, {"run_id": row["run_id"]}):
            yield Break(row["run_id"], row["seq"], "this run was dropped, and something of it is there again")


def _stands(tx: Reader, row: sqlite3.Row) -> Iterator[Break]:
    stands = tx.value("SELECT hash FROM events WHERE run_id = ? AND seq = ?", (row["run_id"], row["seq"]))
    if stands is None:
        yield Break(row["run_id"], row["seq"], "this run was taken out of the file")
    elif bytes(stands) != bytes(row["head"]):
        yield Break(row["run_id"], row["seq"], "the run's history was rewritten")
