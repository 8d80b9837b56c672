"""The words of a command, with paths in the place of files: those it is given, and the one that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, Self

from engine.activities import arguments
from engine.handed_in import is_file, path_of, plain_name
from store.model import Json

SAVE = "save"


class Words(NamedTuple):
    """What is started, where the file will stand that comes of it, and whether that takes what is printed."""

    argv: Json
    made: Path | None = None
    printed_to: Path | None = None

    @classmethod
    def of(cls, with_: Mapping[str, Json], place: Path | None, paths: Callable[[str], Path]) -> Self:
        """Read `argv` and `save`. Raises ActivityFault."""
        argv, save = with_.get("argv"), with_.get(SAVE)
        names = [word[SAVE] for word in argv if _is_new(word)] if isinstance(argv, list | tuple) else []
        if len(names) + (save is not None) > 1:
            raise arguments.wrong("a command makes one file: in `save`, or as {save: NAME} in `argv`")
        if save is None and not names:
            return cls(_with_paths(argv, Path(), paths))
        target = _target(place, names[0] if names else save)
        return cls(_with_paths(argv, target, paths), target, None if names else target)


def _is_new(word: Json) -> bool:
    return isinstance(word, Mapping) and word.keys() == {SAVE}


def _with_paths(argv: Json, target: Path, paths: Callable[[str], Path]) -> Json:
    if not isinstance(argv, list | tuple):
        return argv
    return [
        str(target) if _is_new(word) else str(path_of(word, paths)) if is_file(word) else word  # a word as it is
        for word in argv
    ]


def _target(place: Path | None, name: Json) -> Path:
    text = arguments.text("`save`", name)
    if place is None:
        raise arguments.wrong("`save` needs a place to keep files, and here is none")
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place / plain_name(text)
