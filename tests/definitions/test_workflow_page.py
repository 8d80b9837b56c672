"""The page about the workflow file: every file shown on it is tried, and it leaves no key out."""

import re
import shutil
from pathlib import Path

import pytest

from engine.definitions import Surroundings, later, load
from engine.definitions.schemas import _ALWAYS, _KEYWORDS, FORMATS, INPUT_EXTRAS, TYPES
from engine.definitions.scope import RUN_FIELDS, STEP_PARTS
from engine.definitions.shape import (
    KINDS,
    AccessShape,
    AlertsShape,
    CardShape,
    LimitsShape,
    RetryShape,
    SlackShape,
    WorkflowFile,
)

HERE = Path(__file__).parent
PAGE = (HERE.parent.parent / "docs" / "workflow-file.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\S+)([^\n]*)\n(.*?)^```$", PAGE, re.M | re.S)
SHOWN = [text for language, mark, text in BLOCKS if language == "yaml" and not mark]
WRONG = [
    (text, BLOCKS[at + 1][2])
    for at, (language, mark, text) in enumerate(BLOCKS)
    if (language, mark) == ("yaml", " wrong")
]
LEAST = "steps:\n  a: {uses: transform, with: {x: 1}}\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("prompts", "schemas"):
        shutil.copytree(HERE / "good" / name, tmp_path / name)
    shutil.copy(HERE / "broken" / "functions.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(text):
    whole = text if text.startswith("workflow:") else f"workflow: shown\n{text}"
    whole = whole if "\nsteps:" in whole else whole + LEAST
    Path("shown.yaml").write_text(whole, encoding="utf-8")
    return load([Path("shown.yaml")], surroundings=Surroundings(models=frozenset({"writer", "backup"})))


@pytest.mark.parametrize("text", SHOWN, ids=lambda text: " ".join(text.split()[:2]))
def test_a_file_shown_on_the_page_is_sound(folder, text):
    loaded = checked(text)
    assert [problem.render() for problem in loaded.problems] == []
    assert len(loaded.definitions) == 1


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_a_mistake_shown_on_the_page_is_explained_as_shown(folder, text, said):
    assert "\n".join(problem.render() for problem in checked(text).problems) + "\n" == said


def test_the_page_shows_files():
    assert len(SHOWN) >= 7
    assert len(WRONG) == 1


def _keys(*models):
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("keys of the file", _keys(WorkflowFile)),
        ("keys of its parts", _keys(AccessShape, AlertsShape, LimitsShape, SlackShape, RetryShape, CardShape)),
        ("keys of steps", _keys(*KINDS.values())),
        ("keys of gates", _keys(KINDS["approval"].model_fields["with_"].annotation)),
        ("keys of requests", _keys(KINDS["http"].model_fields["with_"].annotation)),
        ("keys of commands", _keys(KINDS["command"].model_fields["with_"].annotation)),
        ("keys of questions to a model", _keys(KINDS["model"].model_fields["with_"].annotation)),
        ("keys of waits", _keys(KINDS["wait"].model_fields["with_"].annotation)),
        ("types and formats", {*TYPES, *FORMATS}),
        ("keywords of schemas", {*_KEYWORDS, *_ALWAYS}),
        ("fields of the run", {f"run.{name}" for name in RUN_FIELDS}),
        ("parts of a step", {f"steps.NAME.{part}" for part in STEP_PARTS}),
        (
            "what is not supported yet",
            {*later.FILE_KEYS, *later.STEP_KEYS, *later.KINDS, *later.LIMITS_KEYS, *later.NAMES},
        ),
        ("keys that are not supported yet", {key for keys in later.WITH_KEYS.values() for key in keys}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_page_names_all(what, words):
    assert {word for word in words if f"`{word}`" not in PAGE} == set()


def test_the_page_names_what_an_input_may_say_besides():
    assert all(f"`{word}: true`" in PAGE for word in INPUT_EXTRAS)
