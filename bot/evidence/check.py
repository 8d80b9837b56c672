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
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

PIECE_BYTES = 1 << 20
SHAPES = ({"value", "hash", "size"}, {"name", "media_type", "size", "hash"})  # of a large value, and of a file


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default=str(Path(__file__).parent))
    parser.add_argument("--key", help="file with the audit key, when the record was kept with one")
    asked = parser.parse_args()
    key = Path(asked.key).read_bytes().strip() if asked.key else b""
    bundle = Bundle(Path(asked.bundle))
    problems = told(bundle.folder(""), key) if "run.json" in bundle.names else all_told(bundle, key)
    print("Something was changed." if problems else "The record holds together.")
    return 1 if problems else 0


def all_told(bundle: Bundle, key: bytes) -> int:
    """Check every run of a collection; gives how many problems there are."""
    listed = {run["name"]: run for run in json.loads(bundle.folder("").read("runs.json"))["runs"]}
    there = {name.partition("/")[0] for name in bundle.names if "/" in name}
    problems = [f"{name} is not in the collection" for name in sorted(set(listed) - there)]
    problems += [f"{name} is in the collection, and not in its list" for name in sorted(there - set(listed))]
    for problem in problems:
        print(f"WRONG: {problem}")
    count = len(problems)
    for name in sorted(set(listed) & there):
        files = bundle.folder(f"{name}/")
        about = json.loads(files.read("run.json"))
        if (about["run"]["id"], about["head"]) != (listed[name]["id"], listed[name]["head"]):
            print(f"WRONG: {name} is not the run that was listed, or has another history")
            count += 1
        count += told(files, key)
    return count


def told(files: Files, key: bytes) -> int:
    """Check one run and say what was found; gives how many problems there are."""
    problems = checked(files, key)
    about = json.loads(files.read("run.json"))
    with files.opened("events.jsonl") as lines:
        events = sum(1 for _ in lines)
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
            self._archive = zipfile.ZipFile(path)
            found = [name for name in self._archive.namelist() if not name.endswith("/")]
        self.names = sorted(found)

    def opened(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb") if self._path.is_dir() else self._archive.open(name)

    def folder(self, name: str) -> Files:
        """The files of one folder and below; of the outermost only those that stand in no run's folder."""
        names = [one for one in self.names if one.startswith(name)]
        if not name and "runs.json" in self.names:
            names = [one for one in names if "/" not in one]
        return Files(self, name, {one[len(name) :] for one in names})


class Files:
    """The files of one run, by their names. Large ones are looked at piece by piece."""

    def __init__(self, bundle: Bundle, folder: str, names: set[str]) -> None:
        self._bundle = bundle
        self._folder = folder
        self._names = names

    def opened(self, name: str) -> IO[bytes]:
        return self._bundle.opened(self._folder + name)

    def read(self, name: str) -> bytes:
        with self.opened(name) as file:
            return file.read()

    def sum(self, name: str) -> str | None:
        """The hash of a file; None when it is not there."""
        if name not in self._names:
            return None
        found = hashlib.sha256()
        with self.opened(name) as file:
            for piece in iter(lambda: file.read(PIECE_BYTES), b""):
                found.update(piece)
        return found.hexdigest()


def checked(files: Files, key: bytes) -> list[str]:
    """What does not hold together, a sentence each."""
    about = json.loads(files.read("run.json"))
    with files.opened("events.jsonl") as lines:
        problems, wanted, versions = followed(lines, about, key)
    problems += compared(files, wanted - set(about["missing"]), versions)
    return problems + altered(files)


def followed(lines: Iterable[bytes], about: Any, key: bytes) -> tuple[list[str], set[str], set[str]]:
    """Follow the chain: what does not hold together, and the values and versions that the history names."""
    problems: list[str] = []
    run_id, head = about["run"]["id"], b""
    versions = {about["run"]["version"]}
    wanted: set[str] = set()
    for number, line in enumerate(lines, 1):
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
    return problems, wanted, versions


def altered(files: Files) -> list[str]:
    """The page and the state of the run, which no hash of the history covers, held against what was written down."""
    if files.sum("files.json") is None:
        return ["files.json is not in the bundle"]
    sums = json.loads(files.read("files.json"))
    return [f"{name} is not as it was exported" for name in sorted(sums) if files.sum(name) != sums[name]]


def compared(files: Files, wanted: set[str], versions: set[str]) -> list[str]:
    """Contents and behaviours held against the hashes that stand in the history."""
    problems: list[str] = []
    for name in sorted(wanted):
        found = files.sum(f"content/{name}")
        if found is None:
            problems.append(f"the content {name[:12]}… is not in the bundle")
        elif found != name:
            problems.append(f"the content {name[:12]}… was changed")
    for version in sorted(versions):
        found = files.sum(f"definitions/{version}.json")
        if found not in (None, version):
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
