"""`pointsman run NAME file=@PATH`: files are handed in at the command line."""

import pytest

from tests.support.console import Console

MEASURE = """\
workflow: measure
title: Measure a file
inputs:
  brief: {type: file}
  owner: {type: string, default: nobody}
steps:
  size:
    uses: python
    call: sizes.py:size
    with: {brief: "${{ inputs.brief }}"}
    output: {bytes: integer}
outputs: {bytes: "${{ steps.size.output.bytes }}", name: "${{ inputs.brief.name }}", owner: "${{ inputs.owner }}"}
"""
SIZES = """\
from pathlib import Path


def size(brief: Path) -> dict[str, int]:
    return {"bytes": len(brief.read_bytes())}
"""


@pytest.fixture
def console(tmp_path):
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "measure.yaml").write_text(MEASURE)
    (folder / "sizes.py").write_text(SIZES)
    (tmp_path / "brief.txt").write_bytes(b"\x00" * 20_000)
    return Console(tmp_path)


def test_a_file_is_handed_in_by_its_path_and_a_text_may_begin_with_the_same_sign(console):
    ended = console.run("run", "measure", "brief=@brief.txt", "owner=@editors", "--wait", "--json")
    assert ended.code == 0, ended
    assert ended.json["outputs"] == {"bytes": 20_000, "name": "brief.txt", "owner": "@editors"}
    assert ended.json["inputs"]["brief"]["media_type"] == "text/plain"


def test_a_file_that_is_not_there_is_named_and_nothing_is_started(console):
    ended = console.run("run", "measure", "brief=@nowhere.txt", "--wait")
    assert ended.code == 2, ended
    assert "there is no file nowhere.txt" in ended.err
    assert console.run("runs", "--json").json == []


def test_a_text_where_a_file_is_needed_is_answered_with_how_to_hand_one_in(console):
    ended = console.run("run", "measure", "brief=brief.txt", "--wait")
    assert ended.code == 2, ended
    assert "`brief` needs a file" in ended.err
    assert "write @ and its path" in ended.err
