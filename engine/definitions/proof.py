"""The proof of a file: types from each step to those that use it, from the inside of each block to its outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from engine.definitions import fitting, gates, scope
from engine.definitions.graph import Graph
from engine.definitions.outline import Outline, Site
from engine.definitions.places import Place, StepPlaces, uses_of_steps
from engine.definitions.plan import Understood
from engine.definitions.problem import Findings
from engine.definitions.results import editable, output_type, receipt_type
from engine.definitions.source import Path
from engine.definitions.step_shapes import (
    ApprovalStep,
    BlockStep,
    FormStep,
    PythonDeed,
    TransformStep,
    WorkflowDeed,
)
from engine.rules.expressions import Type, assignable, kinds, list_of, nullable, object_of, united

_PERSONS: Type = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_LATE = frozenset({("review", "previous"), ("previous", "outputs")})


@dataclass(slots=True)
class Interface:
    """What one workflow is to another that uses it."""

    inputs: dict[str, Type] = field(default_factory=dict)
    optional: Collection[str] = ()
    outputs: Type = field(default_factory=dict)
    known: bool = False  # whether the file could be read so far


@dataclass(slots=True)
class Proof:
    """One way through all places of a file; it leaves the type of every output."""

    findings: Findings
    names: scope.Names
    outline: Outline
    graph: Graph
    places: Mapping[str, StepPlaces]
    understood: Understood
    company: gates.Company
    interface: Callable[[str], Interface | None]  # of another workflow
    reviewed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # step -> gates that have it done again
    shown: dict[str, Type] = field(default_factory=dict)  # of gates
    late: list[Place] = field(default_factory=list)  # places whose types are complete only at the end

    def steps(self, circles: frozenset[str]) -> None:
        for name in self.outline.unclear:
            self.names.outputs[name] = scope.ANY
        for site in self.outline.sites.values():
            self.names.outputs[site.name] = scope.ANY
        self._within("", circles)
        for site in self.outline.undos.values():
            types = self._types(self.places[site.name].main)
            fitting.fit(self.findings, site, self.places[site.name].main, types, self.understood.signatures[site.name])
            self._called(site, types)

    def outputs(self, place: Place) -> Type:
        """What a finished run gives."""
        types = self._types(place)
        told = object_of({str(path[1]): type_ for path, type_ in types.items()})
        for one in self.late:
            fitting.expression_types(self.findings, one, self._scope(one, told))
        return told

    # Scopes ------------------------------------------------------------------------------------------------------

    def _types(self, place: Place) -> dict[Path, Type]:
        if any(use.reference.path[:2] in _LATE for use in place.uses):
            self.late.append(place)
        return fitting.expression_types(self.findings, place, self._scope(place), lambda *at: self._why(place, *at))

    def _why(self, place: Place, path: Path, offset: int) -> str:
        """Why the step that is used at this character of the file may have no output."""
        uses = uses_of_steps(place, self.outline)
        target = next((name for use, name in uses if (use.path, use.offset) == (path, offset)), "")
        return self.graph.why_lacking(target) if target in self.outline.sites else ""

    def _scope(self, place: Place, outputs: Type | None = None) -> dict[str, Type]:
        used = {use.step for use in place.uses if use.step is not None}
        steps = {short: self.outline.resolve(short, place.block) for short in used}
        known = {short: name for short, name in steps.items() if name is not None}
        names = self.names.scope(known, self._certain(place), over=place.phase != "main")
        for as_, block in self.outline.elements(place.block).items():
            names[as_] = self.names.elements.get(block, scope.ANY)
        if outputs is not None:
            gates_ = [self.shown.get(gate, scope.ANY) for gate in self.reviewed.get(place.owner, ())]
            names["review"] = scope.review_type(united(gates_) if gates_ else scope.ANY)
            names["previous"] = object_of({"outputs": nullable(outputs)})
        return names | place.extra

    def _certain(self, place: Place) -> frozenset[str]:
        """The steps whose output is there for certain."""
        unclear = self.outline.unclear
        if not place.owner or place.block == place.owner:
            inside = self.outline.within(place.block, None if place.block else "main")
            around = self.graph.certain(place.block) if place.block else frozenset[str]()
            return frozenset(inside) - self.graph.may_lack_output(place.block) | around | unclear
        owner = place.owner.removesuffix(":undo")
        certain = self.graph.certain(owner)
        return certain | {owner} if place.phase == "undo" else certain

    # Steps -------------------------------------------------------------------------------------------------------

    def _within(self, block: str, circles: frozenset[str]) -> None:
        for name in self.graph.order(block):
            site = self.outline.sites[name]
            types = self._types(self.places[name].main)
            type_ = self._block(site, types, circles) if isinstance(site.step, BlockStep) else self._leaf(site, types)
            self._ensured(site, type_)
            if name not in circles:
                self.names.outputs[name] = type_
                self.names.receipts[name] = receipt_type(site.step)

    def _block(self, site: Site, types: Mapping[Path, Type], circles: frozenset[str]) -> Type:
        step = site.step
        assert isinstance(step, BlockStep)
        if site.loops:
            path: Path = (*site.path, "foreach")
            element = fitting.fit_list(self.findings, path, types.get(path, scope.ANY))
            self.names.elements[site.name] = element
            self._key(site, step, element)
        self._within(site.name, circles)
        amounts = self._amounts(site)
        if not site.loops:
            return amounts
        self.names.items[site.name] = amounts
        return list_of(nullable(amounts) if step.tolerate[0] else amounts)

    def _key(self, site: Site, step: BlockStep, element: Type) -> None:
        place, path = self.places[site.name].keyed, (*site.path, "key")
        if place is None:
            return
        place.extra[step.as_] = element
        types = self._types(place)
        fitting.fit_key(self.findings, path, types.get(path, scope.ANY))
        if not place.unread and not any(use.reference.path[0] == step.as_ for use in place.uses):
            message = "every element would have the same key"
            hint = f"name something of the element: ${{{{ {step.as_}.id }}}}"
            self.findings.error(path, "key_of_item_fixed", message, hint)

    def _amounts(self, site: Site) -> Type:
        """What a block, or one item of it, amounts to."""
        place = self.places[site.name].output
        if place is not None:
            types = self._types(place)
            return next(iter(types.values()), scope.ANY)
        lacking = self.graph.may_lack_output(site.name)
        children = {name.rpartition(".")[2]: name for name in self.outline.within(site.name)}
        typed = {short: self.names.outputs.get(name, scope.ANY) for short, name in children.items()}
        unread = any(name.startswith(f"{site.name}.") for name in self.outline.unclear)
        optional = [short for short, name in children.items() if name in lacking]
        return scope.ANY if unread else scope.block_type(typed, optional)

    def _leaf(self, site: Site, types: Mapping[Path, Type]) -> Type:
        step, name = site.step, site.name
        declared, form = self.understood.schemas.get(name), self.understood.forms.get(name)
        if isinstance(step, TransformStep):
            given = fitting.transformed(site, self.understood.with_[name], types)
            if declared is None:
                return given
            fitting.fit_output(self.findings, site, given, declared)
        fitting.fit(self.findings, site, self.places[name].main, types, self.understood.signatures[name])
        shown = types.get((*site.path, "with", "show"), scope.NULL)
        if isinstance(step, ApprovalStep):
            shown = editable(shown, step.with_.edit)
        if isinstance(step, ApprovalStep | FormStep):
            self.shown[name] = shown
            gates.check_gate(self.findings, site, step.with_, self.company, shown)
            gates.check_digest(self.findings, self.outline, site, step.with_)
            self._approvers(site, types)
        called = self._called(site, types)
        if called is not None:
            return called
        if isinstance(step, PythonDeed) and declared is None:
            return self.understood.signatures[name].returns or scope.ANY
        self._polled(site)
        return output_type(step, declared, shown, form)

    def _approvers(self, site: Site, types: Mapping[Path, Type]) -> None:
        path: Path = (*site.path, "with", "approvers", "from")
        given = types.get(path)
        possible = kinds(given) if given is not None else None
        if given is not None and possible is not None and assignable(given, _PERSONS):
            message = "this gives no person, no group and no list of them"
            self.findings.error(path, "bad_person", message, "let it give texts: ids, e-mail addresses or @handles")

    def _called(self, site: Site, types: Mapping[Path, Type]) -> Type | None:
        """Hold what another workflow is given against its inputs; what it gives."""
        if not isinstance(site.step, WorkflowDeed):
            return None
        other = self.interface(site.step.call)
        if other is None or not other.known:
            return scope.ANY
        base: Path = (*site.path, "with")
        given = {name: types.get((*base, name), scope.ANY) for name in site.step.with_}
        of = f"`{site.step.call}`"
        fitting.fit_inputs(self.findings, base, given, other.inputs, other.optional, of=of)
        return other.outputs

    def _ensured(self, site: Site, output: Type) -> None:
        place = self.places[site.name].ensured
        if place is not None:
            place.extra["output"] = output
            self._types(place)

    def _polled(self, site: Site) -> None:
        place = self.places[site.name].polled
        if place is None:
            return
        place.extra["response"] = scope.RESPONSE
        self._types(place)
        path = (*site.path, "with", "poll", "until")
        if (
            path in place.conditions
            and not place.strange
            and not any(use.reference.path[0] == "response" for use in place.uses)
        ):
            message = "this does not look at the answer, so it would never change"
            hint = "write for instance ${{ response.body.status == 'done' }}"
            self.findings.error(path, "poll_without_response", message, hint)
