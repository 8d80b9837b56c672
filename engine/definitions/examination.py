"""One file, examined from end to end: every fault is found in one go, and what is sound becomes a definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from engine.definitions import fitting, gates, reading, scope, steps
from engine.definitions.calls import Signature
from engine.definitions.graph import Graph
from engine.definitions.plan import plan_of, workflow_of
from engine.definitions.problem import Findings, Problem, did_you_mean
from engine.definitions.references import NameCheck, Place
from engine.definitions.schemas import INPUT_EXTRAS, Schemas, validator
from engine.definitions.shape import AnyStep, ApprovalStep, PythonStep, TransformStep, WorkflowFile
from engine.definitions.source import Path, Source
from engine.rules.expressions import Type
from store.model import Json, Plan, Workflow


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the operator has set up around the workflow files. None means: not known here, so not checked."""

    settings: Mapping[str, Mapping[str, Json]] | None = None  # by workflow, from the operator's settings file
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the operator's own groups: name -> people
    models: frozenset[str] | None = None  # names of the models file


@dataclass(frozen=True, slots=True)
class Examined:
    """A file's definition, when there is nothing wrong with it, and its problems."""

    name: str  # of the workflow, also where it is broken; empty when it cannot be made out
    plan: Plan | None
    workflow: Workflow | None
    problems: tuple[Problem, ...]


def examine(source: Source, folder: FilePath, surroundings: Surroundings) -> Examined:
    """Check one file, and build its plan when nothing is wrong."""
    findings = Findings(source)
    findings.problems.extend(source.problems)
    read = reading.shape(findings) if source.data is not None else None
    if read is None:
        return Examined("", None, None, tuple(findings.problems))
    examination = _Examination(findings, read, folder, surroundings)
    plan = examination.plan()
    name = "" if read.file.workflow == reading.UNNAMED else read.file.workflow
    problems = tuple(
        sorted(findings.problems, key=lambda one: (one.file != source.file, one.file, one.line, one.column))
    )
    if plan is None or findings.broken:
        return Examined(name, None, None, problems)
    return Examined(name, plan, workflow_of(read.file, plan.version, source.file), problems)


_OPENS = "${{"
_FIXED: tuple[Path, ...] = (("title",), ("description",))


