"""Log lines: structured, one a fact, with every secret taken out at the very end."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.types import EventDict, Processor

Redact = Callable[[str], str]

# These write whole payloads and access lines at INFO; what matters of them is in our own lines.
QUIET = ("slack_bolt", "slack_sdk", "aiohttp.access", "aiohttp.server", "httpx", "httpcore", "asyncio")


def configure(
    kind: Literal["json", "console"],
    redact: Redact,
    *,
    level: str = "info",
    stream: TextIO | None = None,
) -> None:
    """Send everything, also what libraries log, through one chain whose last link is the redaction by value."""
    stream = stream if stream is not None else sys.stderr
    renderer = _renderer(kind, stream)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            *renderer,
            _redaction(redact),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(_in_one_line)


def _in_one_line(record: logging.LogRecord) -> bool:
    """Whatever anybody may send that is no HTTP is told in one line; the error quotes what was sent."""
    error = record.exc_info[1] if record.exc_info else None
    if type(error).__module__ == "aiohttp.http_exceptions":
        record.msg, record.args = "A request was refused, as it is no HTTP (%s)", (type(error).__name__,)
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def _renderer(kind: Literal["json", "console"], stream: TextIO) -> list[Processor]:
    if kind == "json":
        return [structlog.processors.EventRenamer("event"), structlog.processors.JSONRenderer(ensure_ascii=False)]
    colors = stream.isatty()
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]


def _redaction(redact: Redact) -> Processor:
    """The last processor: by then exceptions and values are text, so that nothing slips past."""

    def take_out(logger: Any, name: str, line: EventDict) -> EventDict:
        return cast(EventDict, redact(cast(str, line)))

    return take_out


def redactor_of(values: Iterable[str]) -> Redact:
    """A redaction that knows these values, for use before the engine's own redactor exists."""
    from engine.secrets import Redactor

    redactor = Redactor()
    for value in values:
        redactor.add(value)
    return redactor.text
