"""Loads the Python beside a workflow by its path, under a private name, from source only.

A folder of workflows is a package of its own, known to nobody else: its files may import each other relatively
(`from .claims import check`, `from . import rules`) and hide nothing that other code imports.
"""

import hashlib
import importlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

PREFIX = "pointsman_workflows_"


class NotFound(LookupError):
    """There is no such file, module or function."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was when it was loaded."""

    path: str
    fingerprint: str
    stamp: tuple[int, int, int]

    def changed(self) -> bool:
        """Is there something else in the file by now? Its content counts, not its date."""
        try:
            return _stamp(self.path) != self.stamp and fingerprint_of(Path(self.path)) != self.fingerprint
        except OSError:
            return True


@dataclass(frozen=True, slots=True)
class Loaded:
    """A function, and the fingerprint of the source it came from."""

    function: Callable[..., Any]
    fingerprint: str
    files: dict[str, str]  # every file of the folder that is loaded: relative path -> fingerprint


_sources: dict[str, Source] = {}  # module name -> its file


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Compiles the very bytes it fingerprints: bytecode on disk may be older than the file beside it."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        stamp = _stamp(path)
        source = self.get_data(path)
        _sources[fullname] = Source(path, hashlib.sha256(source).hexdigest(), stamp)
        return compile(source, path, "exec", dont_inherit=True)


class _Finder:
    """Finds the modules of workflow folders, and no others."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if path is None or not name.startswith(PREFIX):
            return None
        for folder in path:
            # A fresh finder each time: a kept one misses files that were written within the same second.
            found = importlib.machinery.FileFinder(folder, (_SourceLoader, [".py"])).find_spec(name)
            if found is not None:
                return found
        return None


def install() -> None:
    sys.dont_write_bytecode = True
    sys.meta_path.insert(0, _Finder)


def load(folder: str, call: str) -> Loaded:
    """Find `file.py:function` in the folder, or `package.module:function` among what is installed."""
    where, colon, name = call.rpartition(":")
    if not colon or not where or not name:
        raise NotFound(f"{call!r} does not say what to call; write file.py:function or package.module:function")
    module = _load_file(folder, where) if where.endswith(".py") else _load_module(where)
    source = _sources[module.__name__]
    prefix = f"{_package_name(folder)}."
    files = {
        os.path.relpath(loaded.path, folder): loaded.fingerprint
        for key, loaded in _sources.items()
        if key.startswith(prefix)
    }
    return Loaded(_function(module, name, where), source.fingerprint, files)


def stale(folder: str) -> bool:
    """Has a file changed since it was loaded, of this folder or of an installed module?"""
    own = f"{_package_name(folder)}."
    return any(source.changed() for name, source in _sources.items() if name.startswith(own) or PREFIX not in name)


def beside(folder: str, name: str) -> bool:
    """Is there a file of that name in the folder? Then the author wants a relative import."""
    return (Path(folder) / f"{name.split('.')[0]}.py").is_file()


def fingerprint_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _load_file(folder: str, where: str) -> ModuleType:
    relative = PurePosixPath(where)
    if relative.is_absolute() or ".." in relative.parts:
        raise NotFound(f"{where} lies outside the folder of the workflow; keep the file beside the workflow")
    if not (Path(folder) / relative).is_file():
        raise NotFound(f"there is no file {where} beside the workflow (in {folder})")
    dotted = relative.with_suffix("").parts
    if any("." in part for part in dotted):
        raise NotFound(f"{where} has a dot in its name, which Python cannot import; rename the file")
    package = _package(folder)
    return importlib.import_module(".".join((package, *dotted)))


def _load_module(name: str) -> ModuleType:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise NotFound(f"there is no module {name}; is its package installed beside the service?") from None
        raise
    if name not in _sources:
        path = getattr(module, "__file__", None)
        known = path is not None and os.path.isfile(path)
        _sources[name] = Source(path, fingerprint_of(Path(path)), _stamp(path)) if known and path else _BUILT_IN
    return module


def _function(module: ModuleType, name: str, where: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        known = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise NotFound(f"{where} has no function {name}; it has {', '.join(known) or 'none'}")
    if not callable(found):
        raise NotFound(f"{name} in {where} is a {type(found).__name__} and cannot be called")
    return found  # type: ignore[no-any-return]


def _package(folder: str) -> str:
    name = _package_name(folder)
    if name not in sys.modules:
        package = ModuleType(name, f"The Python beside the workflows in {folder}.")
        package.__path__ = [folder]
        sys.modules[name] = package
    return name


def _package_name(folder: str) -> str:
    return PREFIX + hashlib.sha256(folder.encode()).hexdigest()[:16]


def _stamp(path: str) -> tuple[int, int, int]:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino


class _BuiltIn(Source):
    """A module without a file of its own: it does not change."""

    def changed(self) -> bool:
        return False


_BUILT_IN = _BuiltIn("", "built in", (0, 0, 0))