class _Examination:
    """The way through one file; each part leaves what the next one needs."""

    def __init__(self, findings: Findings, read: reading.Reading, folder: FilePath, surroundings: Surroundings) -> None:
        self.findings = findings
        self.file: WorkflowFile = read.file
        self.data = read.data
        self.unclear = read.unclear
        self.folder = folder
        self.surroundings = surroundings
        self.schemas = Schemas(findings, read.file.schemas, folder)
        self.names = scope.Names(secrets=(*read.file.secrets, *self._unclear_in("secrets")))
        self.outputs: dict[str, Json] = {}  # declared, by step
        self.signatures: dict[str, Signature] = {}
        self.with_: dict[str, Json] = {}
        self.places: dict[str, Place] = {}

    def plan(self) -> Plan | None:
        inputs = self._inputs()
        settings = self._settings()
        self._vars()
        for name in self.file.schemas:
            self.schemas.named(name)
        for name, step in self.file.steps.items():
            self._step(name, step)
        outputs = self._outputs_place()
        graph = self._graph(outputs)
        circles = graph.report_circles()
        self._types(graph, outputs, circles)
        gates.warn_of_unseen_data(self.findings, graph, self.file.steps, self.places)
        self._unused_after(graph)
        self._never_computed()
        if self.findings.broken:
            return None
        return plan_of(
            self.file,
            inputs=inputs,
            settings=settings,
            edges={name: graph.edges(name) for name in self.file.steps},
            with_=self.with_,
            schemas=self.outputs,
            signatures=self.signatures,
        )

    def _unclear_in(self, section: str) -> tuple[str, ...]:
        return tuple(str(path[1]) for path in self.unclear if len(path) == 2 and path[0] == section)

    # Sections ----------------------------------------------------------------------------------------------------

    def _inputs(self) -> dict[str, Json]:
        inputs: dict[str, Json] = {}
        for name, raw in self.file.inputs.items():
            path: Path = ("inputs", name)
            understood = self.schemas.read(raw, path, INPUT_EXTRAS)
            self.names.inputs[name] = scope.ANY
            if understood is None:
                continue
            schema = dict(understood.schema)
            if understood.optional:
                schema["optional"] = True
            if isinstance(raw, dict) and raw.get("sensitive") is True:
                schema["sensitive"] = True
            self._default_fits(schema, (*path, "default"))
            inputs[name] = schema
            self.names.inputs[name] = understood.schema
            if understood.optional and "default" not in schema:
                self.names.optional_inputs.add(name)
        for name in self._unclear_in("inputs"):
            self.names.inputs[name] = scope.ANY
        return inputs

    def _default_fits(self, schema: Mapping[str, Json], path: Path) -> None:
        if "default" not in schema:
            return
        fault = next(iter(validator(dict(schema)).iter_errors(schema["default"])), None)
        if fault is not None:
            where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault.instance_path)
            message = f"the default does not fit: {(where + ': ').lstrip('.') if where else ''}{fault.message}"
            self.findings.error(path, "bad_default", message, "correct the default, or the schema")

    def _settings(self) -> dict[str, Json]:
        settings: dict[str, Json] = {}
        for name, raw in self.file.settings.items():
            understood = self.schemas.read(raw, ("settings", name))
            self.names.settings[name] = understood.schema if understood else scope.ANY
            if understood is not None:
                settings[name] = understood.schema
                self._default_fits(understood.schema, ("settings", name, "default"))
        for name in self._unclear_in("settings"):
            self.names.settings[name] = scope.ANY
        self._setting_values(settings)
        return settings

    def _setting_values(self, settings: Mapping[str, Json]) -> None:
        if self.surroundings.settings is None:
            return
        values = self.surroundings.settings.get(self.file.workflow, {})
        for name, schema in settings.items():
            path: Path = ("settings", name)
            where = f"settings: {{{self.file.workflow}: {{{name}: …}}}}"
            if name not in values:
                if "default" not in schema:
                    message = f"the setting `{name}` has no value in the operator's settings file"
                    self.findings.error(path, "setting_missing", message, f"add there: {where}", key=True)
                continue
            for fault in validator(schema).iter_errors(values[name]):
                message = f"the value of `{name}` in the operator's settings file does not fit: {fault.message}"
                self.findings.error(path, "setting_wrong", message, f"correct there: {where}", key=True)
        for name in values:
            if name not in settings and ("settings", name) not in self.unclear and ("settings",) not in self.unclear:
                message = f"the operator's settings file has a value for `{name}`, which is no setting of this workflow"
                hint = did_you_mean(name, settings) or "delete it there, or name it under `settings:`"
                self.findings.warning(("settings",), "setting_unused", message, hint, key=True)

    def _vars(self) -> None:
        for name, value in self.file.vars.items():
            self.names.vars[name] = scope.constant_type(value)
            if "${{" in str(value):
                message = f"`{name}` is a constant, and nothing is computed in it"
                self.findings.error(("vars", name), "vars_are_constant", message, "compute it in a transform step")
        for name in self._unclear_in("vars"):
            self.names.vars[name] = scope.ANY

    # Steps -------------------------------------------------------------------------------------------------------

    def _step(self, name: str, step: AnyStep) -> None:
        base: Path = ("steps", name)
        steps.check_step(self.findings, name, step, self.surroundings.models)
        self.signatures[name] = steps.signature(self.findings, name, step, self.folder)
        written = getattr(step, "output", None)
        if written is not None:
            understood = self.schemas.read(written, (*base, "output"))
            self.outputs[name] = understood.schema if understood else None
        self.with_[name], asides = steps.with_of(
            self.findings, name, step, self._raw_with(name), self.folder, self._shown_folder()
        )
        self.findings.asides.update(asides)
        self.places[name] = self._place(name, step)

    def _raw_with(self, name: str) -> Json:
        raw = self.data["steps"][name].get("with")
        return {} if raw is None else raw

    def _shown_folder(self) -> str:
        head, slash, _ = self.findings.source.file.rpartition("/")
        return head + slash

    def _place(self, name: str, step: AnyStep) -> Place:
        place = Place(name, step.uses)
        base: Path = ("steps", name, "with")
        value = self.with_[name]
        if isinstance(value, dict):
            for key, part in value.items():
                if key != "card" or step.uses != "approval":
                    place.template((*base, key), part, self.findings)
        else:
            place.template(base, value, self.findings)
        if step.when is not None:
            place.condition(("steps", name, "when"), step.when, self.findings)
        return place

    def _outputs_place(self) -> Place:
        place = Place("")
        for name, value in self.file.outputs.items():
            place.template(("outputs", name), value, self.findings)
        return place

    def _graph(self, outputs: Place) -> Graph:
        unclear = self._unclear_in("steps")
        known = [*self.file.steps, *unclear]
        whole = frozenset(str(path[0]) for path in self.unclear if len(path) == 1)
        check = NameCheck(self.findings, self.names, known, whole)
        graph = Graph(self.findings, self.file.steps, frozenset(unclear))
        for place in (*self.places.values(), outputs):
            check.look(place)
        for place in self.places.values():
            graph.add(place)
        return graph

    # Types -------------------------------------------------------------------------------------------------------

    def _types(self, graph: Graph, outputs: Place, circles: frozenset[str]) -> None:
        for name in (*self.file.steps, *self._unclear_in("steps")):
            self.names.outputs[name] = scope.ANY
        for name in graph.order():
            step, place = self.file.steps[name], self.places[name]
            types = fitting.expression_types(self.findings, place, self.names.scope(graph.certain(name), strict=True))
            declared = self.outputs.get(name)
            if isinstance(step, TransformStep) and declared is not None:
                fitting.fit_output(self.findings, name, fitting.transformed(name, self.with_[name], types), declared)
            fitting.fit(self.findings, name, step, types, self.signatures[name])
            shown = types.get(("steps", name, "with", "show"), {"type": "null"})
            if isinstance(step, ApprovalStep):
                gates.check_gate(self.findings, name, step, self.file.access, self.surroundings.groups, shown)
            if name not in circles:
                self.names.outputs[name] = self._output_type(name, step, declared, shown, types)
                self.names.receipts[name] = scope.receipt_type(step)
        always = frozenset(self.file.steps) - graph.may_lack_output() | frozenset(self._unclear_in("steps"))
        fitting.expression_types(self.findings, outputs, self.names.scope(always, strict=True))

    def _output_type(self, name: str, step: AnyStep, declared: Json, shown: Type, types: Mapping[Path, Type]) -> Type:
        if step.uses == "transform" and declared is None:
            return fitting.transformed(name, self.with_[name], types)
        if isinstance(step, PythonStep) and declared is None:
            return self.signatures[name].returns or scope.ANY
        return scope.output_type(step, declared, shown)

    def _never_computed(self) -> None:
        """Expressions where nothing is ever computed: they would be shown as they are written."""
        for path in self.findings.source.keys:
            value = self.findings.source.nodes[path].text if path in self.findings.source.nodes else ""
            if _OPENS in str(path[-1]):
                hint = "keys are fixed; put the expression into the value"
                self.findings.error(path, "key_computed", "an expression in a key is not computed", hint, key=True)
            elif _OPENS in value and (path in _FIXED or (len(path) == 3 and path[0] == "steps" and path[2] == "title")):
                message = f"an expression in `{path[-1]}` is not computed"
                self.findings.warning(path, "not_computed", message, "it is the same for every run")

    def _unused_after(self, graph: Graph) -> None:
        """A failure that ends the run is never seen by the steps that look out for it."""
        for place in self.places.values():
            for use in place.uses:
                seen = self.file.steps.get(use.step or "")
                if seen is None or use.part != "error" or seen.on_failure == "continue":
                    continue
                message = f"when `{use.step}` fails the run ends, so its error is never seen here"
                hint = f"give `{use.step}` on_failure: continue"
                self.findings.warning(use.path, "error_never_seen", message, hint, offset=use.offset)
