"""Places: everything in a file that is computed, what it refers to, and which names it sees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from engine.definitions.outline import Outline, Phase, Site
from engine.definitions.problem import Findings
from engine.definitions.source import Path
from engine.definitions.step_shapes import ApprovalStep, BlockStep, FormStep, HttpDeed
from engine.rules.expressions import (
    Expression,
    ExpressionError,
    Reference,
    Template,
    TemplateError,
    Type,
    condition,
)
from engine.rules.expressions import parse_template as parsed_template
from store.model import Json

OF_RUNS = frozenset({"inputs", "steps", "settings", "vars", "run", "secrets", "previous"})


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
        """The short name of the step it refers to."""
        names = self.reference.path
        return names[1] if names[0] == "steps" and len(names) > 1 else None

    @property
    def part(self) -> str:
        return self.reference.path[2] if len(self.reference.path) > 2 else ""


@dataclass(slots=True)
class Place:
    """A part of the file whose expressions see the same names."""

    owner: str  # the step's name; empty for what belongs to the run as a whole
    base: Path = ()  # where the step stands
    kind: str = ""
    block: str = ""  # where names of steps are looked up from
    phase: Phase = "main"
    roots: frozenset[str] = OF_RUNS
    extra: dict[str, Type] = field(default_factory=dict)  # names of this place alone
    templates: dict[Path, Template] = field(default_factory=dict)
    conditions: dict[Path, Expression] = field(default_factory=dict)  # must give true or false
    values: dict[Path, Expression] = field(default_factory=dict)  # give something else
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

    def condition(self, path: Path, text: str | None, findings: Findings) -> None:
        """Parse a condition such as `when:`."""
        self._expression(self.conditions, path, text, findings)

    def value(self, path: Path, text: str | None, findings: Findings) -> None:
        """Parse an expression that is not part of a text."""
        self._expression(self.values, path, text, findings)

    def _expression(self, into: dict[Path, Expression], path: Path, text: str | None, findings: Findings) -> None:
        if text is None:
            return
        try:
            into[path] = condition(text)
        except ExpressionError as error:
            self.unread = True
            _report(findings, path, error.problem.offset, error.problem.message, error.problem.hint)
            return
        self.uses += _uses(path, into[path], 0)


def _uses(path: Path, expression: Expression, start: int) -> list[Use]:
    return [
        Use(path, start + one.offset, one, expression.text[one.offset : one.offset + one.length])
        for one in expression.references
    ]


def _report(findings: Findings, path: Path, offset: int, message: str, hint: str) -> None:
    findings.error(path, "bad_expression", message, hint, offset=offset)


def uses_of_steps(place: Place, outline: Outline) -> Iterator[tuple[Use, str]]:
    """The uses of other steps that exist, and the name of each of these."""
    for use in place.uses:
        if use.step is None or use.reference.path[:2] in place.strange:
            continue
        target = outline.resolve(use.step, place.block)
        if target is not None and target != place.owner:
            yield use, target


@dataclass(slots=True)
class StepPlaces:
    """The places of one step."""

    main: Place  # what it is given, and its conditions
    ensured: Place | None = None  # what must hold of its output
    polled: Place | None = None  # when asking again comes to an end
    keyed: Place | None = None  # of a list: how an element is called
    output: Place | None = None  # of a block: what it amounts to

    def all(self) -> Iterator[Place]:
        for place in (self.main, self.ensured, self.polled, self.keyed, self.output):
            if place is not None:
                yield place


def places_of(findings: Findings, site: Site, with_: Json, wanted: Callable[[Site], Place]) -> StepPlaces:
    """Everything that a step computes, parsed. `wanted` makes an empty place that sees what the step sees."""
    step, main = site.step, wanted(site)
    if isinstance(step, BlockStep):
        return _places_of_block(findings, site, step, main, wanted)
    base: Path = (*site.path, "with")
    with_ = site.raw.get("with") if step.uses == "wait" else with_
    if isinstance(with_, Mapping) and isinstance(site.raw.get("with", {}), Mapping):
        for key, part in with_.items():
            if key not in _FIXED.get(step.uses, ()):
                main.template((*base, key), part, findings)
    else:
        main.template(base, with_, findings)
    _gate(findings, site, main)
    main.condition((*site.path, "when"), getattr(step, "when", None), findings)
    return StepPlaces(main, _ensured(findings, site, wanted), _polled(findings, site, wanted))


_FIXED = {  # what a kind takes as it is written, or what is parsed elsewhere
    "approval": ("card", "approvers", "auto"),
    "form": ("card", "approvers"),
    "http": ("poll",),
    "wait": ("event", "on_timeout"),
    "stop": ("outcome",),
}


def _gate(findings: Findings, site: Site, main: Place) -> None:
    if not isinstance(site.step, ApprovalStep | FormStep):
        return
    said = site.step.with_
    base: Path = (*site.path, "with")
    if not isinstance(said.approvers, tuple):
        main.template((*base, "approvers", "from"), said.approvers.from_, findings)
    for verdict in ("reject", "changes", "approve"):
        policy = getattr(getattr(said, "auto", None), verdict, None)
        if policy is not None:
            main.condition((*base, "auto", verdict, "when"), policy.when, findings)
            main.template((*base, "auto", verdict, "comment"), policy.comment, findings)


def _ensured(findings: Findings, site: Site, wanted: Callable[[Site], Place]) -> Place | None:
    written = getattr(site.step, "ensure", [])
    if not written:
        return None
    place = wanted(site)
    place.extra["output"] = {}
    for index, one in enumerate(written):
        place.condition((*site.path, "ensure", index, "that"), one.that, findings)
    return place


def _polled(findings: Findings, site: Site, wanted: Callable[[Site], Place]) -> Place | None:
    poll = site.step.with_.poll if isinstance(site.step, HttpDeed) else None
    if poll is None:
        return None
    # Asking again happens far from the run: all that is known there is the answer.
    place, base = replace(wanted(site), roots=frozenset()), (*site.path, "with", "poll")
    place.extra["response"] = {}
    place.condition((*base, "until"), poll.until, findings)
    place.condition((*base, "fail_when"), poll.fail_when, findings)
    if poll.url:
        place.template((*base, "url"), poll.url, findings)
    return place


def _places_of_block(
    findings: Findings, site: Site, step: BlockStep, main: Place, wanted: Callable[[Site], Place]
) -> StepPlaces:
    keyed, output = None, None
    main.condition((*site.path, "when"), step.when, findings)
    if step.foreach is not None:
        main.value((*site.path, "foreach"), step.foreach, findings)
        if step.key is not None:
            keyed = wanted(site)
            keyed.extra[step.as_] = {}
            keyed.value((*site.path, "key"), step.key, findings)
    if step.output is not None:
        output = wanted(site)
        output.block = site.name
        output.template((*site.path, "foreach" if site.sugar else "output"), step.output, findings)
    return StepPlaces(main, keyed=keyed, output=output)
