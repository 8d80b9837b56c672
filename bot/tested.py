"""The test files of a folder: found, read, and played case by case."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from bot.folder import Folder
from bot.requests import Objection
from engine.calendars import Calendar
from engine.cases import TestFile, Verdict, play, read_tests
from engine.cases.reading import SUFFIXES
from engine.definitions import Definition, Problem
from engine.workers.pool import WorkerPool

PLAIN = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Played:
    """What came of all that was found."""

    files: tuple[str, ...]
    problems: tuple[Problem, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        sound = not any(one.severity == "error" for one in self.problems)
        return sound and all(one.passed for one in self.verdicts)


def played(
    folder: Folder,
    paths: Sequence[Path],
    told: Callable[[Verdict], None],
    calendars: Mapping[str, Calendar] | None = None,
) -> Played:
    """Play every case of these files and folders; `told` hears of each as it ends. Raises Objection, SettingsFault.

    `calendars` are the operator's, by which the clocks of gates run.
    """
    found = list(dict.fromkeys(_found(folder, paths)))
    loaded: dict[Path, Mapping[str, Definition]] = {}
    problems: list[Problem] = []
    read: list[TestFile] = []
    for path in found:
        if path.parent not in loaded:
            beside = folder.read([path.parent])
            loaded[path.parent] = beside.definitions
            problems += [one for one in beside.problems if one.severity == "error"]
        test = read_tests(path, loaded[path.parent])
        read.append(test)
        problems += _own(test, problems)
    verdicts = anyio.run(_play_all, read, loaded, told, calendars)
    return Played(tuple(map(str, found)), tuple(problems), tuple(verdicts))


def _own(test: TestFile, known: Sequence[Problem]) -> list[Problem]:
    """What is wrong with a test: that its workflow is not there goes without saying where that is broken."""
    broken = {Path(one.file).name.partition(".")[0] for one in known}
    return [
        one
        for one in test.problems
        if one.code != "unknown_workflow" or Path(test.file).name.partition(".")[0] not in broken
    ]


async def _play_all(
    tests: Sequence[TestFile],
    loaded: Mapping[Path, Mapping[str, Definition]],
    told: Callable[[Verdict], None],
    calendars: Mapping[str, Calendar] | None,
) -> list[Verdict]:
    verdicts = []
    async with WorkerPool() as workers:  # started once, for the functions of all cases
        for test in tests:
            for case in () if test.broken else test.cases:
                verdict = await play(case, test.workflow, loaded[Path(test.file).parent], workers, calendars)
                told(verdict)
                verdicts.append(verdict)
    return verdicts


def _found(folder: Folder, paths: Sequence[Path]) -> Iterator[Path]:
    """The test files that are meant: themselves, those beside workflows, those of folders."""
    for path in paths or [folder.path]:
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.name.endswith(SUFFIXES) and one.is_file())
            if not inside:
                raise _nothing(f"There is no test in the folder {path}.", "NAME")
            yield from inside
        elif path.name.endswith(SUFFIXES) and path.is_file():
            yield path
        else:
            yield _beside(path, folder)


def _beside(path: Path, folder: Folder) -> Path:
    """The test of a workflow, which is named by its file or by its name."""
    named = path if path.suffix in PLAIN else folder.path / path.name
    stem = named.with_suffix("") if named.suffix in PLAIN else named
    for suffix in SUFFIXES:
        candidate = stem.with_name(stem.name + suffix)
        if candidate.is_file():
            return candidate
    if named.suffix in PLAIN and not named.exists():
        raise _nothing(f"There is no file {path} here ({Path.cwd()}).", "NAME")
    raise _nothing(f"There is no test beside {stem.name}.", stem.name)


def _nothing(message: str, name: str) -> Objection:
    hint = f"Write {name}.test.yaml beside {name}.yaml; `pointsman new` writes both for a first workflow."
    return Objection("no_tests", message, hint, status=404)
