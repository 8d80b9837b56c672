"""Documents as they come in: loaded, held against the price list, and kept in an index."""

from __future__ import annotations

import csv
import hashlib
import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

from typing_extensions import TypedDict

from engine.kit import NonRetryable, effect

HERE = Path(__file__).resolve().parent
PRICE_LIST = HERE / "samples" / "price-list.csv"
SIZE_MAX = 200_000

TABLES = (
    "CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, sha256 TEXT UNIQUE NOT NULL, run TEXT NOT NULL,"
    " file TEXT NOT NULL, kind TEXT NOT NULL, number TEXT NOT NULL, party TEXT NOT NULL, date TEXT NOT NULL,"
    " currency TEXT NOT NULL, total TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS lines (document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,"
    " row INTEGER NOT NULL, text TEXT NOT NULL, count INTEGER NOT NULL, price TEXT NOT NULL,"
    " PRIMARY KEY (document, row))",
)


class Loaded(TypedDict):
    name: str
    sha256: str
    text: str


class Line(TypedDict):
    row: int
    text: str
    count: int
    price: float


class CheckedLine(Line):
    good: bool


class Document(TypedDict):
    kind: str
    about: str
    number: str
    party: str
    date: str
    currency: str
    total: float
    lines: list[Line]


class Sums(TypedDict):
    ok: bool
    remarks: str


class Compared(TypedDict):
    ok: bool
    doubt: str


class File(TypedDict):
    name: str
    sha256: str


class Entry(TypedDict):
    id: int
    documents: int
    total: str


@effect("pure")
def load(file: str, upload: dict[str, object] | None = None) -> Loaded:
    """Read the text file that was handed in, or else one that stands beside the workflow."""
    path, name = _path(file, upload)
    if path.stat().st_size > SIZE_MAX:
        raise NonRetryable(f"{name} is larger than {SIZE_MAX:,} bytes")
    data = path.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise NonRetryable(f"{name} is not a text file") from None
    return {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "text": text}


def _path(file: str, upload: dict[str, object] | None) -> tuple[Path, str]:
    if upload is not None:
        return Path(str(upload["path"])), str(upload["name"])
    path = (HERE / file).resolve()
    if not path.is_relative_to(HERE):
        raise NonRetryable(f"{file} lies outside the workflows folder")
    if not path.is_file():
        raise NonRetryable(f"there is no file {file}; there are: {_samples()}")
    return path, path.name


def _samples() -> str:
    return ", ".join(sorted(str(path.relative_to(HERE)) for path in (HERE / "samples").glob("*.txt")))


@effect("pure")
def validate(document: Document) -> Sums:
    """Check the sums and the date. What is odd becomes a remark for whoever looks at a line."""
    remarks = []
    summed = _sum(document["lines"])
    if summed != _money(document["total"]):
        remarks.append(f"its lines add up to {summed}, not {_money(document['total'])}")
    try:
        date.fromisoformat(document["date"])
    except ValueError:
        remarks.append(f"its date {document['date'] or '(none)'} is not written as YYYY-MM-DD")
    return {"ok": not remarks, "remarks": "; ".join(remarks) or "everything adds up"}


@effect("pure")
def compare(line: Line) -> Compared:
    """Hold one line against the price list."""
    with PRICE_LIST.open(newline="", encoding="utf-8") as opened:
        prices = {row["article"].lower(): row["price"] for row in csv.DictReader(opened)}
    listed = prices.get(line["text"].strip().lower())
    if listed is None:
        return {"ok": False, "doubt": f"“{line['text']}” does not stand on the price list"}
    if _money(listed) != _money(line["price"]):
        return {"ok": False, "doubt": f"the price list says {_money(listed)}, the document {_money(line['price'])}"}
    return {"ok": True, "doubt": ""}


@effect("idempotent")
def index(database: str, run: str, file: File, document: Document, lines: list[CheckedLine]) -> Entry:
    """Keep the document once, however often this is called with it: the hash of its file is its identity."""
    total = str(_sum(lines))
    row = {**document, "total": total, "run": run, "sha256": file["sha256"], "file": file["name"]}
    with closing(_opened(database)) as connection, connection:
        added = connection.execute(
            "INSERT INTO documents (sha256, run, file, kind, number, party, date, currency, total)"
            " VALUES (:sha256, :run, :file, :kind, :number, :party, :date, :currency, :total)"
            " ON CONFLICT (sha256) DO NOTHING",
            {name: value for name, value in row.items() if name != "lines"},
        ).rowcount
        id_, total = connection.execute(
            "SELECT id, total FROM documents WHERE sha256 = ?", (file["sha256"],)
        ).fetchone()
        if added:
            connection.executemany(
                "INSERT INTO lines (document, row, text, count, price) VALUES (?, ?, ?, ?, ?)",
                [(id_, one["row"], one["text"], one["count"], str(_money(one["price"]))) for one in lines],
            )
        (count,) = connection.execute("SELECT count(*) FROM documents").fetchone()
    return {"id": id_, "documents": count, "total": total}


@effect("idempotent")
def take_out(database: str, run: str, sha256: str) -> None:
    """Remove what this run put in. What an earlier run has put there stays."""
    with closing(_opened(database)) as connection, connection:
        connection.execute("DELETE FROM documents WHERE sha256 = ? AND run = ?", (sha256, run))


def _opened(database: str) -> sqlite3.Connection:
    path = HERE / Path(database).expanduser()  # a relative name stands beside the workflow
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=10)
    connection.execute("PRAGMA foreign_keys = on")
    for table in TABLES:
        connection.execute(table)
    return connection


def _sum(lines: list[Line] | list[CheckedLine]) -> Decimal:
    return sum((line["count"] * _money(line["price"]) for line in lines), Decimal("0.00"))


def _money(amount: float | str) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))
