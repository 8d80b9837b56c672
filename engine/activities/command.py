"""command: a program with its arguments, run without a shell."""

import signal
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import anyio
import anyio.to_thread
from anyio.abc import ByteReceiveStream, ByteSendStream

from engine.activities import arguments, programs
from engine.activities.files import kept, workshop
from engine.activities.outputs import OUTPUT_BYTES_MAX, require_output, too_large
from engine.activities.words import Words
from engine.activities.work import Result, Work
from engine.faults import ActivityFault
from engine.handed_in import is_file, path_of
from engine.json_values import parse_json
from engine.workers.process import exit_words, plain_environment, tail
from engine.workers.warden import Leashed, Warden
from store.model import LIMITS, Json

STDERR_BYTES_MAX = 8 * 1024
FED_BYTES = 64 * 1024
GRACE_MS = 2_000  # between asking a command to stop and killing it
LINGER_MS = 2_000  # how long output is read after the end from something that left the group and holds the pipe


@dataclass(slots=True)
class _Captured:
    """What a command wrote: its output up to the limit, the end of its errors."""

    to: Path | None = None  # the file that takes the output
    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    size: int = 0
    too_much: bool = False

    @property
    def errors(self) -> str:
        return tail(bytes(self.stderr), STDERR_BYTES_MAX).strip()


async def run(work: Work) -> Result:
    """Run `argv` and give back what it printed, or the file that it made.

    `with`: argv, stdin, env, cwd (relative to the workflow's folder), save (the name of a file that keeps what it
    prints); the step says `parse: json | lines | text`. A file in argv stands for its path, and `{save: NAME}` there
    for the path of a file that the program makes.
    """
    with_ = arguments.mapping(work.with_, "command")
    async with workshop(work) as place:
        words = Words.of(with_, place, work.file_path)
        return await _run(work, with_, words)


async def _run(work: Work, with_: Mapping[str, Json], words: Words) -> Result:
    argv, given = _argv(words.argv), _stdin(work, with_.get("stdin"))
    began = time.monotonic()
    folder, environment = _folder(work.folder, with_.get("cwd")), _environment(work, with_)
    program = await anyio.to_thread.run_sync(programs.told, argv, folder, environment, work.folder)
    leashed = await _start(work.tools.workers.warden, argv, folder, environment)
    captured = await _finish(leashed, given, _Captured(to=words.printed_to))
    status = leashed.process.returncode or 0
    receipt: dict[str, Json] = {
        "program": argv[0],
        **program,
        "exit_code": status,
        "stderr": captured.errors,
        "duration_ms": round((time.monotonic() - began) * 1000),
    }
    _require_success(work, status, captured, receipt)
    output = _output(work, captured, receipt) if words.made is None else await _made(work, words.made, receipt)
    return Result(output=output, receipt=receipt)


async def _made(work: Work, path: Path, receipt: Mapping[str, Json]) -> Json:
    """The file that it wrote, kept."""
    if not await anyio.Path(path).is_file():
        said = f"{receipt['program']} did not write {path.name}"
        happened = work.leaves_traces
        raise ActivityFault("output_invalid", said, retryable=False, maybe_happened=happened, receipt=receipt)
    return await kept(work, path)


def _stdin(work: Work, value: Json) -> bytes | Path:
    """What it reads: text, or a file as it stands."""
    if is_file(value):
        return path_of(value, work.file_path)
    return b"" if value is None else arguments.text("`stdin`", value).encode()


def _argv(value: Json) -> list[str]:
    if not isinstance(value, list | tuple) or not value:
        raise arguments.wrong(
            "`argv` must be a list, program first",
            hint='There is no shell: write ["grep", "-c", "total", "report.txt"].',
        )
    argv = [arguments.text(f"`argv[{index}]`", part) for index, part in enumerate(value)]
    if not argv[0]:
        raise arguments.wrong("`argv[0]` is empty: it names the program")
    if any("\0" in part for part in argv):
        raise arguments.wrong("`argv` holds a NUL character, which no program can be given")
    return argv


def _folder(folder: Path, cwd: Json) -> Path:
    if cwd is None:
        return folder
    chosen = folder / arguments.text("`cwd`", cwd)
    if not chosen.is_dir():
        raise arguments.wrong(f"`cwd` {chosen} is not a folder")
    return chosen


def _environment(work: Work, with_: Mapping[str, Json]) -> dict[str, str]:
    ours = {
        "POINTSMAN_RUN": work.run_id,
        "POINTSMAN_RUN_NAME": work.run_name,
        "POINTSMAN_WORKFLOW": work.workflow,
        "POINTSMAN_STEP": work.step,
        "POINTSMAN_ITEM": work.item or "",
        "POINTSMAN_ROUND": str(work.round),
        "POINTSMAN_ATTEMPT": str(work.attempt),
        "IDEMPOTENCY_KEY": work.idempotency_key,
        "TRACEPARENT": work.traceparent,
    }
    written = arguments.texts("env", with_.get("env"))
    for name, value in written.items():
        if not name or "=" in name or "\0" in name + value:
            raise arguments.wrong(f"`env` cannot hold the variable {name!r}")
    return {**plain_environment(), **ours, **written}


