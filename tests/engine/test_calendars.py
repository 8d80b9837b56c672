"""Working-hour clocks: hand-counted examples, and laws against a slow count by the minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.calendars import Calendar, CalendarUnfit, calendar_from

OFFICE = {"timezone": "Europe/Berlin", "days": ["mon..fri"], "from": "09:00", "to": "17:30", "holidays": ["2026-12-25"]}
HOUR, MINUTE = 3_600_000, 60_000


def office(**changes: object) -> Calendar:
    return calendar_from({**OFFICE, **changes})


def at(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> int:
    """The moment when clocks in this zone show this."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def test_time_within_one_day_passes_as_on_any_clock():
    assert office().after(at("2026-11-02T10:00"), 4 * HOUR) == at("2026-11-02T14:00")


def test_what_is_left_at_closing_time_goes_on_the_next_morning():
    assert office().after(at("2026-11-02T16:00"), 4 * HOUR) == at("2026-11-03T11:30")


def test_the_last_moment_of_a_day_still_belongs_to_it():
    assert office().after(at("2026-11-02T09:00"), 8 * HOUR + 30 * MINUTE) == at("2026-11-02T17:30")


def test_a_weekend_does_not_count():
    assert office().after(at("2026-11-06T17:00"), HOUR) == at("2026-11-09T09:30")


def test_a_night_and_a_sunday_count_from_the_next_opening():
    assert office().after(at("2026-11-02T22:00"), HOUR) == at("2026-11-03T10:00")
    assert office().after(at("2026-11-08T12:00"), 0) == at("2026-11-09T09:00")


def test_a_holiday_is_no_working_day_from_morning_to_evening():
    assert office().after(at("2026-12-24T17:00"), HOUR) == at("2026-12-28T09:30")
    assert office().after(at("2026-12-25T10:00"), HOUR) == at("2026-12-28T10:00")


def test_backwards_it_counts_from_the_last_closing():
    assert office().after(at("2026-11-03T10:00"), -2 * HOUR) == at("2026-11-02T16:30")
    assert office().after(at("2026-11-09T08:00"), -HOUR) == at("2026-11-06T16:30")
    assert office().after(at("2026-12-28T09:30"), -HOUR) == at("2026-12-24T17:00")


def test_a_night_with_a_clock_change_leaves_working_hours_where_they_are():
    assert office().after(at("2026-03-27T17:00"), HOUR) == at("2026-03-30T09:30")
    new_york = office(timezone="America/New_York")
    assert new_york.after(at("2026-10-30T17:00", "America/New_York"), HOUR) == at(
        "2026-11-02T09:30", "America/New_York"
    )


def test_a_day_is_shorter_when_the_clocks_leap_forward_in_it():
    around = office(days=["mon..sun"], **{"from": "00:00", "to": "24:00"})
    assert around.after(at("2026-03-29T00:00"), 23 * HOUR) == at("2026-03-30T00:00")
    assert around.after(at("2026-03-30T00:00"), -23 * HOUR) == at("2026-03-29T00:00")


def test_a_day_is_longer_when_the_clocks_go_back_in_it():
    around = office(timezone="America/New_York", days=["sun"], **{"from": "00:00", "to": "06:00"})
    start = at("2026-11-01T00:00", "America/New_York")
    assert around.after(start, 7 * HOUR) == at("2026-11-01T06:00", "America/New_York")
    assert around.after(start, 2 * HOUR) == at("2026-11-01T01:00", "America/New_York", fold=1)


def test_half_an_hour_is_leapt_over_on_lord_howe():
    zone = "Australia/Lord_Howe"
    around = office(timezone=zone, days=["sun"], **{"from": "01:00", "to": "04:00"})
    assert around.after(at("2026-10-04T01:00", zone), 150 * MINUTE) == at("2026-10-04T04:00", zone)
    assert around.after(at("2026-04-05T01:00", zone), 210 * MINUTE) == at("2026-04-05T04:00", zone)


def test_an_opening_that_the_clocks_leap_over_is_just_after_the_leap():
    night = office(days=["sun"], **{"from": "02:30", "to": "05:00"})
    assert night.after(at("2026-03-29T00:00"), 0) == at("2026-03-29T03:00")
    assert night.after(at("2026-03-29T00:00"), 2 * HOUR) == at("2026-03-29T05:00")


def test_a_closing_that_the_clocks_leap_over_is_at_the_leap():
    night = office(days=["sun"], **{"from": "01:00", "to": "02:30"})
    assert night.after(at("2026-03-29T01:00"), HOUR) == at("2026-03-29T03:00")


def test_working_hours_that_the_clocks_leap_over_do_not_take_place():
    night = office(days=["sun"], **{"from": "02:00", "to": "03:00"})
    assert night.after(at("2026-03-29T00:00"), HOUR) == at("2026-04-05T03:00")


def test_an_opening_that_comes_twice_is_the_first():
    night = office(days=["sun"], **{"from": "02:30", "to": "05:00"})
    assert night.after(at("2026-10-25T00:00"), 0) == at("2026-10-25T02:30", fold=0)
    assert night.after(at("2026-10-25T00:00"), 210 * MINUTE) == at("2026-10-25T05:00")


def test_a_day_that_a_place_leapt_over_has_no_working_time():
    samoa = office(timezone="Pacific/Apia", days=["mon..sun"])
    assert samoa.after(at("2011-12-29T17:00", "Pacific/Apia"), HOUR) == at("2011-12-31T09:30", "Pacific/Apia")


