"""Putting a mutant in place: functions that are there already get the code of the changed tree."""

from __future__ import annotations

import ast
import gc
import importlib
import types
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

Key = tuple[str, int, int]  # a qualified name, a first line, and which of those that share both


class Swap:
    """Every function that was made from the code of some modules, wherever it is held."""

    def __init__(self, root: Path, modules: list[str]) -> None:
        self.files = {str(_file(root, module)): module for module in modules}
        for module in modules:
            found = importlib.import_module(module).__file__
            if found not in self.files:
                raise RuntimeError(f"{module} was imported from {found}, not from {root}")
        self._codes = {
            module: dict(_keyed(_compiled(parsed(root, module), file))) for file, module in self.files.items()
        }
        keys = {(file, code): key for file, module in self.files.items() for key, code in self._codes[module].items()}
        self._functions: dict[tuple[str, Key], list[types.FunctionType]] = defaultdict(list)
        for one in gc.get_objects():
            if isinstance(one, types.FunctionType) and one.__code__.co_filename in self.files:
                key = keys.get((one.__code__.co_filename, one.__code__))
                if key is not None:
                    self._functions[self.files[one.__code__.co_filename], key].append(one)

    def put(self, module: str, tree: ast.Module) -> bool:
        """Whether the changed tree makes any difference that could be put in place."""
        file = next(file for file, name in self.files.items() if name == module)
        before, different = self._codes[module], False
        for key, code in _keyed(_compiled(tree, file)):
            if before.get(key) == code:
                continue
            for function in self._functions.get((module, key), ()):
                if function.__code__.co_freevars == code.co_freevars:
                    function.__code__ = code
                    different = True
        return different


def parsed(root: Path, module: str) -> ast.Module:
    return ast.parse(_file(root, module).read_text(encoding="utf-8"))


def _compiled(tree: ast.Module, file: str) -> types.CodeType:
    code: types.CodeType = compile(tree, file, "exec", dont_inherit=True)
    return code


def _file(root: Path, module: str) -> Path:
    return root.joinpath(*module.split(".")).with_suffix(".py")


def _keyed(code: types.CodeType) -> Iterator[tuple[Key, types.CodeType]]:
    """All code within, with a key that a changed tree has as well."""
    seen: dict[tuple[str, int], int] = defaultdict(int)
    waiting = [code]
    while waiting:
        one = waiting.pop()
        for inner in one.co_consts:
            if isinstance(inner, types.CodeType):
                place = inner.co_qualname, inner.co_firstlineno
                yield (*place, seen[place]), inner
                seen[place] += 1
                waiting.append(inner)
