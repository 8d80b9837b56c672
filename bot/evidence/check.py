#!/usr/bin/env python3
"""Check a bundle of evidence about a run, or a collection of them. Needs nothing but Python 3.9 or newer.

    python check.py [BUNDLE.zip or folder] [--key FILE]

It follows the chain of hashes through the history, compares every content with its hash, and the behaviour that the
run went by with its version. When the record was kept with an audit key, give the file that holds it. Exit code 0
means that everything holds together; 1 that something was changed, cut or added. Compare the head that is printed with
the one in the run's last Slack message or in another copy: then nobody has rewritten the record as a whole.
"""

# ruff: noqa: T201 - a script that talks to whoever runs it

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHAPES = ({"value", "hash", "size"}, {"name", "media_type", "size", "hash"})  # of a large value, and of a file


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default=str(Path(__file__).parent))
    parser.add_argument("--key", help="file with the audit key, when the record was kept with one")
    asked = parser.parse_args()
    key = Path(asked.key).read_bytes().strip() if asked.key else b""
    bundle = Bundle(Path(asked.bundle))
    problems = told(bundle.files(""), key) if "run.json" in bundle.names else all_told(bundle, key)
    print("Something was changed." if problems else "The record holds together.")
    return 1 if problems else 0


def all_told(bundle: Bundle, key: bytes) -> int:
    """Check every run of a collection; gives how many problems there are."""
    listed = {run["name"]: run for run in json.loads(bundle.files("")["runs.json"])["runs"]}
    there = {name.partition("/")[0] for name in bundle.names if "/" in name}
    problems = [f"{name} is not in the collection" for name in sorted(set(listed) - there)]
    problems += [f"{name} is in the collection, and not in its list" for name in sorted(there - set(listed))]
    for problem in problems:
        print(f"WRONG: {problem}")
    count = len(problems)
    for name in sorted(set(listed) & there):
        files = bundle.files(f"{name}/")
        about = json.loads(files["run.json"])
        if (about["run"]["id"], about["head"]) != (listed[name]["id"], listed[name]["head"]):
            print(f"WRONG: {name} is not the run that was listed, or has another history")
            count += 1
        count += told(files, key)
    return count


def told(files: dict[str, bytes], key: bytes) -> int:
    """Check one run and say what was found; gives how many problems there are."""
    problems = checked(files, key)
    about = json.loads(files["run.json"])
    events = files["events.jsonl"].count(b"\n")
    print(f"{about['run']['name']} of {about['run']['workflow']}: {about['run']['status']}, {events} events")
    print(f"head of the chain: {about['head']}")
    for name in about["missing"]:
        print(f"no longer there (its hash stands in the record): {name}")
    for problem in problems:
        print(f"WRONG: {problem}")
    return len(problems)


class Bundle:
    """The archive, or the folder it was unpacked to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.is_dir():
            found = [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]
        else:
            with zipfile.ZipFile(path) as archive:
                found = [name for name in archive.namelist() if not name.endswith("/")]
        self.names = sorted(found)

    def files(self, folder: str) -> dict[str, bytes]:
        """The files of one folder and below by name; of the outermost only those that stand in no run's folder."""
        names = [name for name in self.names if name.startswith(folder)]
        if not folder and "runs.json" in self.names:
            names = [name for name in names if "/" not in name]
        if self._path.is_dir():
            return {name[len(folder) :]: (self._path / name).read_bytes() for name in names}
        with zipfile.ZipFile(self._path) as archive:
            return {name[len(folder) :]: archive.read(name) for name in names}


def checked(files: dict[str, bytes], key: bytes) -> list[str]:
    """What does not hold together, a sentence each."""
    problems: list[str] = []
    about = json.loads(files["run.json"])
    run_id, head = about["run"]["id"], b""
    versions = {about["run"]["version"]}
    wanted: set[str] = set()
    for number, line in enumerate(files["events.jsonl"].splitlines(), 1):
        event = json.loads(line)
        header = json.loads(event["header"])
        if (event["seq"], header["seq"]) != (number, number):
            problems.append(f"event {number} is missing or stands elsewhere")
        if (header["run"], header["kind"]) != (run_id, event["kind"]):
            problems.append(f"event {number} belongs to another run, or is of another kind than it says")
        content_hash = bytes.fromhex(event["content_hash"])
        covered = head + event["header"].encode() + content_hash
        head = hmac.digest(key, covered, "sha256") if key else hashlib.sha256(covered).digest()
        if head.hex() != event["hash"]:
            problems.append(f"event {number}: its header, its place or an event before it was changed")
            head = bytes.fromhex(event["hash"])
        if event["content"] is not None:
            salted = bytes.fromhex(event["salt"]) + event["content"].encode()
            if hashlib.sha256(salted).digest() != content_hash:
                problems.append(f"event {number}: its content was changed")
            content = json.loads(event["content"])
            wanted |= set(references(content))
            if isinstance(content.get("version"), str):
                versions.add(content["version"])
    if head.hex() != about["head"]:
        problems.append("the history does not end where the run says it ends")
    problems += compared(files, wanted - set(about["missing"]), versions)
    return problems + altered(files)


def altered(files: dict[str, bytes]) -> list[str]:
    """The page and the state of the run, which no hash of the history covers, held against what was written down."""
    sums = json.loads(files.get("files.json", b"{}"))
    changed = [name for name in sorted(sums) if hashlib.sha256(files.get(name, b"")).hexdigest() != sums[name]]
    return [f"{name} is not as it was exported" for name in changed]


def compared(files: dict[str, bytes], wanted: set[str], versions: set[str]) -> list[str]:
    """Contents and behaviours held against the hashes that stand in the history."""
    problems: list[str] = []
    for name in sorted(wanted):
        data = files.get(f"content/{name}")
        if data is None:
            problems.append(f"the content {name[:12]}… is not in the bundle")
        elif hashlib.sha256(data).hexdigest() != name:
            problems.append(f"the content {name[:12]}… was changed")
    for version in sorted(versions):
        data = files.get(f"definitions/{version}.json")
        if data is not None and hashlib.sha256(data).hexdigest() != version:
            problems.append(f"the behaviour of version {version[:12]}… was changed")
    return problems


def references(value: Any) -> Iterator[str]:
    """Every reference to a large value."""
    if isinstance(value, dict):
        if set(value) in SHAPES and isinstance(value["hash"], str):
            yield value["hash"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


if __name__ == "__main__":
    sys.exit(main())
