"""The page about the workflow file: every file shown on it is tried, and it leaves no key out."""

import re
import shutil
from pathlib import Path

import pytest

from engine.definitions import Surroundings, load
from engine.definitions.gate_shapes import (
    AutoShape,
    CardShape,
    ChangesShape,
    FromShape,
    GateDefaults,
    PolicyShape,
    SeatsShape,
)
from engine.definitions.schemas import _ALWAYS, _KEYWORDS, FILE, FORMATS, INPUT_EXTRAS, TYPES
from engine.definitions.scope import ITEM_PARTS, REVIEW_PARTS, RUN_FIELDS, STEP_PARTS, USAGE
from engine.definitions.shape import (
    AccessShape,
    AlertsShape,
    BudgetShape,
    ConcurrencyShape,
    DefaultsShape,
    KeepShape,
    LimitsShape,
    SlackShape,
    WorkflowFile,
)
from engine.definitions.step_shapes import (
    KINDS,
    UNDO_KINDS,
    BlockStep,
    EnsureShape,
    PolicyDefaults,
    PollShape,
    RetryShape,
)
from engine.definitions.trigger_shapes import TRIGGERS, VerifyShape
from engine.kit.testing import rehearsal

HERE = Path(__file__).parent
PAGE = (HERE.parent.parent / "docs" / "workflow-file.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\S+)([^\n]*)\n(.*?)^```$", PAGE, re.M | re.S)
SHOWN = [text for language, mark, text in BLOCKS if language == "yaml" and not mark]
COVERS, PARCELS = [text for language, _, text in BLOCKS if language == "python"]
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
    (tmp_path / "parcels.py").write_text(PARCELS, encoding="utf-8")
    (tmp_path / "covers.py").write_text(COVERS, encoding="utf-8")
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


@pytest.mark.anyio
async def test_the_python_of_the_page_is_called_as_the_page_says(folder):
    (file,) = [text for text in SHOWN if "parcels.py:send" in text]
    Path("shown.yaml").write_text(f"workflow: shown\n{file}", encoding="utf-8")
    async with rehearsal("shown.yaml") as r:
        await r.start(address="4 Quay Street")
        assert r.outputs["number"].startswith("P-")
        assert r.run.id in r.outputs["number"]
        assert r.output("send")["grams"] == 500
        await r.start(address=" ")
        assert (r.status, r.step("send").attempt) == ("failed", 1), r.told
    assert load([Path("shown.yaml")]).definitions["shown"].plan.step("send").effect == "once"


def test_the_page_shows_files():
    assert len(SHOWN) >= 14
    assert len(WRONG) == 1


def _keys(*models):
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("keys of the file", _keys(WorkflowFile)),
        (
            "keys of its parts",
            _keys(AccessShape, AlertsShape, LimitsShape, SlackShape, RetryShape, CardShape, KeepShape),
        ),
        ("keys of limits", _keys(ConcurrencyShape, BudgetShape)),
        ("keys of defaults", _keys(DefaultsShape, PolicyDefaults, GateDefaults)),
        ("keys of triggers", _keys(*TRIGGERS.values(), VerifyShape)),
        ("keys of steps", _keys(*KINDS.values(), *UNDO_KINDS.values(), BlockStep, EnsureShape)),
        ("keys of gates", _keys(KINDS["approval"].model_fields["with_"].annotation)),
        ("parts of gates", _keys(ChangesShape, AutoShape, PolicyShape)),
        ("keys of forms", _keys(KINDS["form"].model_fields["with_"].annotation)),
        ("keys of polling", _keys(PollShape)),
        ("keys of messages", _keys(KINDS["message"].model_fields["with_"].annotation)),
        ("keys of stops", _keys(KINDS["stop"].model_fields["with_"].annotation)),
        ("keys of requests", _keys(KINDS["http"].model_fields["with_"].annotation)),
        ("keys of commands", _keys(KINDS["command"].model_fields["with_"].annotation)),
        ("keys of questions to a model", _keys(KINDS["model"].model_fields["with_"].annotation)),
        ("keys of waits", _keys(KINDS["wait"].model_fields["with_"].annotation)),
        ("types and formats", {*TYPES, FILE, *FORMATS}),
        ("keywords of schemas", {*_KEYWORDS, *_ALWAYS}),
        ("fields of the run", {f"run.{name}" for name in RUN_FIELDS}),
        ("parts of a step", {f"steps.NAME.{part}" for part in STEP_PARTS}),
        ("parts of a list", {f"steps.NAME.{ITEM_PARTS}"}),
        ("parts of a review", {f"review.{name}" for name in REVIEW_PARTS}),
        ("fields of usage", set(USAGE["properties"])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_page_names_all(what, words):
    assert {word for word in words if f"`{word}`" not in PAGE} == set()


def test_the_page_shows_how_groups_and_data_name_approvers():
    assert all(key in PAGE for key in (f"{{{', '.join(_ordered(SeatsShape))}}}", "{from: ", "among: "))
    assert _ordered(FromShape) == ["from", "among"]


def _ordered(model):
    return [field.alias or name for name, field in model.model_fields.items()]


def test_the_page_names_what_an_input_may_say_besides():
    assert all(f"`{word}: true`" in PAGE for word in INPUT_EXTRAS)
