"""A folder of workflow files as one set: what is sound, and everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.definitions import commits
from engine.definitions.examination import Examined, Surroundings, examine
from engine.definitions.problem import Problem
from engine.definitions.source import FILE_BYTES_MAX, Source, read
from store.model import Plan, Workflow

SUFFIXES = (".yaml", ".yml")
TEST_SUFFIXES = (".test.yaml", ".test.yml")


@dataclass(frozen=True, slots=True)
class Definition:
    """A workflow as written, understood and proved."""

    workflow: Workflow
    plan: Plan
    source: str  # the text of the file
    folder: Path  # where prompts, schemas and Python beside it stand


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a set of files. With an error among the problems the set as a whole is broken."""

    definitions: dict[str, Definition]
    problems: tuple[Problem, ...]
    files: tuple[str, ...]

    @property
    def broken(self) -> bool:
        return any(problem.severity == "error" for problem in self.problems)


def load(folder_or_files: Sequence[Path], *, surroundings: Surroundings | None = None) -> Loaded:
    """Read and check workflow files: those given, and those directly in the folders given."""
    problems: list[Problem] = []
    paths = list(_paths(folder_or_files, problems))
    found: list[tuple[Path, Source, Examined]] = []
    for path in paths:
        source = _source(path)
        examined = examine(source, path.parent, surroundings or Surroundings())
        problems += examined.problems
        found.append((path, source, examined))
    problems += _names_taken_twice(found)
    taken_twice = {problem.file for problem in problems if problem.code == "workflow_twice"}
    sound = {
        path: Definition(examined.workflow, examined.plan, source.text, path.parent)
        for path, source, examined in found
        if examined.workflow and examined.plan and str(path) not in taken_twice
    }
    return Loaded(_with_commits(sound), tuple(problems), tuple(str(path) for path in paths))


def _with_commits(sound: Mapping[Path, Definition]) -> dict[str, Definition]:
    """The definitions by name, each with the commit of its file."""
    known = commits.of(sound)
    return {
        one.workflow.name: replace(one, workflow=replace(one.workflow, commit=known.get(path, "")))
        for path, one in sound.items()
    }


def _paths(given: Sequence[Path], problems: list[Problem]) -> Iterator[Path]:
    """The workflow files among what was given; each once, test files left out."""
    seen: set[Path] = set()
    for one in map(Path, given):
        if one.is_dir():
            files = sorted(path for path in one.iterdir() if path.suffix in SUFFIXES and path.is_file())
            if not any(not path.name.endswith(TEST_SUFFIXES) for path in files):
                problems.append(
                    _about(one, "warning", "no_workflows", "there is no workflow file in this folder", _NEW)
                )
        elif not one.exists():
            problems.append(_about(one, "error", "file_not_found", "there is no such file or folder", _WHERE))
            continue
        elif one.suffix not in SUFFIXES:
            hint = "workflow files end in .yaml"
            problems.append(_about(one, "error", "not_a_workflow_file", "this is no workflow file", hint))
            continue
        else:
            files = [one]
        for path in files:
            if not path.name.endswith(TEST_SUFFIXES) and path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


_NEW = "docs/first-workflow.md shows how to write a first one, `pointsman demo` shows five at work"
_WHERE = "check the path, or set POINTSMAN_WORKFLOWS"


def _about(path: Path, severity: str, code: str, message: str, hint: str) -> Problem:
    return Problem(str(path), 0, 0, "error" if severity == "error" else "warning", code, message, hint)


def _source(path: Path) -> Source:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        hint = "check its permissions"
        fault = _about(path, "error", "file_not_readable", f"the file cannot be read: {error.strerror}", hint)
        return Source(str(path), problems=(fault,))
    return read(str(path), raw)


def _names_taken_twice(found: Sequence[tuple[Path, Source, Examined]]) -> Iterator[Problem]:
    first: dict[str, tuple[Path, Source]] = {}
    told: set[str] = set()
    for path, source, examined in found:
        name = examined.name
        if not name:
            continue
        if name not in first:
            first[name] = (path, source)
            continue
        pairs = [(source, path, first[name][0])]
        pairs += [] if name in told else [(first[name][1], first[name][0], path)]
        told.add(name)
        for one, _, other in pairs:
            message = f"the workflow `{name}` is also defined in {other}"
            spot = one.spot(("workflow",))
            yield replace(one.problem(spot, "workflow_twice", message, "give one of them another name"))
