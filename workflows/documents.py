"""Documents as they come in: text files with a head, lines of goods and a total."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

from typing_extensions import TypedDict

from engine.kit import NonRetryable, effect

HERE = Path(__file__).resolve().parent
SIZE_MAX = 200_000

HEADING = re.compile(
    r"^\s*(?P<kind>invoice|order)\s+(?:no\.?|number)?\s*(?P<number>[A-Z0-9-]+)\s*$", re.IGNORECASE | re.MULTILINE
)
FIELD = re.compile(r"^\s*(?P<name>from|supplier|customer|date)\s*:\s*(?P<value>.+?)\s*$", re.IGNORECASE | re.MULTILINE)
LINE = re.compile(r"^\s*(?P<count>\d+)\s*x\s+(?P<text>.+?)\s{2,}(?P<price>\d+\.\d{2})\s*$", re.MULTILINE)
TOTAL = re.compile(
    r"^\s*total\s*:?\s*(?P<currency>EUR|GBP|USD)\s*(?P<total>\d+\.\d{2})\s*$", re.IGNORECASE | re.MULTILINE
)


class File(TypedDict):
    name: str
    sha256: str
    text: str


class Line(TypedDict):
    text: str
    count: int
    price: str


class Document(TypedDict):
    kind: str
    number: str
    party: str
    date: str
    currency: str
    total: str
    lines: list[Line]


class Verdict(TypedDict):
    ok: bool
    remarks: str


class Reviewed(TypedDict):
    kind: str
    number: str
    party: str
    date: str
    currency: str
    total: str
    remarks: str
    file: str
    sha256: str
    text: str


class Entry(TypedDict):
    id: int
    documents: int


@effect("pure")
def load(file: str) -> File:
    """Read a text file that stands beside the workflow; nothing outside this folder can be read."""
    path = (HERE / file).resolve()
    if not path.is_relative_to(HERE):
        raise NonRetryable(f"{file} lies outside the workflows folder")
    if not path.is_file():
        raise NonRetryable(f"there is no file {file}; there are: {_samples()}")
    if path.stat().st_size > SIZE_MAX:
        raise NonRetryable(f"{file} is larger than {SIZE_MAX:,} bytes")
    data = path.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise NonRetryable(f"{file} is not a text file") from None
    return {"name": path.name, "sha256": hashlib.sha256(data).hexdigest(), "text": text}


def _samples() -> str:
    return ", ".join(sorted(str(path.relative_to(HERE)) for path in (HERE / "samples").glob("*.txt")))


@effect("pure")
def extract(text: str) -> Document:
    """Read the fields; a document without number, date or total is not one that we can take in."""
    heading, total = HEADING.search(text), TOTAL.search(text)
    fields = {match["name"].lower(): match["value"] for match in FIELD.finditer(text)}
    party = fields.get("from") or fields.get("supplier") or fields.get("customer")
    missing = [
        name
        for name, found in (("heading", heading), ("date", fields.get("date")), ("party", party), ("total", total))
        if not found
    ]
    if heading is None or total is None or party is None or missing:
        raise NonRetryable(f"this is no invoice or order that we can read: no {', no '.join(missing)}")
    return {
        "kind": heading["kind"].lower(),
        "number": heading["number"],
        "party": party,
        "date": fields["date"],
        "currency": total["currency"].upper(),
        "total": total["total"],
        "lines": [
            {"text": line["text"], "count": int(line["count"]), "price": line["price"]} for line in LINE.finditer(text)
        ],
    }


@effect("pure")
def validate(document: Document) -> Verdict:
    """Check the sums and the date. What is odd becomes a remark for the person who looks at it."""
    remarks = []
    summed = sum((line["count"] * Decimal(line["price"]) for line in document["lines"]), Decimal())
    if not document["lines"]:
        remarks.append("it has no lines of goods")
    elif summed != Decimal(document["total"]):
        remarks.append(f"its lines add up to {summed:.2f}, not {document['total']}")
    try:
        date.fromisoformat(document["date"])
    except ValueError:
        remarks.append(f"its date {document['date']} is not written as YYYY-MM-DD")
    return {"ok": not remarks, "remarks": "; ".join(remarks) or "everything adds up"}


@effect("idempotent")
def index(database: str, document: Reviewed) -> Entry:
    """Keep the document once, however often this is called with it: the hash of its file is its identity."""
    path = HERE / Path(database).expanduser()  # a relative name stands beside the workflow
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, sha256 TEXT UNIQUE NOT NULL,"
            " file TEXT NOT NULL, kind TEXT NOT NULL, number TEXT NOT NULL, party TEXT NOT NULL, date TEXT NOT NULL,"
            " currency TEXT NOT NULL, total TEXT NOT NULL)"
        )
        connection.execute(
            "INSERT INTO documents (sha256, file, kind, number, party, date, currency, total)"
            " VALUES (:sha256, :file, :kind, :number, :party, :date, :currency, :total)"
            " ON CONFLICT (sha256) DO NOTHING",
            document,
        )
        (row_id,) = connection.execute("SELECT id FROM documents WHERE sha256 = ?", (document["sha256"],)).fetchone()
        (count,) = connection.execute("SELECT count(*) FROM documents").fetchone()
    return {"id": row_id, "documents": count}
