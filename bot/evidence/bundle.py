"""The bundle: an archive with the evidence of a run, a page to read, and a script that checks it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from bot.evidence.page import page
from bot.requests import Objection
from engine.evidence import Evidence, gathered
from store import definitions, lookups, pruning
from store.content import ContentFolder
from store.glance import glance
from store.leavings import nothing_leaves
from store.model import Json, Plan

PIECE_BYTES = 1 << 20
MOMENT = (1980, 1, 1, 0, 0, 0)  # the same evidence is the same file, whenever it is exported


def exported(database: Path, ref: str, target: Path, *, over: bool = False) -> dict[str, Json]:
    """Write the bundle of a run; beside a running service too, as nothing is changed. Raises Objection, StoreFault."""
    must_be_free(target, over=over)
    folder = ContentFolder(database)
    with nothing_leaves(folder.folder), glance(database) as tx:
        run_id = lookups.run_id(tx, ref)
        if run_id is None:
            left = pruning.tombstone(tx, ref)
            if left is not None:
                raise Objection("run_pruned", f"{left.name} of {left.workflow} was dropped: {left.why}.", status=410)
            raise Objection(
                "unknown_run", f"There is no run {ref} here.", "`pointsman runs` lists the newest.", status=404
            )
        evidence = gathered(tx, folder, run_id)
        assert evidence is not None, "it was found a moment ago, and a look sees one moment"
        plan = definitions.plan(tx, evidence.run.version)
        assert plan is not None, "a run refers to its definition"
        with writing(target) as archive:
            packed(evidence, plan, archive)
    return {
        "run": run_id,
        "name": evidence.run.name,
        "file": str(target),
        "events": len(evidence.links),
        "head": evidence.links[-1].hash.hex(),
        "missing": list(evidence.missing),
    }


def must_be_free(target: Path, *, over: bool) -> None:
    if target.exists() and not over:
        raise Objection("file_exists", f"{target} is there already.", "Name another file, or say --force.")


@contextmanager
def writing(target: Path) -> Iterator[zipfile.ZipFile]:
    """The whole file or none: half a bundle would look like one that was tampered with."""
    half = target.with_name(f"{target.name}.half")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
            yield archive
        half.rename(target)
    except OSError as error:
        why = error.strerror or str(error)
        raise Objection("cannot_write", f"{target} cannot be written: {why}.", "Name a file elsewhere.") from None
    finally:
        half.unlink(missing_ok=True)


def packed(evidence: Evidence, plan: Plan, archive: zipfile.ZipFile, folder: str = "") -> None:
    """Put the files of a bundle into an archive."""
    inside = dict(evidence.files)
    inside["index.html"] = page(evidence, plan).encode()
    inside["files.json"] = _sums(inside)
    inside["check.py"] = script()
    for value in sorted(evidence.values):
        _copy(archive, f"{folder}content/{value}", evidence.values[value])
    for name in sorted(inside):
        put(archive, f"{folder}{name}", inside[name])


def _sums(inside: Mapping[str, bytes]) -> bytes:
    """The hashes of what no hash of the history covers."""
    covered = ("events.jsonl", "definitions/")
    loose = [name for name in sorted(inside) if not name.startswith(covered) or name.endswith(".yaml")]
    sums = {name: sha256(inside[name]).hexdigest() for name in loose}
    return f"{json.dumps(sums, indent=2)}\n".encode()


def script() -> bytes:
    """What checks a bundle, or a collection of them."""
    return (files("bot.evidence") / "check.py").read_bytes()


def put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(_entry(name), data)


def _copy(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Put a file into the archive piece by piece."""
    entry = _entry(name)
    entry.file_size = path.stat().st_size  # beyond 2 GB an entry has another form
    with path.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target, PIECE_BYTES)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
