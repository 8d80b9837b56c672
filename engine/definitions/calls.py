"""The function that a python step calls, as far as its source tells: read, never imported."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from engine.definitions.annotations import Annotations
from engine.definitions.files import NotReadable, read_text
from engine.definitions.problem import did_you_mean, listing
from store.model import Effect, Json

_EFFECTS = ("pure", "idempotent", "once")


class NotCallable(Exception):
    """A `call` that names nothing which could be called; `hint` tells what to do, `certain` whether that is sure."""

    def __init__(self, message: str, hint: str = "", *, certain: bool = True) -> None:
        super().__init__(message)
        self.hint = hint
        self.certain = certain


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and gives. `parameters` maps names to JSON Schemas; {} is anything."""

    parameters: Mapping[str, Json] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    open: bool = False  # takes other names too
    returns: Json = None
    effect: Effect | None = None


ANYTHING = Signature(open=True)


def signature_of(folder: Path, call: str) -> Signature:
    """The signature of `file.py:function` or `package.module:function`. Raises NotCallable."""
    place, _, name = call.rpartition(":")
    try:
        text = read_text(folder, place) if place.endswith(".py") else _module_text(folder, place)
        if text is None:
            return ANYTHING
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the author's Python is warned of is not our business
            module = ast.parse(text)
    except NotReadable as error:
        raise NotCallable(str(error), error.hint) from None
    except SyntaxError as error:
        where = f", line {error.lineno}: {error.msg}" if error.lineno else " is no Python"
        raise NotCallable(f"{place}{where}", "correct the Python first") from None
    except (ValueError, RecursionError, MemoryError):
        raise NotCallable(f"{place} is no Python") from None
    return _signature(module, place, name)


def _module_text(folder: Path, module: str) -> str | None:
    """The source of an installed module, found without importing anything; None for Python's own without a file."""
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts):
        raise NotCallable(f"`{module}` names no module", "write file.py:function for a file beside the workflow")
    for root in (folder, *map(Path, sys.path)):
        base = root.joinpath(*parts)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                return path.read_text(encoding="utf-8", errors="replace")
    if parts[0] in sys.stdlib_module_names:
        return None  # such as math, which is compiled, and os.path, which another module puts there
    file = folder.joinpath(*parts[:-1], f"{parts[-1]}.py")
    raise NotCallable(
        f"there is no module `{module}` here",
        f"for a file beside the workflow write {file.name}:function; or install it where the service runs",
        certain=False,
    )


def _signature(module: ast.Module, place: str, name: str) -> Signature:
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    others: set[str] = set()
    for statement in _top_level(module):
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                functions[statement.name] = statement
            case _:
                others.update(_bound_names(statement))
    if name in functions:
        return _read(functions[name], Annotations(module))
    if name in others or "*" in others:
        return ANYTHING
    public = [one for one in functions if not one.startswith("_")]
    hint = did_you_mean(name, public) or (f"functions there: {listing(public)}" if public else f"write: def {name}(…):")
    raise NotCallable(f"there is no function `{name}` in {place}", hint)


def _top_level(module: ast.Module) -> Iterator[ast.stmt]:
    """The statements that bind names of the module, those behind `if` and `try` included."""
    pending = list(module.body)
    while pending:
        statement = pending.pop(0)
        yield statement
        for name in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                pending += getattr(statement, name, [])
        if isinstance(statement, ast.Try):
            pending += [inner for handler in statement.handlers for inner in handler.body]


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name.split(".")[0]
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _read(function: ast.FunctionDef | ast.AsyncFunctionDef, annotations: Annotations) -> Signature:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    without_default = positional[: len(positional) - len(arguments.defaults)]
    keywords = list(zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True))
    named = [*arguments.args, *arguments.kwonlyargs]
    required = [*without_default, *(one for one, default in keywords if default is None)]
    known = not _changed_by_decorator(function)
    return Signature(
        parameters={one.arg: annotations.schema(one.annotation) or {} for one in named} if known else {},
        required=tuple(one.arg for one in required) if known else (),
        open=arguments.kwarg is not None or not known,
        returns=annotations.schema(function.returns) if known else None,
        effect=_effect(function),
    )


def _changed_by_decorator(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether something other than our own mark stands before the function: it may take anything then."""
    return any(_decorator_name(one) != "effect" for one in function.decorator_list)


def _effect(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Effect | None:
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(args=[ast.Constant(value=str(said))]) if _decorator_name(decorator) == "effect":
                return cast("Effect", said) if said in _EFFECTS else None
    return None


def _decorator_name(decorator: ast.expr) -> str:
    match decorator:
        case ast.Call(func=inner):
            return _decorator_name(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""
