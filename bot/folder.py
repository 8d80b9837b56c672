"""The workflows folder: read as one set, watched for changes, and found when none is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bot.operator_file import OperatorFile
from bot.requests import Objection
from engine.definitions import Definition, Loaded, Problem, Surroundings, load
from engine.faults import SettingsFault
from engine.models import Models
from store.model import Json

WATCHED = (".yaml", ".yml", ".json", ".md", ".py", ".txt")
FILES_MAX = 5_000

Stamp = tuple[tuple[str, int, int], ...]


class Folder:
    """Where the workflows of this service stand."""

    def __init__(self, path: Path, operator: OperatorFile | None, models: Models | None) -> None:
        self.path = path
        self._operator = operator or OperatorFile()
        self._surroundings = Surroundings(
            settings=None if operator is None else operator.settings,
            groups=self._operator.people(),
            models=None if models is None else frozenset(models.endpoints),
            calendars=None if operator is None else frozenset(operator.calendars),
        )

    def read(self, paths: Sequence[Path] = ()) -> Loaded:
        """Everything in the folder, or only these files and folders, with all problems. SettingsFault when missing."""
        wanted = list(paths) or [self.path]
        for path in wanted:
            if not path.exists():
                cure = "Name the folder of your workflows in POINTSMAN_WORKFLOWS, or begin with `pointsman new hello`."
                raise SettingsFault(
                    f"There is no {'folder' if path is self.path else 'file or folder'} {path} here ({Path.cwd()}).",
                    hint=cure if path is self.path else "Correct the path.",
                )
        return load(wanted, surroundings=self._surroundings)

    def settings(self, definitions: Mapping[str, Definition]) -> dict[str, Mapping[str, Json]]:
        """The settings of every workflow, as its runs will see them."""
        return {name: self._operator.for_workflow(one.plan) for name, one in definitions.items()}

    def stamp(self) -> Stamp:
        """Changes whenever a file in the folder does: names, times and sizes."""
        found = []
        for file in sorted(self._files()):
            try:
                about = file.stat()
            except OSError:
                continue  # it went away between listing and looking: the next stamp tells
            found.append((str(file), about.st_mtime_ns, about.st_size))
        return tuple(found)

    def _files(self) -> Iterable[Path]:
        for count, file in enumerate(self.path.rglob("*")):
            if count >= FILES_MAX:
                return
            if file.suffix in WATCHED and "__pycache__" not in file.parts:
                yield file


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that keep a set from being loaded."""
    return [problem for problem in problems if problem.severity == "error"]


def broken(loaded: Loaded) -> Objection:
    """Why a set of workflows is not taken."""
    wrong = errors(loaded.problems)
    files = sorted({problem.file for problem in wrong})
    count = f"{len(wrong)} problem{'s' if len(wrong) > 1 else ''}"
    return Objection(
        "workflows_broken",
        f"The workflows have {count}, in {', '.join(files)}; nothing was loaded. First: {wrong[0].message}.",
        "`pointsman check` shows them all with their places.",
        status=409,
    )


def shipped() -> Path:
    """The example workflows: in an installed package beside the demo, in a checkout at its top."""
    inside = Path(__file__).parent / "demo" / "workflows"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "workflows"
