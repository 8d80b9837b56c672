"""For the tests of workflows in Python: a workflow runs here without Slack and network, on a clock moved by hand.

async with rehearsal("workflows/publish_post.yaml", fakes={"draft": gives({"title": "Ink"})}) as r:
    await r.start(topic="Ink")
    await r.approve("editorial", by="U0RAVI")
    await r.end()
    assert r.status == "succeeded"
"""

from engine.rehearsal import (
    Call,
    Crashed,
    Given,
    Outcome,
    Rehearsal,
    Unsound,
    every_crash,
    fails,
    gives,
    interrupted,
    rehearsal,
)

__all__ = [
    "Call",
    "Crashed",
    "Given",
    "Outcome",
    "Rehearsal",
    "Unsound",
    "every_crash",
    "fails",
    "gives",
    "interrupted",
    "rehearsal",
]
