"""python: a function beside the workflow, or of an installed package, run in a worker process."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Never

from engine.activities import arguments
from engine.activities.files import kept, workshop
from engine.activities.outputs import OUTPUT_BYTES_MAX, too_large
from engine.activities.work import Result, Work
from engine.faults import ActivityFault, Interrupted
from engine.handed_in import with_paths
from engine.secrets import reveal
from engine.workers.process import Answer
from store.model import Json

PRINTED_CHARS = 4_000


async def run(work: Work) -> Result:
    """Call the function that `call` names with `with` as its keyword arguments."""
    call = work.spec.get("call")
    if not isinstance(call, str):
        raise arguments.wrong("`call` is missing; write file.py:function or package.module:function")
    given = arguments.mapping({} if work.with_ is None else work.with_, "python")
    async with workshop(work) as place:
        attempt = _attempt(work) | {"folder": "" if place is None else str(place)}
        answer = await work.tools.workers.call(
            work.folder, call, with_paths(reveal(given), work.file_path), attempt, OUTPUT_BYTES_MAX, work.began
        )
        receipt = _receipt(call, answer)
        if answer.outcome != "returned":
            _raise(work, call, answer, receipt)
        output, made = answer.message["output"], answer.message.get("made") or {}
        given_back = [mark for mark in _marks(output) if mark in made] if made else []
        files = {mark: await kept(work, Path(made[mark]["path"]), *_about(made[mark])) for mark in given_back}
    return Result(output=_with_files(output, files) if files else output, receipt=receipt)


def _about(made: Mapping[str, str]) -> tuple[str, str]:
    return made["name"], made["media_type"]


def _marks(output: Json) -> Iterator[str]:
    """Where a file may stand, by the marks of which nobody else can know."""
    match output:
        case dict():
            if isinstance(mark := output.get("hash"), str):
                yield mark
            for part in output.values():
                yield from _marks(part)
        case list():
            for part in output:
                yield from _marks(part)


def _with_files(output: Json, files: Mapping[str, Json]) -> Json:
    """The output with what is kept of each file in place of its mark, which nothing else can hold."""
    match output:
        case {"hash": str() as mark} if mark in files:
            return files[mark]
        case dict():
            return {name: _with_files(part, files) for name, part in output.items()}
        case list():
            return [_with_files(part, files) for part in output]
    return output


def _attempt(work: Work) -> dict[str, Json]:
    return {
        "run_id": work.run_id,
        "run_name": work.run_name,
        "workflow": work.workflow,
        "step": work.step,
        "item": work.item,
        "round": work.round,
        "number": work.attempt,
        "idempotency_key": work.idempotency_key,
        "traceparent": work.traceparent,
    }


def _receipt(call: str, answer: Answer) -> dict[str, Json]:
    kept = {name: answer.message[name] for name in ("fingerprint", "files", "duration_ms") if name in answer.message}
    printed = {"printed": answer.printed[-PRINTED_CHARS:]} if answer.printed else {}
    return {"call": call, **kept, **printed}


def _raise(work: Work, call: str, answer: Answer, receipt: dict[str, Json]) -> Never:
    """Turn what did not go well into the fault it is."""
    message = answer.message
    said = str(message.get("message", ""))
    match answer.outcome:
        case "raised":
            shown = {name: message.get(name) for name in ("type", "frames", "cause")}
            raise ActivityFault(
                "python_error",
                said,
                retryable=bool(message["retryable"]),
                hint=str(message.get("hint", "")),
                detail={**shown, "printed": receipt.get("printed", "")},
                receipt=receipt,
            )
        case "not_found":
            raise ActivityFault("python_not_found", said, retryable=False)
        case "arguments":
            raise ActivityFault("input_invalid", f"{call}: {said}", retryable=False, receipt=receipt)
        case "invalid":
            raise ActivityFault(
                "output_invalid", f"{call}: {said}", retryable=False, maybe_happened=work.leaves_traces, receipt=receipt
            )
        case "too_large":
            raise too_large(int(message["size"]), OUTPUT_BYTES_MAX, happened=work.leaves_traces)
        case "exit":
            raise Interrupted("python_exit", f"{call}: {said}", detail={"printed": receipt.get("printed", "")})
        case "memory":
            limit = work.tools.workers.options.memory_bytes
            allowed = f"; {limit} bytes are allowed" if limit else ""
            raise Interrupted(
                "python_crashed", f"{call}: the worker process ran out of memory{allowed}", detail=receipt
            )
        case other:
            raise Interrupted("python_crashed", f"{call}: the worker process gave an unknown answer, {other!r}")
