"""What one asks for, as the line that a person types for it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bot.grammar.asks import (
    Approve,
    Ask,
    Cancel,
    Changes,
    Endpoints,
    Help,
    ListWorkflows,
    Mine,
    Pause,
    Ping,
    Pleasantry,
    Reject,
    Resume,
    Retry,
    Start,
    Status,
    Value,
    Waiting,
    WhoAmI,
    WhoDecides,
    Why,
)

_SAFE = re.compile(r"[A-Za-z0-9_./:@#%,][A-Za-z0-9_./:@#%,-]*")


def render(ask: Ask) -> str:
    """The line that asks for this, as a person types it."""
    match ask:
        case Start():
            return _render_start(ask)
        case Cancel(run, reason):
            return join("cancel", run, _because(reason))
        case Approve(gate, version, comment):
            return join("approve", gate, version_word(version), _quoted(comment) if comment else "")
        case Reject(gate, reason, version):
            return join("reject", gate, version_word(version), _because(reason))
        case Changes(gate, comment, version):
            return join("changes", gate, version_word(version), _quoted(comment))
        case Retry():
            return _render_retry(ask)
        case Pause(run, reason):
            return join("pause", run, _because(reason))
        case Resume(run):
            return join("resume", run)
        case Endpoints(trying):
            return join("endpoints", f"try {_quoted(trying)}" if trying else "")
        case ListWorkflows(search):
            return join("list", _quoted(search) if search else "")
        case Help(topic):
            return join("help", _quoted(topic) if topic else "")
        case Status(run) | Why(run):
            return join("status" if isinstance(ask, Status) else "why", run)
        case WhoDecides(about):
            return f"who can approve {about}"
        case Waiting() | Mine() | WhoAmI() | Ping():
            return type(ask).__name__.lower()
        case Pleasantry(word):
            return word


def _render_start(ask: Start) -> str:
    loose = [_quoted(text) for text in ask.loose]
    return join("run", word(ask.workflow), *_named(ask.given), *loose, "--dry-run" if ask.dry_run else "")


def _render_retry(ask: Retry) -> str:
    where = f"from {word(ask.step)}" if ask.step else ""
    version, sure = "--version latest" if ask.latest else "", "--confirm" if ask.confirmed else ""
    return join("retry", ask.run, where, version, *_named(ask.given), sure, _because(ask.reason))


def _named(given: Iterable[tuple[str, Value]]) -> list[str]:
    return [
        f"{name}+={word(part)}" if isinstance(value, tuple) else f"{name}={word(part)}"
        for name, value in given
        for part in (value if isinstance(value, tuple) else (value,))
    ]


def word(text: str) -> str:
    return text if _SAFE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _because(reason: str) -> str:
    return f"because {_quoted(reason)}" if reason else ""


def version_word(version: int | None) -> str:
    return "" if version is None else f"v{version}"


def join(*parts: str) -> str:
    return " ".join(part for part in parts if part)
