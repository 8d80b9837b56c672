"""The operator's file: what may stand in it, and what is said when something else does."""

import pytest

from bot import operator_file
from engine.faults import SettingsFault
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


def test_handles_may_be_written_with_or_without_their_at(tmp_path):
    assert read(tmp_path, "groups: {'@editors': [U1], leads: [U2]}").people() == {"editors": ("U1",), "leads": ("U2",)}
