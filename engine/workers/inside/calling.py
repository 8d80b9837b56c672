"""One call of an author's function: what happened, as data."""

import asyncio
import inspect
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from engine import kit
from engine.json_values import NotPlain, require_plain
from engine.workers.inside import annotations, modules
from store.model import Json

FRAMES_MAX = 6
MESSAGE_CHARS = 2_000
_OWN = os.path.dirname(os.path.abspath(__file__))

Entering = Callable[[], None]


def answer(request: Mapping[str, Json], entering: Entering) -> dict[str, Json]:
    """Carry out one request. `entering` is called when the author's function is about to begin."""
    folder = request["folder"]
    if modules.stale(folder):
        return {"outcome": "stale"}
    try:
        loaded = modules.load(folder, request["call"])
    except modules.NotFound as missing:
        return {"outcome": "not_found", "message": str(missing)}
    except BaseException as error:
        return _unloadable(error, folder, request["call"])
    origin: dict[str, Json] = {"fingerprint": loaded.fingerprint, "files": loaded.files}
    if request["do"] == "describe":
        return {**_described(loaded.function), **origin}
    return {**_called(loaded.function, request, entering), **origin}


def _described(function: Callable[..., Any]) -> dict[str, Json]:
    try:
        return {"outcome": "described", "signature": annotations.describe(function)}
    except Exception as error:
        return {"outcome": "arguments", "message": _line(error)}


def _called(function: Callable[..., Any], request: Mapping[str, Json], entering: Entering) -> dict[str, Json]:
    try:
        arguments = annotations.bind(function, request["with"])
    except annotations.WrongArguments as wrong:
        return {"outcome": "arguments", "message": str(wrong)}
    os.chdir(request["folder"])
    kit.enter_attempt(kit.Attempt(**request["attempt"]))
    began = time.perf_counter()
    entering()
    try:
        outcome = _outcome(function, arguments, request["folder"])
    finally:
        kit.enter_attempt(None)
    outcome["duration_ms"] = round((time.perf_counter() - began) * 1000)
    return _bounded(outcome, request["output_bytes_max"])


def _outcome(function: Callable[..., Any], arguments: Mapping[str, Any], folder: str) -> dict[str, Json]:
    try:
        result = annotations.unwrap(function, _run(function, arguments))
        require_plain(result)
    except SystemExit as leaving:
        return {"outcome": "exit", "message": f"the function called sys.exit({leaving.code!r})"}
    except MemoryError:
        return {"outcome": "memory"}
    except (annotations.WrongResult, NotPlain) as wrong:
        return {"outcome": "invalid", "message": str(wrong)}
    except BaseException as error:
        return _raised(error, folder)
    files = kit.files_made()
    return {"outcome": "returned", "output": result, **({"made": files} if files else {})}


def _run(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    result = function(**arguments)
    if inspect.isawaitable(result):
        return asyncio.run(_awaited(result))
    return result


async def _awaited(result: Any) -> Any:
    return await result


def _raised(error: BaseException, folder: str) -> dict[str, Json]:
    return {
        "outcome": "raised",
        "message": _line(error),
        "type": type(error).__name__,
        "retryable": not isinstance(error, kit.NonRetryable),
        "frames": _frames(error, folder),
        "cause": None if error.__cause__ is None else _line(error.__cause__),
    }


def _unloadable(error: BaseException, folder: str, call: str) -> dict[str, Json]:
    if isinstance(error, MemoryError):
        return {"outcome": "memory"}
    raised = _raised(error, folder)
    raised["message"] = f"{call.rpartition(':')[0]} could not be loaded: {raised['message']}"
    # Code that cannot be read or lacks a module is as broken the next time; anything else may pass.
    raised["retryable"] = not isinstance(error, SyntaxError | ImportError)
    if isinstance(error, ModuleNotFoundError) and error.name and modules.beside(folder, error.name):
        raised["hint"] = f"Files beside a workflow import each other relatively: write `from . import {error.name}`."
    return raised


def _frames(error: BaseException, folder: str) -> list[Json]:
    """The last calls of the author's side, innermost last; this package's own are left out."""
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith((_OWN, "<frozen importlib")) or "/importlib/" in frame.filename:
            continue
        inside = frame.filename.startswith(folder)
        shown = os.path.relpath(frame.filename, folder) if inside else frame.filename
        frames.append({"file": shown, "line": frame.lineno, "function": frame.name, "code": (frame.line or "")[:200]})
    return frames[-FRAMES_MAX:]


def _line(error: BaseException) -> str:
    try:
        said = str(error)
    except Exception:  # an author's __str__ may raise anything
        said = "(its message cannot be read)"
    said = said.encode("utf-8", "replace").decode()
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, kit.NonRetryable) and said:
        text = said  # an author's own sentence, meant for people
    return text if len(text) <= MESSAGE_CHARS else f"{text[:MESSAGE_CHARS]}…"


def _bounded(outcome: dict[str, Json], bytes_max: int) -> dict[str, Json]:
    if outcome["outcome"] != "returned":
        return outcome
    size = len(orjson.dumps(outcome["output"]))
    if size > bytes_max:
        return {"outcome": "too_large", "size": size, "duration_ms": outcome["duration_ms"]}
    return outcome


def flush() -> None:
    """Push out what the author's code printed, so that it is on the pipe before the answer is."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: S112 - the author may have closed or replaced it
            continue
