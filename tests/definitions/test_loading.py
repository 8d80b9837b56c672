"""Folders and files as one set."""

from pathlib import Path

import pytest

from engine.definitions import Surroundings, load

STEPS = "steps:\n  a: {uses: transform, with: {x: 1}}\n"


def codes(loaded):
    return [(Path(problem.file).name, problem.code) for problem in loaded.problems]


def test_one_broken_file_leaves_the_others_defined_and_the_set_broken(tmp_path):
    (tmp_path / "good.yaml").write_text(f"workflow: good\n{STEPS}")
    (tmp_path / "bad.yaml").write_text(f"workflow: bad\ntitel: x\n{STEPS}")
    loaded = load([tmp_path])
    assert list(loaded.definitions) == ["good"]
    assert codes(loaded) == [("bad.yaml", "unknown_key")]
    assert loaded.broken
    assert len(loaded.files) == 2


def test_two_files_with_one_name_are_both_refused_and_each_names_the_other(tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.yaml").write_text(f"workflow: twin\n{STEPS}")
    loaded = load([tmp_path])
    assert loaded.definitions == {}
    assert sorted(codes(loaded)) == [(f"{name}.yaml", "workflow_twice") for name in ("one", "three", "two")]
    assert all("twin" in problem.message and ".yaml" in problem.message for problem in loaded.problems)


def test_a_broken_file_still_claims_its_name(tmp_path):
    (tmp_path / "a.yaml").write_text(f"workflow: twin\n{STEPS}")
    (tmp_path / "b.yaml").write_text(f"workflow: twin\nnonsense: 1\n{STEPS}")
    loaded = load([tmp_path])
    assert loaded.definitions == {}
    assert sorted(codes(loaded)) == [
        ("a.yaml", "workflow_twice"),
        ("b.yaml", "unknown_key"),
        ("b.yaml", "workflow_twice"),
    ]


def test_files_named_twice_are_read_once(tmp_path):
    (tmp_path / "a.yaml").write_text(f"workflow: a\n{STEPS}")
    loaded = load([tmp_path, tmp_path / "a.yaml", tmp_path / "." / "a.yaml"])
    assert loaded.problems == ()
    assert len(loaded.files) == 1


def test_what_is_no_workflow_file_is_told(tmp_path):
    (tmp_path / "prompt.md").write_text("hello")
    (tmp_path / "empty").mkdir()
    loaded = load([tmp_path / "prompt.md", tmp_path / "missing.yaml", tmp_path / "empty"])
    assert codes(loaded) == [
        ("prompt.md", "not_a_workflow_file"),
        ("missing.yaml", "file_not_found"),
        ("empty", "no_workflows"),
    ]


def test_only_files_directly_in_the_folder_count(tmp_path):
    (tmp_path / "a.yaml").write_text(f"workflow: a\n{STEPS}")
    (tmp_path / "a.test.yaml").write_text("anything: at all\n")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text("nonsense")
    (tmp_path / "folder.yaml").mkdir()
    loaded = load([tmp_path])
    assert (list(loaded.definitions), loaded.problems) == (["a"], ())


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("x")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert codes(load([tmp_path / "a.yaml"])) == [("a.yaml", "file_not_readable")]


def test_the_definition_keeps_its_source_and_folder(tmp_path):
    text = f"workflow: a\n{STEPS}"
    (tmp_path / "a.yaml").write_text(text)
    definition = load([tmp_path]).definitions["a"]
    assert (definition.source, definition.folder) == (text, tmp_path)
    assert definition.workflow.file == str(tmp_path / "a.yaml")


SETTINGS = "settings: {url: {type: string, format: uri}, n: {type: integer, default: 3}}\n"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (None, []),
        ({"a": {"url": "https://e.com"}}, []),
        ({"a": {"url": "https://e.com", "n": 4}}, []),
        ({}, ["setting_missing"]),
        ({"other": {"url": "https://e.com"}}, ["setting_missing"]),
        ({"a": {"url": "nonsense"}}, ["setting_wrong"]),
        ({"a": {"url": "https://e.com", "n": "4"}}, ["setting_wrong"]),
        ({"a": {"url": "https://e.com", "ulr": "x"}}, ["setting_unused"]),
    ],
)
def test_settings_are_checked_against_the_operators_file(tmp_path, values, expected):
    (tmp_path / "a.yaml").write_text(f"workflow: a\n{SETTINGS}{STEPS}")
    loaded = load([tmp_path], surroundings=Surroundings(settings=values))
    assert [problem.code for problem in loaded.problems] == expected
    assert ("a" in loaded.definitions) == (expected in ([], ["setting_unused"]))


def test_models_are_checked_only_when_they_are_known(tmp_path):
    (tmp_path / "a.yaml").write_text("workflow: a\nsteps:\n  a: {uses: model, with: {model: gpt, prompt: Hi}}\n")
    assert load([tmp_path]).problems == ()
    loaded = load([tmp_path], surroundings=Surroundings(models=frozenset()))
    assert [problem.code for problem in loaded.problems] == ["unknown_model"]


def test_two_hundred_steps_are_read_in_one_go(tmp_path):
    steps = "".join(
        f"  s{i}: {{uses: transform, with: {{x: '${{{{ steps.s{i - 1}.output.x }}}}'}}}}\n" for i in range(1, 200)
    )
    (tmp_path / "long.yaml").write_text(f"workflow: long\nsteps:\n  s0: {{uses: transform, with: {{x: 1}}}}\n{steps}")
    loaded = load([tmp_path])
    assert loaded.problems == ()
    assert len(loaded.definitions["long"].plan.steps) == 200
