"""A form with files in it, as servers take it: pieces of text, and between them the files from where they stand."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.activities import arguments
from engine.handed_in import is_file, path_of
from store.model import Json

CONTENT_TYPE = "multipart/form-data; boundary={}"


def has_files(form: Json) -> bool:
    """Whether a form holds a file, or a list with one."""
    if not isinstance(form, Mapping):
        return False
    return any(is_file(one) for part in form.values() for one in _several(part))


def multipart(form: Mapping[str, Json], paths: Callable[[str], Path]) -> tuple[tuple[bytes | Path, ...], str]:
    """The pieces of the body, and its content type; a list repeats its name, null leaves it out."""
    boundary = os.urandom(16).hex()
    pieces: list[bytes | Path] = []
    for name, part in form.items():
        for one in _several(part):
            if one is None:
                continue
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
            if is_file(one):
                about = f'; filename="{_quoted(str(one["name"]))}"\r\nContent-Type: {_plain(str(one["media_type"]))}'
                pieces += [f"{head}{about}\r\n\r\n".encode(), path_of(one, paths), b"\r\n"]
            else:
                pieces.append(f"{head}\r\n\r\n{arguments.text(f'`form.{name}`', one)}\r\n".encode())
    pieces.append(f"--{boundary}--\r\n".encode())
    return tuple(pieces), CONTENT_TYPE.format(boundary)


def _several(part: Json) -> list[Json]:
    return list(part) if isinstance(part, list | tuple) else [part]


def _quoted(text: str) -> str:
    """As browsers write names in a form."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _plain(media_type: str) -> str:
    return "".join(one for one in media_type if " " <= one <= "~") or "application/octet-stream"
