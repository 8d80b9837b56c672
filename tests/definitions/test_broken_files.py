"""Every mistake in tests/definitions/broken is told in exactly the words of the text file beside it.

To look at changed wordings, run with POINTSMAN_PIN=1 and read the difference in the text files.
"""

import difflib
import os
from pathlib import Path

import pytest

from engine.definitions import Surroundings, load

FOLDER = Path(__file__).parent / "broken"
SURROUNDINGS = Surroundings(
    settings={
        "settings_without_values": {"cms_url": "cms", "color": "blue"},
        "unknown_names": {"cms_url": "https://c"},
    },
    groups={"@duo": ("ada@example.com", "grace@example.com")},
    models=frozenset({"writer", "backup"}),
    calendars=frozenset({"office"}),
)


@pytest.fixture(autouse=True)
def _inside_the_folder(monkeypatch):
    monkeypatch.chdir(FOLDER)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_a_mistake_is_explained_as_pinned(name):
    loaded = load([Path(f"{name}.yaml")], surroundings=SURROUNDINGS)
    said = "\n\n".join(problem.render() for problem in loaded.problems) + "\n"
    pinned = FOLDER / f"{name}.txt"
    if os.environ.get("POINTSMAN_PIN"):
        pinned.write_text(said, encoding="utf-8")
    expected = pinned.read_text(encoding="utf-8")
    if said != expected:
        pytest.fail("\n".join(difflib.unified_diff(expected.splitlines(), said.splitlines(), "pinned", "said")))


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_a_file_with_an_error_defines_nothing_and_every_problem_has_a_place_and_words(name):
    loaded = load([Path(f"{name}.yaml")], surroundings=SURROUNDINGS)
    assert loaded.problems
    assert bool(loaded.definitions) is not loaded.broken
    for problem in loaded.problems:
        assert problem.message
        assert problem.code.replace("_", "").isalnum()
        if problem.line:
            lines = Path(problem.file).read_bytes().decode("utf-8-sig").splitlines()
            assert problem.excerpt == ("" if problem.code == "bad_secret" else lines[problem.line - 1])
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


def test_what_may_be_a_secret_is_never_shown():
    loaded = load([Path("secret_in_the_open.yaml")])
    assert "hunter2" not in "".join(problem.render() for problem in loaded.problems)