async def _start(warden: Warden, argv: list[str], folder: Path, environment: Mapping[str, str]) -> Leashed:
    try:
        return await warden.start(argv, cwd=folder, environment=environment)
    except (FileNotFoundError, NotADirectoryError):
        known = await anyio.Path(folder).is_dir()
        missing = f"there is no program {argv[0]}" if known else f"there is no folder {folder}"
        raise _not_found(missing, "Is it installed where the service runs, and on its PATH?") from None
    except PermissionError:
        raise _not_found(f"{argv[0]} may not be executed", f"Make it executable: chmod +x {argv[0]}.") from None
    except OSError as error:
        retryable = not isinstance(error, UnicodeError) and error.strerror != "Exec format error"
        raise ActivityFault(
            "command_failed", f"{argv[0]} could not be started: {error}", retryable=retryable
        ) from error


async def _finish(leashed: Leashed, given: bytes | Path, captured: _Captured) -> _Captured:
    """Feed it, read it, wait for it; nothing of it runs when this returns or is cancelled."""
    process = leashed.process
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_feed, cast(ByteSendStream, process.stdin), given)
            group.start_soon(_read_output, leashed, cast(ByteReceiveStream, process.stdout), captured)
            group.start_soon(_read_errors, cast(ByteReceiveStream, process.stderr), captured)
            await process.wait()
            leashed.signal()  # what it left behind in its group would hold the pipes, and outlive the step
            group.cancel_scope.deadline = anyio.current_time() + LINGER_MS / 1000
    finally:
        await _end(leashed)
    return captured


async def _end(leashed: Leashed) -> None:
    """Ask it to stop, then make it; shielded, so that cancelling leaves nothing behind."""
    with anyio.CancelScope(shield=True):
        if leashed.process.returncode is None:
            leashed.signal(signal.SIGTERM)
            with anyio.move_on_after(GRACE_MS / 1000):
                await leashed.process.wait()
        await leashed.end()


async def _feed(stdin: ByteSendStream, given: bytes | Path) -> None:
    try:
        if isinstance(given, Path):
            async with await anyio.open_file(given, "rb") as file:
                while part := await file.read(FED_BYTES):
                    await stdin.send(part)
        elif given:
            await stdin.send(given)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return  # it does not read its input, which is its right
    finally:
        with anyio.CancelScope(shield=True):
            await stdin.aclose()


async def _read_output(leashed: Leashed, stdout: ByteReceiveStream, captured: _Captured) -> None:
    most = OUTPUT_BYTES_MAX if captured.to is None else LIMITS.file_bytes_max
    async with AsyncExitStack() as stack:
        file = (
            None if captured.to is None else await stack.enter_async_context(await anyio.open_file(captured.to, "wb"))
        )
        async for chunk in stdout:
            captured.size += len(chunk)
            if captured.size > most:
                captured.too_much = True
                leashed.signal()
                return
            if file is None:
                captured.stdout += chunk
            else:
                await file.write(chunk)


async def _read_errors(stderr: ByteReceiveStream, captured: _Captured) -> None:
    async for chunk in stderr:
        captured.stderr += chunk
        if len(captured.stderr) > 4 * STDERR_BYTES_MAX:
            del captured.stderr[: -2 * STDERR_BYTES_MAX]


def _require_success(work: Work, status: int, captured: _Captured, receipt: Mapping[str, Json]) -> None:
    if captured.too_much:
        most = OUTPUT_BYTES_MAX if captured.to is None else LIMITS.file_bytes_max
        fault = too_large(captured.size, most, happened=work.leaves_traces)
        fault.receipt = receipt
        raise fault
    if status != 0:
        said = f": {captured.errors.splitlines()[-1][:500]}" if captured.errors else ""
        raise ActivityFault(
            "command_failed",
            f"{receipt['program']} {exit_words(status)}{said}",
            maybe_happened=work.leaves_traces and status < 0,  # killed half-way: it could not say how far it had come
            detail={"exit_code": status, "stderr": captured.errors},
            receipt=receipt,
        )


def _output(work: Work, captured: _Captured, receipt: Mapping[str, Json]) -> Json:
    try:
        output = _parsed(captured.stdout, work.spec.get("parse") or "text")
        require_output(output, happened=work.leaves_traces)
    except ValueError as error:
        raise ActivityFault(
            "output_invalid",
            f"{receipt['program']} did not print JSON: {error}",
            maybe_happened=work.leaves_traces,
            detail={"stdout": captured.stdout[:500].decode(errors="replace")},
            receipt=receipt,
        ) from None
    return output


def _parsed(data: bytearray, parse: Json) -> Json:
    text = data.decode("utf-8", errors="replace")
    match parse:
        case "text":
            return text.removesuffix("\n").removesuffix("\r")
        case "lines":
            return text.splitlines()
        case "json":
            return parse_json(text)
        case other:
            raise arguments.wrong(f"`parse` is json, lines or text, not {other!r}")


def _not_found(message: str, hint: str) -> ActivityFault:
    return ActivityFault("command_not_found", message, retryable=False, hint=hint)
