"""Files beside a workflow file: prompts, schemas, Python. Nothing outside of its folder is read."""

from __future__ import annotations

import os
from pathlib import Path

from engine.definitions.problem import did_you_mean

SIDE_FILE_BYTES_MAX = 200_000  # a prompt or schema becomes part of every stored version
_LISTED_MAX = 500


class NotReadable(Exception):
    """A file that a workflow names and that cannot be used; `hint` tells what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def read_text(folder: Path, name: str) -> str:
    """The text of a file beside the workflow. Raises NotReadable with words for people."""
    path = beside(folder, name)
    try:
        if path.stat().st_size > SIDE_FILE_BYTES_MAX:
            raise NotReadable(f"{name} is larger than {SIDE_FILE_BYTES_MAX:,} bytes", "shorten it")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotReadable(f"{name} is not UTF-8 text", "save it again as UTF-8") from None
    except OSError as error:
        raise NotReadable(f"{name} cannot be read: {error.strerror}", "check its permissions") from None


def beside(folder: Path, name: str) -> Path:
    """Where a file that the workflow names stands. Raises NotReadable when there is none, or it lies elsewhere."""
    if not name.strip() or "\0" in name:
        raise NotReadable("a file name is missing", "write for instance prompts/draft.md")
    if "\\" in name:
        raise NotReadable(f"{name} is no path: folders are separated by /", f"write {name.replace(chr(92), '/')}")
    path = folder / name
    inside = Path(os.path.normpath(path)).is_relative_to(os.path.normpath(folder))
    if Path(name).is_absolute() or not inside or not path.resolve().is_relative_to(folder.resolve()):
        raise NotReadable(f"{name} lies outside of the workflow's folder", "put it beside the workflow file")
    if not path.is_file():
        raise NotReadable(f"there is no file {name} beside the workflow", _near(folder, name))
    return path


def _near(folder: Path, name: str) -> str:
    """A file of a similar name, or where it was looked for."""
    found: list[str] = []
    for root, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith((".", "__"))]
        found += [os.path.relpath(os.path.join(root, one), folder) for one in files]
        if len(found) > _LISTED_MAX:
            break
    by_name = [one for one in found if os.path.basename(one) == os.path.basename(name)]
    return did_you_mean(name, by_name or found) or (
        f"did you mean `{by_name[0]}`?" if by_name else f"make it: {folder / name}"
    )
