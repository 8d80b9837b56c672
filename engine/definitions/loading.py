"""A folder of workflow files as one set: what is sound, and everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from engine.definitions import commits
from engine.definitions.examination import Examined, Surroundings, examine
from engine.definitions.problem import Problem
from engine.definitions.proof import Interface
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
    files = _Files(paths, surroundings or Surroundings())
    found = [(path, files.sources[path], files.examined(path)) for path in paths]
    for _, _, examined in found:
        problems += examined.problems
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


class _Files:
    """The files of one set; each is examined once, and those that it uses before it."""

    def __init__(self, paths: Sequence[Path], surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.sources = {path: _source(path) for path in paths}
        self._named = {_name(source): path for path, source in reversed(self.sources.items())}
        self._examined: dict[Path, Examined] = {}
        self._interfaces: dict[Path, Interface] = {}
        self._searched: set[Path] = set()

    def examined(self, path: Path) -> Examined:
        if path not in self._examined:
            interface = self._interfaces[path] = Interface()
            others = partial(self._interface, path.parent)
            self._examined[path] = examine(self.sources[path], path.parent, self.surroundings, others, interface)
        return self._examined[path]

    def _interface(self, folder: Path, name: str) -> Interface | None:
        """What is known of a workflow that a file in this folder uses.

        A file whose examination is under way uses this one in turn: what is known of it so far is taken.
        """
        if name not in self._named:
            self._look_beside(folder)
        path = self._named.get(name)
        if path is None:
            return None
        if path not in self._interfaces:
            self.examined(path)
        return self._interfaces[path]

    def _look_beside(self, folder: Path) -> None:
        """When a single file is checked, the workflows that it uses stand beside it."""
        if folder in self._searched:
            return
        self._searched.add(folder)
        for path in _workflow_files(folder):
            if path.resolve() in {known.resolve() for known in self.sources}:
                continue
            source = _source(path)
            if _name(source) not in self._named:
                self.sources[path] = source
                self._named[_name(source)] = path


def _name(source: Source) -> str:
    name = source.data.get("workflow") if isinstance(source.data, dict) else None
    return name if isinstance(name, str) else ""


def _workflow_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
    return [path for path in files if not path.name.endswith(TEST_SUFFIXES)]


def _paths(given: Sequence[Path], problems: list[Problem]) -> Iterator[Path]:
    """The workflow files among what was given; each once, test files left out."""
    seen: set[Path] = set()
    for one in map(Path, given):
        if one.is_dir():
            files = _workflow_files(one)
            if not files:
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
