"""Log lines: readable by machines or people, and never with a secret in them."""

import io
import json
import logging

import pytest
import structlog

from bot import logs


@pytest.fixture
def lines():
    before = logging.getLogger().handlers, logging.getLogger().level
    levels = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield io.StringIO()
    logging.getLogger().handlers, level = before
    logging.getLogger().setLevel(level)
    for name, kept in levels.items():
        logging.getLogger(name).setLevel(kept)
    structlog.reset_defaults()


def test_a_json_line_carries_time_level_event_and_context(lines):
    logs.configure("json", lambda text: text, stream=lines)
    structlog.contextvars.bind_contextvars(run="R-7K2")
    structlog.get_logger().info("gate.opened", step="editorial")
    structlog.contextvars.clear_contextvars()
    line = json.loads(lines.getvalue())
    assert (line["event"], line["run"], line["step"], line["level"]) == ("gate.opened", "R-7K2", "editorial", "info")
    assert line["at"].endswith("Z")


@pytest.mark.parametrize("kind", ["json", "console"])
def test_a_secret_is_taken_out_of_values_tracebacks_and_lines_of_libraries(lines, kind):
    secret = 'tok"en-ünsäfe-1234'
    logs.configure(kind, logs.redactor_of([secret]), stream=lines)
    structlog.get_logger().warning("sending", header=f"Bearer {secret}")
    try:
        raise ValueError(f"refused {secret}")
    except ValueError:
        structlog.get_logger().exception("failed")
    logging.getLogger("some.library").error("answer %s", secret)
    text = lines.getvalue()
    assert text.count("‹secret›") >= 3
    assert secret not in text
    assert json.dumps(secret)[1:-1] not in text


def test_libraries_that_log_payloads_stay_quiet(lines):
    logs.configure("json", lambda text: text, stream=lines)
    logging.getLogger("slack_bolt.AsyncApp").info("body: everything")
    logging.getLogger("slack_bolt.AsyncApp").warning("odd")
    assert [json.loads(line)["event"] for line in lines.getvalue().splitlines()] == ["odd"]


def test_what_is_below_the_level_is_not_written(lines):
    logs.configure("json", lambda text: text, level="warning", stream=lines)
    structlog.get_logger().info("quiet")
    assert lines.getvalue() == ""