def test_days_may_be_named_one_by_one_and_go_around_the_weekend():
    assert office(days=["sun..thu"]).days == frozenset({6, 0, 1, 2, 3})
    assert office(days=["Mon", "wed"]).days == frozenset({0, 2})


def test_a_holiday_may_come_as_a_date():
    assert office(holidays=[date(2026, 12, 25)]) == office()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"days": []}, "`days` is empty"),
        ({"from": "17:30", "to": "09:00"}, "there is no working time"),
        ({"from": "09:00", "to": "09:00"}, "there is no working time"),
        ({"timezone": "Europe/Berlm"}, "'Europe/Berlm' is no time zone"),
        ({"timezone": 3}, "3 is no time zone"),
        ({"timezone": "../etc"}, "is no time zone"),
        ({"days": ["mon..fry"]}, "'mon..fry' is no day of the week"),
        ({"days": "mon"}, "`days` is a list"),
        ({"from": 540}, "`from` is 540; write a time of day in quotation marks"),
        ({"to": "25:00"}, "`to` is '25:00'"),
        ({"to": "9:5"}, "`to` is '9:5'"),
        ({"holidays": ["25.12.2026"]}, "'25.12.2026' is no holiday"),
        ({"holidays": ["2026-02-30"]}, "'2026-02-30' is no holiday"),
        ({"holidays": "2026-12-25"}, "`holidays` is a list"),
        ({"timezone": None}, "`timezone` is missing"),
        ({"holiday": []}, "did you mean `holidays`?"),
    ],
)
def test_what_gives_no_calendar_is_refused_in_a_sentence(changes, said):
    with pytest.raises(CalendarUnfit) as refused:
        office(**changes)
    assert said in str(refused.value)


def test_something_else_than_a_mapping_is_no_calendar():
    with pytest.raises(CalendarUnfit, match="timezone, days, from, to"):
        calendar_from("office")


# Laws --------------------------------------------------------------------------------------------------------------

ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "UTC"]
CHANGES = ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-10-04", "2026-09-06"]


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    opens = draw(st.integers(0, 1_438))
    return Calendar(
        ZoneInfo(draw(st.sampled_from(ZONES))),
        frozenset(draw(st.sets(st.integers(0, 6), min_size=1))),
        opens,
        draw(st.integers(opens + 1, 1_440)),
        frozenset(draw(st.sets(st.sampled_from([date.fromisoformat(day) for day in CHANGES]), max_size=2))),
    )


@st.composite
def moments(draw: st.DrawFn) -> int:
    """A moment around a change of clocks, at a whole minute."""
    day = datetime.fromisoformat(draw(st.sampled_from(CHANGES))).replace(tzinfo=UTC)
    return round(day.timestamp() * 1000) + draw(st.integers(-3 * 1_440, 3 * 1_440)) * MINUTE


lengths = st.integers(-30 * HOUR // MINUTE, 30 * HOUR // MINUTE).map(lambda minutes: minutes * MINUTE)
forward = st.integers(0, 30 * HOUR // MINUTE).map(lambda minutes: minutes * MINUTE)


def works(calendar: Calendar, moment: int) -> bool:
    """Whether the minute that begins here is a working one, by what the clock on the wall shows."""
    wall = datetime.fromtimestamp(moment / 1000, calendar.zone)
    minutes = wall.hour * 60 + wall.minute
    right_day = wall.weekday() in calendar.days and wall.date() not in calendar.holidays
    return right_day and calendar.opens <= minutes < calendar.closes


@given(calendars(), moments(), lengths)
def test_it_always_lands_in_working_time_or_where_it_closes(calendar, start, ms):
    landed = calendar.after(start, ms)
    assert works(calendar, landed) or works(calendar, landed - 1)


@given(calendars(), moments(), forward, forward)
def test_time_adds_up(calendar, start, first, second):
    assert calendar.after(calendar.after(start, first), second) == calendar.after(start, first + second)
    assert calendar.after(calendar.after(start, -first - 1), -second) == calendar.after(start, -first - 1 - second)


@given(calendars(), moments(), moments(), lengths, lengths)
def test_later_or_longer_never_ends_earlier(calendar, one, other, ms, more):
    assert calendar.after(min(one, other), ms) <= calendar.after(max(one, other), ms)
    assert calendar.after(one, min(ms, more)) <= calendar.after(one, max(ms, more))


@given(calendars(), moments(), forward)
def test_it_agrees_with_counting_minute_by_minute(calendar, start, ms):
    landed = calendar.after(start, ms)
    assume(landed - start < timedelta(days=12) / timedelta(milliseconds=1))
    twice = _ambiguous(calendar)
    assume(not twice)
    assert sum(works(calendar, moment) for moment in range(start, landed, MINUTE)) == ms // MINUTE


def _ambiguous(calendar: Calendar) -> bool:
    """Whether the calendar opens or closes at a time that comes twice on some day: then the first one counts."""
    days = [date.fromisoformat(day) for day in CHANGES]
    for day in days:
        for minutes in (calendar.opens, calendar.closes):
            wall = datetime.fromisoformat(f"{day}T00:00") + timedelta(minutes=minutes)
            first, second = (wall.replace(tzinfo=calendar.zone, fold=fold).utcoffset() for fold in (0, 1))
            if first != second:
                return True
    return False
