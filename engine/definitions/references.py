"""What a file's expressions refer to: every name must exist, and every step that is named becomes a dependency."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.definitions import later
from engine.definitions.problem import Findings, did_you_mean, suggestion
from engine.definitions.scope import RUN_FIELDS, STEP_PARTS, Names
from engine.definitions.source import Path
from engine.rules.expressions import Expression, ExpressionError, Reference, Template, TemplateError, condition
from engine.rules.expressions import parse_template as parsed_template
from store.model import Json

ROOTS = ("inputs", "steps", "settings", "vars", "run", "secrets")
# Where a secret may stand: in what is sent, never in what is stored, shown or computed with.
SECRET_PLACES = {
    "http": frozenset({"headers", "query", "json", "form", "body"}),
    "command": frozenset({"env"}),
}


@dataclass(frozen=True, slots=True)
class Use:
    """One reference, and where in the file it stands."""

    path: Path
    offset: int
    reference: Reference
    text: str  # of the reference, as it is written

    def offset_of(self, index: int) -> int:
        """Where a name of the reference's path stands, the first one being 0."""
        words = list(re.finditer(r"\w+", self.text))
        return self.offset + (words[index].start() if index < len(words) else 0)

    @property
    def step(self) -> str | None:
        names = self.reference.path
        return names[1] if names[0] == "steps" and len(names) > 1 else None

    @property
    def part(self) -> str:
        return self.reference.path[2] if len(self.reference.path) > 2 else ""


@dataclass(slots=True)
class Place:
    """Everything that one step, or the outputs of the run, compute: templates and a condition, and what they use."""

    owner: str  # the step's name; empty for the outputs
    kind: str = ""
    templates: dict[Path, Template] = field(default_factory=dict)
    when: Expression | None = None
    when_path: Path = ()
    uses: list[Use] = field(default_factory=list)
    strange: set[tuple[str, ...]] = field(default_factory=set)  # names reported as wrong
    unread: bool = False  # something here could not be parsed

    def template(self, path: Path, value: Json, findings: Findings) -> None:
        """Parse the texts of a value that stands at a path."""
        try:
            template = parsed_template(value)
        except TemplateError as error:
            self.unread = True
            for broken in error.placed:
                at = (*path, *broken.path)
                _report(findings, at, broken.problem.offset, broken.problem.message, broken.problem.hint)
            return
        self.templates[path] = template
        for placed in template.expressions:
            at = (*path, *placed.path)
            self.uses += _uses(at, placed.expression, placed.offset)

    def condition(self, path: Path, text: str, findings: Findings) -> None:
        """Parse the `when:` of a step."""
        try:
            self.when = condition(text)
        except ExpressionError as error:
            self.unread = True
            _report(findings, path, error.problem.offset, error.problem.message, error.problem.hint)
            return
        self.when_path = path
        self.uses += _uses(path, self.when, 0)


def _uses(path: Path, expression: Expression, start: int) -> list[Use]:
    return [
        Use(path, start + one.offset, one, expression.text[one.offset : one.offset + one.length])
        for one in expression.references
    ]


def _report(findings: Findings, path: Path, offset: int, message: str, hint: str) -> None:
    findings.error(path, "bad_expression", message, hint, offset=offset)


