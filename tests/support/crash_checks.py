"""What must be so after any number of crashes: as if there had been none, for everyone who looks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from engine.rules.evolution import fold
from store import anchors, history, lookups, outbox, receipts
from store.anchors import Anchor
from store.database import Reader
from store.history import Chain
from store.model import Run, RunStatus
from tests.support.crash_story import Company, Message, key_of
from tests.support.readable import readable

VARYING = (
    (re.compile(r"<!date\^[^>]*>"), "(when)"),
    (re.compile(r" (?:in|after|·) \d+ (?:s|min)\b"), ""),
    (re.compile(r"\bR-[0-9A-Z]+"), "(run)"),
    (re.compile(r"\bG-\d+"), "(gate)"),
    (re.compile(r"=[0-9a-f]{20,}"), "=(id)"),
    (re.compile(r"/p\d{16}\b"), "/(message)"),
    (re.compile(r"thread_ts=[\d.]+"), "thread_ts=(root)"),
)
"""What is different in each run: moments, durations and names."""


def check(company: Company, twin: list[str]) -> None:
    """Everything at once. `twin` is what a company without crashes reads, from `reading`."""
    check_record(company)
    runs = company.runs()
    assert company.starts.acknowledged <= len(runs) <= company.starts.tried
    assert sorted(company.effects()) == sorted(run.id for run in runs), "an effect is missing or happened twice"
    for run in runs:
        check_run(run)
        check_messages(company, run)
        assert reading(company, run) == twin
        check_answers(company, run)
    check_nothing_else_was_said(company)


def check_record(company: Company) -> None:
    """The rows are what the history says, the chain holds, and nothing is left to be shown or answered."""

    def look(tx: Reader) -> None:
        for row in lookups.run_list(tx):
            entries = history.of(tx, row.id)
            assert fold(None, [entry.event for entry in entries if entry.event]) == lookups.run(tx, row.id)
        assert list(history.verify(tx, Chain())) == []
        assert outbox.pending(tx, 10) == []
        assert receipts.open(tx, 10) == []
        assert anchors.unfinished(tx, 10) == []

    company.look(look)


def check_run(run: Run) -> None:
    """It ended as it would have without a crash, by one decision of one person."""
    assert run.status is RunStatus.SUCCEEDED, run.reason or run.error
    assert run.outputs.value == {"text": "A note about ink."}
    gate = run.steps["review"].gate
    assert gate is not None
    assert gate.version == 1
    assert [(one.actor.id, one.verdict) for one in gate.decisions] == [("U0RAVI", "approve")]


def check_messages(company: Company, run: Run) -> None:
    """Each message of the run stands once, in one thread, and where we believe it to stand."""
    known = {one.key: one for one in company.look(lambda tx: anchors.of_run(tx, run.id))}
    standing = [one for one in company.said() if key_of(one) in known]
    assert Counter(map(key_of, standing)) == Counter(known.keys()), "a message is missing or stands twice"
    root = next(one for one in standing if key_of(one) == f"run:{run.id}")
    assert "thread_ts" not in root or root["thread_ts"] == root["ts"]
    for message in standing:
        stands_as_known(message, known[key_of(message)])
        assert message is root or message["thread_ts"] == root["ts"]
    kinds = {key.split(":")[0] for key in known}
    assert {"run", "gate", "end"} <= kinds <= {"run", "gate", "end", "alert"}
    assert ("alert" in kinds) == _was_unknown(company, run), "only an effect that nobody was sure of is asked about"


def stands_as_known(message: Message, anchor: Anchor) -> None:
    """The service knows where this message stands."""
    assert (anchor.state, anchor.ts) == ("posted", message["ts"])


def _was_unknown(company: Company, run: Run) -> bool:
    entries = company.look(lambda tx: history.of(tx, run.id))
    return any(entry.kind == "StepSettled" for entry in entries)


def reading(company: Company, run: Run) -> list[str]:
    """What the root, the card and the outcome of a run say, without what is different in each run."""
    gate = run.steps["review"].gate
    assert gate is not None
    keys = (f"run:{run.id}", f"gate:{gate.id}", f"end:{run.id}:1")
    said = {key_of(one): readable(one["text"], one.get("blocks", ())) for one in company.said()}
    return [without_varying(said[key]) for key in keys]


def without_varying(text: str) -> str:
    """What a message says, without what is different in each run."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text


def check_answers(company: Company, run: Run) -> None:
    """Who started it and who decided were told so: once, and once more at most for each death of the service."""
    gate = run.steps["review"].gate
    assert gate is not None
    starting = [said for said in company.heard("mina") if f"({run.name})" in said and "Starting" in said]
    approved = [said for said in company.heard("ravi") if f"{gate.name} v1" in said and "You approved" in said]
    for answers in (starting, approved):
        assert 1 <= len(answers) <= len(company.lives)
    every = len(company.heard("mina")) + len(company.heard("ravi"))
    assert every >= company.starts.acknowledged + company.clicks.acknowledged


def check_nothing_else_was_said(company: Company) -> None:
    """The bot wrote nothing in Slack but the messages of its runs."""
    assert not list(_strays(company))


def _strays(company: Company) -> Iterator[Message]:
    def standing(tx: Reader) -> set[str | None]:
        return {anchor.ts for row in lookups.run_list(tx) for anchor in anchors.of_run(tx, row.id)}

    ours = company.look(standing)
    for place in company.sandbox.workspace.channels:
        for message in company.sandbox.workspace.said(place):
            if message.get("bot_id") and message["ts"] not in ours:
                yield message
