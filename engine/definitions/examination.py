"""One file, examined from end to end: every fault is found in one go, and what is sound becomes a definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from engine.definitions import fitting, gates, oddities, reading, scope, steps, winding_up
from engine.definitions.gates import Company
from engine.definitions.graph import Graph
from engine.definitions.outline import Outline, Site, outlined, short_names
from engine.definitions.places import OF_RUNS, Place, StepPlaces, places_of
from engine.definitions.plan import Understood, effect_of, plan_of, workflow_of
from engine.definitions.problem import Findings, Problem
from engine.definitions.proof import Interface, Proof
from engine.definitions.references import NameCheck
from engine.definitions.schemas import FIELD_EXTRAS, Schemas
from engine.definitions.scope import RUN_FIELDS
from engine.definitions.sections import Sections
from engine.definitions.sights import warn_of_unseen_data
from engine.definitions.source import Path, Source
from engine.definitions.step_shapes import FormStep, WorkflowDeed
from engine.definitions.triggers import check_triggers
from engine.rules.expressions import Type, kinds, object_of
from store.model import Effect, Json, Plan, Trigger, Workflow

Others = Callable[[str], Interface | None]
"""What is known of the workflow of this name; None when there is none."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the operator has set up around the workflow files. None means: not known here, so not checked."""

    settings: Mapping[str, Mapping[str, Json]] | None = None  # by workflow, from the operator's settings file
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the operator's own groups: name -> people
    models: frozenset[str] | None = None  # names of the models file
    calendars: frozenset[str] | None = None  # names of the operator's calendars


@dataclass(frozen=True, slots=True)
class Examined:
    """A file's definition, when there is nothing wrong with it, and its problems."""

    name: str  # of the workflow, also where it is broken; empty when it cannot be made out
    plan: Plan | None
    workflow: Workflow | None
    problems: tuple[Problem, ...]


def nobody(name: str) -> Interface | None:
    """Other workflows are not known here, so nothing is said of them."""
    return Interface()


def examine(
    source: Source,
    folder: FilePath,
    surroundings: Surroundings,
    others: Others = nobody,
    interface: Interface | None = None,
) -> Examined:
    """Check one file, and build its plan when nothing is wrong. What others may use of it goes into `interface`."""
    findings = Findings(source)
    findings.problems.extend(source.problems)
    read = reading.shape(findings) if source.data is not None else None
    if read is None:
        return Examined("", None, None, tuple(findings.problems))
    examination = _Examination(findings, read, folder, surroundings, others, interface or Interface())
    plan = examination.plan()
    name = "" if read.file.workflow == reading.UNNAMED else read.file.workflow
    problems = tuple(
        sorted(findings.problems, key=lambda one: (one.file != source.file, one.file, one.line, one.column))
    )
    if plan is None or findings.broken:
        return Examined(name, None, None, problems)
    workflow = workflow_of(read.file, plan.version, source.file, examination.triggers)
    return Examined(name, plan, workflow, problems)