class NameCheck:
    """Proves that every name in use stands for something."""

    def __init__(self, findings: Findings, names: Names, steps: Sequence[str], whole: frozenset[str]) -> None:
        self.findings = findings
        self.known: Mapping[str, Sequence[str]] = {
            "inputs": tuple(names.inputs),
            "settings": tuple(names.settings),
            "vars": tuple(names.vars),
            "secrets": names.secrets,
            "steps": steps,
            "run": RUN_FIELDS,
        }
        self.whole = whole  # sections that could not be read at all: any name may be theirs

    def look(self, place: Place) -> None:
        for use in place.uses:
            strange = self._strange(place, use)
            if strange:
                place.strange.add(strange)

    def _strange(self, place: Place, use: Use) -> tuple[str, ...]:
        """The path that is wrong, once reported; empty when the name is good."""
        path = use.reference.path
        root = path[0]
        if root in later.NAMES:
            self._error(use, later.CODE, later.said(root), later.NAMES[root])
            return (root,)
        if root not in ROOTS:
            self._error(use, "unknown_name", f"there is no `{root}` here", self._root_hint(root))
            return (root,)
        if root == "secrets":
            self._secret(place, use)
        if len(path) == 1:
            return self._whole_root(use, root)
        if root in self.whole:
            return path[:2]
        if path[1] not in self.known[root]:
            return self._unknown(use, root, path[1])
        return self._step(place, use) if root == "steps" else ()

    def _root_hint(self, root: str) -> str:
        for owner in ("steps", "inputs", "vars", "settings"):
            if root in self.known[owner]:
                part = ".output" if owner == "steps" else ""
                return f"did you mean `{owner}.{root}{part}`?"
        return suggestion(root, ROOTS, what="names")

    def _whole_root(self, use: Use, root: str) -> tuple[str, ...]:
        if root != "steps":
            return ()
        self._error(use, "step_not_named", "say which step", "write steps.NAME.output")
        return (root,)

    def _unknown(self, use: Use, root: str, name: str) -> tuple[str, ...]:
        word = root.removesuffix("s")
        if root == "run":
            hint = later.RUN_FIELDS.get(name) or suggestion(name, RUN_FIELDS, what="fields of `run`")
            code = later.CODE if name in later.RUN_FIELDS else "unknown_run_field"
            message = later.said(f"run.{name}") if name in later.RUN_FIELDS else f"`run` has no field `{name}`"
            self._error(use, code, message, hint, 1)
        else:
            hint = suggestion(name, self.known[root], what=root)
            for other in ("inputs", "settings", "vars", "steps"):
                if other != root and name in self.known[other] and "did you mean" not in hint:
                    hint = f"there is `{other}.{name}`"
            self._error(use, f"unknown_{word}", f"there is no {_WORDS[root]} `{name}`", hint, 1)
        return (root, name)

    def _step(self, place: Place, use: Use) -> tuple[str, ...]:
        path = use.reference.path
        name = path[1]
        if name == place.owner:
            self._error(use, "self_reference", f"step `{name}` refers to itself", "name an earlier step")
            return path[:2]
        if len(path) == 2:
            self._error(use, "step_part_missing", f"say which part of `{name}`", f"write steps.{name}.output")
            return ()
        if use.part in later.STEP_FIELDS:
            self._error(use, later.CODE, later.said(f"steps.{name}.{use.part}"), later.STEP_FIELDS[use.part], 2)
            return path[:3]
        if use.part not in STEP_PARTS:
            near = did_you_mean(use.part, STEP_PARTS)
            rest = ".".join(path[2:])
            hint = near or f"write steps.{name}.output.{rest}"
            self._error(use, "unknown_step_part", f"a step has {', '.join(STEP_PARTS)}, and no `{use.part}`", hint, 2)
            return path[:3]
        return ()

    def _secret(self, place: Place, use: Use) -> None:
        where = use.path[3] if len(use.path) > 3 and use.path[2] == "with" else ""
        if where in SECRET_PLACES.get(place.kind, ()):
            return
        hint = "secrets may stand in headers, query, json, form and body of http steps and in env of command steps"
        self._error(use, "secret_misplaced", "a secret would leak from here", hint)

    def _error(self, use: Use, code: str, message: str, hint: str, index: int = 0) -> None:
        self.findings.error(use.path, code, message, hint, offset=use.offset_of(index))


_WORDS = {
    "inputs": "input",
    "settings": "setting",
    "vars": "constant",
    "secrets": "secret",
    "steps": "step",
}


def uses_of_steps(place: Place) -> Iterator[Use]:
    """The uses that make a dependency: those of other steps that exist."""
    for use in place.uses:
        if use.step is not None and use.step != place.owner and use.reference.path[:2] not in place.strange:
            yield use
