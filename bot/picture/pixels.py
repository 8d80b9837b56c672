"""The picture as PNG. The letters come from the fonts of this machine: without any, there would be only boxes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ZOOM = 2.0
PIXELS_MAX = 16_000  # of the longer side: more cannot be shown anywhere
_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)


class NoPixels(Exception):
    """A PNG cannot be made here; the text says why, `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def png(svg: str, width: int, height: int) -> bytes:
    """The picture, twice as large as on the screen, as far as it may be. Raises NoPixels."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        hint = "Install it with `pip install resvg-py`, or write an .svg."
        raise NoPixels("The library that makes PNGs, resvg-py, is not installed.", hint) from None
    if not any(_fonts()):
        hint = "Install one, such as the package fonts-dejavu-core, or write an .svg."
        raise NoPixels("There is no font on this machine to write the names with.", hint)
    zoom = min(ZOOM, PIXELS_MAX / max(width, height, 1))
    return bytes(svg_to_bytes(svg_string=svg, zoom=zoom, font_family="DejaVu Sans", sans_serif_family="DejaVu Sans"))


def _fonts() -> Iterator[Path]:
    for folder in _FOLDERS:
        path = Path(folder).expanduser()
        if path.is_dir() and (sys.platform == "win32") == folder.startswith("C:"):
            yield from (one for one in path.rglob("*") if one.suffix.lower() in (".ttf", ".otf", ".ttc"))
