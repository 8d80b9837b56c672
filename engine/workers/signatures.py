"""What a function beside a workflow takes and gives, as JSON Schema, without its code ever entering the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import cast

import anyio

from engine.faults import ActivityFault
from engine.workers.pool import WorkerPool
from store.model import Effect, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """`parameters` is the schema of an object, one property a parameter; `returns` is None when nothing is promised."""

    parameters: Mapping[str, Json]
    returns: Mapping[str, Json] | None
    effect: Effect | None  # what the function says itself
    description: str
    fingerprint: str


_known: dict[tuple[str, str, str], Signature] = {}  # (folder, call, fingerprint of the file) -> signature


async def read_signature(workers: WorkerPool, folder: Path, call: str) -> Signature:
    """Read a signature in a worker process; ActivityFault python_not_found or python_error when it cannot be."""
    key = _key(folder, call)
    if key is not None and key in _known:
        return _known[key]
    answer = await workers.describe(folder, call)
    message = answer.message
    if answer.outcome != "described":
        code = "python_not_found" if answer.outcome == "not_found" else "python_error"
        said = str(message.get("message") or "the worker process ran out of memory")
        hint = str(message.get("hint") or "")
        raise ActivityFault(code, said, retryable=False, hint=hint, detail={"frames": message.get("frames") or []})
    read = message["signature"]
    signature = Signature(
        parameters=read["parameters"],
        returns=read["returns"],
        effect=cast("Effect | None", read["effect"]),
        description=read["description"],
        fingerprint=message["fingerprint"],
    )
    if key is not None and key[2] == signature.fingerprint:
        _known[key] = signature
    return signature


def signature_schema(folder: Path, call: str) -> Signature:
    """The same for code that is not async, in a worker process of its own. Not for use inside a running event loop."""
    key = _key(folder, call)
    if key is not None and key in _known:
        return _known[key]
    return anyio.run(partial(_alone, folder, call))


async def _alone(folder: Path, call: str) -> Signature:
    async with WorkerPool(size=1) as workers:
        return await read_signature(workers, folder, call)


def _key(folder: Path, call: str) -> tuple[str, str, str] | None:
    """Only files beside the workflow are remembered; what an installed module's source is, the worker knows."""
    file = folder / call.rpartition(":")[0]
    try:
        return str(folder.absolute()), call, sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None
