"""The bundle: an archive with the evidence of a run, a page to read, and a script that checks it."""

from __future__ import annotations

import zipfile
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from bot.evidence.page import page
from bot.requests import Objection
from engine.evidence import Evidence, gathered
from store import definitions, lookups, pruning
from store.content import ContentFolder
from store.glance import glance
from store.model import Json, Plan

MOMENT = (1980, 1, 1, 0, 0, 0)  # the same evidence is the same file, whenever it is exported


def exported(database: Path, ref: str, target: Path, *, over: bool = False) -> dict[str, Json]:
    """Write the bundle of a run; beside a running service too, as nothing is changed. Raises Objection, StoreFault."""
    if target.exists() and not over:
        raise Objection("file_exists", f"{target} is there already.", "Name another file, or say --force.")
    with glance(database) as tx:
        run_id = lookups.run_id(tx, ref)
        if run_id is None:
            left = pruning.tombstone(tx, ref)
            if left is not None:
                raise Objection("run_pruned", f"{left.name} of {left.workflow} was dropped: {left.why}.", status=410)
            raise Objection(
                "unknown_run", f"There is no run {ref} here.", "`pointsman runs` lists the newest.", status=404
            )
        evidence = gathered(tx, ContentFolder(database), run_id)
        assert evidence is not None, "it was found a moment ago, and a look sees one moment"
        plan = definitions.plan(tx, evidence.run.version)
        assert plan is not None, "a run refers to its definition"
    _write(target, bundled(evidence, plan))
    return {
        "run": run_id,
        "name": evidence.run.name,
        "file": str(target),
        "events": len(evidence.links),
        "head": evidence.links[-1].hash.hex(),
        "missing": list(evidence.missing),
    }


def _write(target: Path, data: bytes) -> None:
    """The whole file or none: half a bundle would look like one that was tampered with."""
    half = target.with_name(f"{target.name}.half")
    try:
        half.write_bytes(data)
        half.rename(target)
    except OSError as error:
        half.unlink(missing_ok=True)
        why = error.strerror or str(error)
        raise Objection("cannot_write", f"{target} cannot be written: {why}.", "Name a file elsewhere.") from None


def bundled(evidence: Evidence, plan: Plan) -> bytes:
    """The archive."""
    inside = dict(evidence.files)
    inside["index.html"] = page(evidence, plan).encode()
    inside["check.py"] = (files("bot.evidence") / "check.py").read_bytes()
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(inside):
            entry = zipfile.ZipInfo(name, MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, inside[name])
    return buffer.getvalue()
