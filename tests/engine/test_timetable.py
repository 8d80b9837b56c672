"""Timetables on ordinary days and on those when the clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import timetable as timetables
from engine.timetable import NoTimetable, timetable, zone_rules

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]
LINES = ["30 2 * * *", "0 9 * * 1", "*/30 * * * *", "*/7 1-3 * * *", "15 2 1 * *", "0 * * * *"]


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def told(cron: str, zone: str, since: str, count: int) -> list[tuple[str, str]]:
    return [(slot.local, slot.unusual) for slot in timetable(cron, zone).preview(moment(since), count)]


@pytest.mark.parametrize(
    ("zone", "cron", "since", "expected"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00+01:00", ("2026-03-29 03:00 CEST", "gap")),
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00+02:00", ("2026-10-25 02:30 CEST", "fold")),
        ("America/New_York", "15 2 * * *", "2026-03-07T12:00-05:00", ("2026-03-08 03:00 EDT", "gap")),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00-04:00", ("2026-11-01 01:30 EDT", "fold")),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00+10:30", ("2026-10-04 02:30 +11", "gap")),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00+11:00", ("2026-04-05 01:45 +11", "fold")),
    ],
)
def test_a_daily_slot_on_a_change_day_fires_once_and_says_what_is_unusual(
    zone: str, cron: str, since: str, expected: tuple[str, str]
) -> None:
    first, second = told(cron, zone, since, 2)
    assert first == expected
    assert second[1] == "", "the day after is an ordinary day again"
    assert second[0][:10] != first[0][:10], "not twice on one day"


def test_every_half_hour_goes_on_through_the_repeated_hour() -> None:
    slots = told("*/30 * * * *", "Europe/Berlin", "2026-10-25T01:30+02:00", 4)
    assert [local[11:] for local, _ in slots] == ["02:00 CEST", "02:30 CEST", "02:00 CET", "02:30 CET"]


def test_asked_inside_the_repeated_hour_the_next_slot_lies_ahead() -> None:
    within = moment("2026-10-25T01:10:00+00:00")  # 02:10, for the second time
    assert timetable("30 2 * * *", "Europe/Berlin").after(within) > within


@given(
    st.sampled_from(ZONES),
    st.sampled_from(LINES),
    st.integers(moment("2017-01-01T00:00Z"), moment("2030-01-01T00:00Z")),
)
def test_slots_only_go_forward_and_none_is_left_out(zone: str, cron: str, since: int) -> None:
    made = timetable(cron, zone)
    slots = [slot.at for slot in made.preview(since, 12)]
    assert slots[0] > since
    assert slots == sorted(set(slots))
    assert [made.after(at) for at in (since, *slots[:-1])] == slots, "asked one by one they are the same"
    assert list(made.between(since, slots[5])) == slots[:6]
    assert all(at % 60_000 == 0 for at in slots)


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("* * *", "UTC", "“* * *” has 3 fields; a cron line has five: minute, hour, day, month, weekday"),
        ("0 0 9 * * 1", "UTC", "has 6 fields"),
        ("99 * * * *", "UTC", "“99 * * * *” cannot be understood: Bad minute"),
        ("0 0 31 2 *", "UTC", "Bad day-of-month"),
        ("0 9 * * 1", "Europe/Belrin", "there is no time zone “Europe/Belrin”"),
        ("0 9 * * 1", "../../etc/passwd", "there is no time zone"),
        ("0 9 * * 1", "", "there is no time zone"),
    ],
)
def test_what_is_no_timetable_is_told_why(cron: str, zone: str, said: str) -> None:
    with pytest.raises(NoTimetable) as told:
        timetable(cron, zone)
    assert said in str(told.value)


def test_a_timetable_is_told_in_words() -> None:
    assert timetable("0 9 * * 1", "Europe/Berlin").explained() == "At 09:00 on Monday"
    assert timetable("@daily", "UTC").explained() == "At 00:00 every day"


@pytest.fixture
def zones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A system whose zones lie here."""
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes(b"TZif2 one")
    monkeypatch.setattr(timetables, "TZPATH", (str(tmp_path / "nowhere"), str(tmp_path)))
    zone_rules.cache_clear()
    yield tmp_path
    zone_rules.cache_clear()


def test_the_rules_of_a_zone_have_the_version_that_the_system_says(zones: Path) -> None:
    (zones / "tzdata.zi").write_text("# version 2025b\n# more\n")
    assert zone_rules("Europe/Berlin") == "2025b"


def test_where_a_system_says_no_version_the_rules_are_told_apart_by_their_content(zones: Path) -> None:
    (zones / "tzdata.zi").write_text("nothing of the kind\n")
    one = zone_rules("Europe/Berlin")
    assert one.startswith("sha256:")
    zone_rules.cache_clear()
    (zones / "Europe" / "Berlin").write_bytes(b"TZif2 two")
    assert zone_rules("Europe/Berlin") != one


def test_a_zone_that_the_system_does_not_have_is_told_by_the_package_it_comes_from(zones: Path) -> None:
    assert zone_rules("Asia/Tokyo") == import_module("tzdata").IANA_VERSION
