"""A test file, read: its cases, and everything that is wrong with it at its line and column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from pydantic import ValidationError

from engine.cases.judging import Judge
from engine.cases.shape import CasesFile, CaseShape, MadeUp
from engine.cases.slips import report
from engine.definitions import Definition, Problem
from engine.definitions.problem import Findings, suggestion
from engine.definitions.source import FILE_BYTES_MAX, Source, read
from engine.definitions.words import given

SUFFIXES = (".test.yaml", ".test.yml")


@dataclass(frozen=True, slots=True)
class Case:
    """One case, ready to be played."""

    name: str
    shape: CaseShape
    made_up: MadeUp  # the case's own, over what is so in all cases
    source: Source
    folder: FilePath

    @property
    def path(self) -> tuple[str, str]:
        return ("cases", self.name)


@dataclass(frozen=True, slots=True)
class TestFile:
    """What came of reading one file. With an error among the problems nothing of it is played."""

    __test__ = False

    file: str
    workflow: str
    cases: tuple[Case, ...]
    problems: tuple[Problem, ...]

    @property
    def broken(self) -> bool:
        return any(one.severity == "error" for one in self.problems)


def read_tests(path: FilePath, definitions: Mapping[str, Definition]) -> TestFile:
    """Read one test file, and hold it against the workflow that it tests."""
    source = _source(path)
    findings = Findings(source)
    findings.problems.extend(source.problems)
    file = _shaped(findings) if source.data is not None else None
    if file is None:
        return TestFile(str(path), "", (), tuple(findings.problems))
    cases = tuple(Case(name, shape, _over(file.all, shape), source, path.parent) for name, shape in file.cases.items())
    definition = definitions.get(file.workflow)
    if definition is None:
        hint = suggestion(file.workflow, definitions, what="workflows")
        message = f"there is no sound workflow `{file.workflow}` beside this file"
        findings.error(("workflow",), "unknown_workflow", message, hint)
    else:
        judge = Judge(findings, definition.plan)
        judge.world(file.all, ("all",))
        for case in cases:
            judge.case(case.shape, case.made_up.settings, case.path)
    problems = tuple(sorted(findings.problems, key=lambda one: (one.line, one.column)))
    return TestFile(str(path), file.workflow, cases, problems)


def _shaped(findings: Findings) -> CasesFile | None:
    data = findings.source.data
    if not isinstance(data, dict):
        findings.error((), "wrong_type", f"a test is a map of keys, not {given(data)}", "begin with `workflow: name`")
        return None
    try:
        file = CasesFile.model_validate(data)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            report(details, findings)
        return None
    if not file.cases:
        findings.error(("cases",), "no_cases", "there is no case here", "name at least one", key=True)
    return file


def _over(all_: MadeUp, shape: CaseShape) -> MadeUp:
    """What a case makes up, over what is so in all cases: maps are put together, the case's own keys win."""
    return MadeUp.model_construct(
        inputs={**all_.inputs, **shape.inputs},
        settings={**all_.settings, **shape.settings},
        people={**all_.people, **shape.people},
        calendars={**all_.calendars, **shape.calendars},
        requester=shape.requester or all_.requester,
        starts_at=shape.starts_at if shape.starts_at is not None else all_.starts_at,
        steps={**all_.steps, **shape.steps},
    )


def _source(path: FilePath) -> Source:
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        return Source(str(path), problems=(Problem(str(path), 0, 0, "error", "file_not_readable", message),))
    return read(str(path), raw)