class _Examination:
    """The way through one file; each part leaves what the next one needs."""

    def __init__(
        self,
        findings: Findings,
        read: reading.Reading,
        folder: FilePath,
        surroundings: Surroundings,
        others: Others,
        interface: Interface,
    ) -> None:
        self.findings = findings
        self.file = read.file
        self.unclear = read.unclear
        self.folder = folder
        self.surroundings = surroundings
        self.others = others
        self.interface = interface
        self.schemas = Schemas(findings, read.file.schemas, folder)
        self.names = scope.Names()
        self.sections = Sections(findings, read.file, self.schemas, self.names, read.unclear)
        self.names.secrets = (*read.file.secrets, *self.sections.unclear_in("secrets"))
        self.outline: Outline = outlined(findings, read.file, read.data, read.unclear)
        self.understood = Understood()
        self.places: dict[str, StepPlaces] = {}
        self.triggers: tuple[Trigger, ...] = ()

    def plan(self) -> Plan | None:
        inputs = self.sections.inputs()
        self._announce()
        settings = self.sections.settings(self.surroundings.settings)
        self.sections.vars()
        self.sections.named_schemas()
        for site in self.outline.all():
            self._step(site)
        outputs = self._outputs_place()
        graph = self._graph(outputs)
        circles = graph.report_circles()
        reviewed = self._reviewed(graph)
        oddities.reviews_nowhere(self.findings, self.places, reviewed)
        proof = self._proof(graph, reviewed)
        proof.steps(circles)
        self.interface.outputs = proof.outputs(outputs[0])
        for place in outputs[1:]:
            self._of_inputs(place)
        warn_of_unseen_data(self.findings, graph, self.outline, self.places)
        winding_up.warn_of_lost_output(self.findings, self.outline, self.places, self._effect)
        self._odd(graph, outputs)
        if self.findings.broken:
            return None
        self.understood.shown = dict(proof.shown)
        self.understood.edges = {name: graph.edges(name) for name in self.outline.sites}
        plan = plan_of(self.file, self.outline, self.understood, inputs=inputs, settings=settings)
        given = (self.surroundings.settings or {}).get(self.file.workflow, {})
        oddities.hosts_from_data(self.findings, self.outline, plan, given)
        return plan

    def _announce(self) -> None:
        """What others may use of this file, as soon as it is known."""
        self.interface.inputs = self.names.inputs
        self.interface.optional = self.names.optional_inputs | self.names.defaulted_inputs
        self.interface.known = ("inputs",) not in self.unclear

    def _effect(self, site: Site) -> Effect:
        return effect_of(site, self.understood.signatures.get(site.name))

    # Steps -------------------------------------------------------------------------------------------------------

    def _step(self, site: Site) -> None:
        name, step = site.name, site.step
        steps.check_step(self.findings, site, self.surroundings.models)
        signature = self.understood.signatures[name] = steps.signature(self.findings, site, self.folder)
        steps.check_undo(self.findings, site, effect_of(site, signature))
        winding_up.check_times(self.findings, site)
        written = getattr(step, "output", None) if step.uses != "block" else None
        if written is not None:
            understood = self.schemas.read(written, (*site.path, "output"))
            self.understood.schemas[name] = understood.schema if understood else None
        if isinstance(step, FormStep):
            self.understood.forms[name] = self._form(site, step)
        if isinstance(step, WorkflowDeed) and self.others(step.call) is None:
            self._no_workflow(site, step)
        self.understood.with_[name], asides = steps.with_of(self.findings, site, self.folder, self._shown_folder())
        self.findings.asides.update(asides)
        self.places[name] = places_of(self.findings, site, self.understood.with_[name], _seen_from)

    def _form(self, site: Site, step: FormStep) -> Type:
        """The object that people fill in, as JSON Schema."""
        path: Path = (*site.path, "with", "fields")
        if not step.with_.fields:
            message = "nothing is asked for"
            self.findings.error(path, "no_fields", message, "name at least one: fields: {reason: string}", key=True)
        properties: dict[str, Json] = {}
        optional: list[str] = []
        for name, raw in step.with_.fields.items():
            understood = self.schemas.read(raw, (*path, name), FIELD_EXTRAS)
            properties[name] = understood.schema if understood else {}
            if understood is not None and understood.optional:
                optional.append(name)
        return object_of(properties, optional=optional)

    def _no_workflow(self, site: Site, step: WorkflowDeed) -> None:
        message = f"there is no workflow `{step.call}` among these files"
        self.findings.error((*site.path, "call"), "unknown_workflow", message, "check its name, or write its file")

    def _shown_folder(self) -> str:
        head, slash, _ = self.findings.source.file.rpartition("/")
        return head + slash

    def _outputs_place(self) -> list[Place]:
        """The place of the run's outputs, and those that see nothing but its inputs."""
        outputs = Place("")
        for name, value in self.file.outputs.items():
            outputs.template(("outputs", name), value, self.findings)
        dedupe = Place("", roots=frozenset({"inputs"}))
        dedupe.value(("dedupe",), self.file.dedupe, self.findings)
        limits = self.file.limits
        if limits.concurrency is not None:
            dedupe.value(("limits", "concurrency", "per"), limits.concurrency.per, self.findings)
        return [outputs, dedupe]

    def _every_place(self) -> Iterator[Place]:
        for one in self.places.values():
            yield from one.all()

    def _graph(self, others: list[Place]) -> Graph:
        whole = frozenset(str(path[0]) for path in self.unclear if len(path) == 1)
        check = NameCheck(self.findings, self.names, self.outline, whole)
        graph = Graph(self.findings, self.outline)
        for place in (*self._every_place(), *others):
            check.look(place)
        for place in self._every_place():
            graph.add(place)
        for site in self.outline.sites.values():
            graph.add_said(site)
        self.triggers = check_triggers(self.findings, self.file, self.names, check)
        return graph

    def _reviewed(self, graph: Graph) -> dict[str, tuple[str, ...]]:
        """The steps that are done again when people ask for changes, and the gates where they may."""
        found: dict[str, tuple[str, ...]] = {}
        for gate, site in self.outline.sites.items():
            rerun = gates.check_changes(self.findings, self.outline, graph, site)
            if rerun is None:
                continue
            for name in graph.below(rerun):
                for inner in self.outline.inside(name):
                    found[inner.name] = (*found.get(inner.name, ()), gate)
        return found

    def _proof(self, graph: Graph, reviewed: Mapping[str, tuple[str, ...]]) -> Proof:
        around = self.surroundings
        return Proof(
            self.findings,
            self.names,
            self.outline,
            graph,
            self.places,
            self.understood,
            Company(self.file.access, around.groups, around.calendars),
            self.others,
            reviewed,
        )

    def _of_inputs(self, place: Place) -> None:
        inputs = object_of(self.names.inputs, optional=self.names.optional_inputs)
        for path, type_ in fitting.expression_types(self.findings, place, {"inputs": inputs}).items():
            possible = kinds(type_)
            if possible is not None and possible & {"object", "list", "null"}:
                message = f"`{path[-1]}` needs a text or a number, and this may be something else"
                self.findings.error(path, "type_mismatch", message, "name an input that is always given")

    def _odd(self, graph: Graph, outputs: list[Place]) -> None:
        oddities.errors_never_seen(self.findings, self.outline, [*self._every_place(), *outputs])
        oddities.stops(self.findings, self.outline, graph)
        oddities.calls_itself(self.findings, self.file.workflow, self.outline.all())
        oddities.never_computed(self.findings)
        known = {
            "inputs": self.names.inputs,
            "settings": self.names.settings,
            "vars": self.names.vars,
            "secrets": self.names.secrets,
            "steps": short_names([*self.outline.sites]),
            "run": RUN_FIELDS,
        }
        places = [*self._every_place(), *outputs]
        bare = {path for place in places for path in (*place.conditions, *place.values)}  # marks may be left out here
        templates = {path for place in places for path in place.templates} - bare
        oddities.without_marks(self.findings, templates, known)


def _seen_from(site: Site) -> Place:
    """An empty place that sees what a step sees."""
    return Place(
        site.name,
        site.path,
        site.step.uses,
        block=site.block,
        phase=site.phase,
        roots=OF_RUNS | {"review"},
    )
