"""In which order steps are taken back when the clock was not to be trusted."""

from __future__ import annotations

import pytest

from engine.rules.commands import Claim, ReportSuccess
from store.events import EndingBegun
from store.model import Content
from tests.support.engines import plan, step
from tests.support.story import Story

BOOKING = plan(
    step("hotel", "http"),
    step("flight", "http"),
    step("pay", "http", after=["hotel", "flight"]),
    undo=(step("hotel:undo", "http"), step("flight:undo", "http")),
)


@pytest.mark.parametrize("ms", [60_000, 0, -60_000])
def test_what_was_done_last_is_taken_back_first_also_when_the_clock_was_moved_in_between(ms: int) -> None:
    story = Story(BOOKING).given(Claim("flight"), Claim("hotel"))
    story.given(ReportSuccess(story.at("flight"), Content()))
    story.now += ms
    story.given(ReportSuccess(story.at("hotel"), Content()))
    story.failed("pay")
    assert story.last(EndingBegun).steps == ("hotel:undo", "flight:undo")
