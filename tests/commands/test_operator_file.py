"""The operator's file: what may stand in it, and what is said when something else does."""

from pathlib import Path

import pytest
import yaml

from bot import operator_file, settings
from bot.opening import opening
from engine.faults import SettingsFault
from engine.service import Options
from store.model import Plan


def read(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return operator_file.read(path)


def test_without_a_file_there_is_nothing_set():
    assert operator_file.read(None).settings == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hots: [a]", "hots is not known here."),
        ("settings: {publish_post: 7}", "settings.publish_post"),
        ("groups: [editors]", "groups"),
        ("a: [", "is not YAML"),
        ("limits: {python_worker: 2}", "limits.python_worker is not known here."),
        ("limits: {python_workers: 0}", "limits.python_workers: input should be greater than or equal to 1."),
        ("limits: {python_workers: many}", "limits.python_workers: input should be a valid integer."),
        ("limits: {python_memory: lots}", "limits.python_memory: 'lots' is not a size; write for instance 512MiB"),
        (
            "limits: {python_memory: 64MiB}",
            "limits.python_memory: a worker process does not start with less than 256MiB",
        ),
        ("limits: {python_memory: true}", "limits.python_memory: true is not a size"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, says):
    with pytest.raises(SettingsFault) as caught:
        read(tmp_path, text)
    assert says in caught.value.message
    assert caught.value.hint


def test_values_of_the_operator_win_over_the_defaults_of_the_author(tmp_path):
    file = read(tmp_path, "settings: {publish: {url: 'https://b'}}")
    declared = {"url": {"type": "string", "default": "https://a"}, "tries": {"type": "integer", "default": 3}}
    assert file.for_workflow(Plan("publish", {}, (), settings=declared)) == {"url": "https://b", "tries": 3}
    assert file.for_workflow(Plan("other", {}, (), settings=declared)) == {"url": "https://a", "tries": 3}


def test_limits_of_the_file_reach_the_pool_of_workers(tmp_path):
    (tmp_path / "workflows").mkdir()
    file = tmp_path / "settings.yaml"
    file.write_text("limits: {python_workers: 2, python_memory: 512MiB}")
    environment = {"POINTSMAN_SETTINGS": str(file), "POINTSMAN_WORKFLOWS": str(tmp_path / "workflows")}
    options = opening(settings.load(environment)).options()
    assert (options.python_workers, options.python_memory_bytes) == (2, 512 * 1024**2)


def test_limits_that_are_not_set_are_those_of_the_engine():
    options = Options(database=Path("unused"))
    limits = operator_file.read(None).limits
    assert (limits.python_workers, limits.python_memory) == (options.python_workers, options.python_memory_bytes)
    assert (limits.python_workers, limits.python_memory) == (4, 1024**3)


def test_memory_may_be_left_without_a_limit(tmp_path):
    assert read(tmp_path, "limits: {python_memory: unlimited}").limits.python_memory is None


def test_the_file_can_be_written_and_read_again(tmp_path):
    text = "limits: {python_workers: 3, python_memory: unlimited}\nhosts: [a.internal]"
    first = read(tmp_path, text)
    assert read(tmp_path, yaml.safe_dump(first.model_dump(mode="json"))) == first


def test_handles_may_be_written_with_or_without_their_at(tmp_path):
    assert read(tmp_path, "groups: {'@editors': [U1], leads: [U2]}").people() == {"editors": ("U1",), "leads": ("U2",)}


@pytest.mark.parametrize(
    ("calendar", "says"),
    [
        ('{timezone: Europe/Berlin, days: [mon], from: "09:00"}', "calendars.office: `to` is missing"),
        ('{timezone: Europe/Berlin, days: [mon], from: 10:30, to: "17:00"}', "in quotation marks"),
        ('{timezone: Mars, days: [mon], from: "09:00", to: "17:00"}', "'Mars' is no time zone"),
        ('{timezone: UTC, days: [mon], from: "09:00", to: "17:00", holiday: []}', "did you mean `holidays`?"),
        ("nine to five", "A calendar has timezone, days, from, to"),
    ],
)
def test_a_calendar_that_is_none_is_refused_with_its_place(tmp_path, calendar, says):
    with pytest.raises(SettingsFault) as refused:
        read(tmp_path, f"calendars: {{office: {calendar}}}")
    assert says.lower() in refused.value.message.lower()
    assert "office" in refused.value.message
