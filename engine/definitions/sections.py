"""The parts of a file that its steps draw on: inputs, settings and constants."""

from __future__ import annotations

from collections.abc import Mapping

from engine.definitions import scope
from engine.definitions.problem import Findings, did_you_mean
from engine.definitions.schemas import INPUT_EXTRAS, Schemas, validator
from engine.definitions.shape import WorkflowFile
from engine.definitions.source import Path
from store.model import Json

_OPENS = "${{"


class Sections:
    """Reads them, and notes the types behind their names."""

    def __init__(
        self,
        findings: Findings,
        file: WorkflowFile,
        schemas: Schemas,
        names: scope.Names,
        unclear: frozenset[Path],
    ) -> None:
        self.findings = findings
        self.file = file
        self.schemas = schemas
        self.names = names
        self.unclear = unclear

    def unclear_in(self, section: str) -> tuple[str, ...]:
        return tuple(str(path[1]) for path in self.unclear if len(path) == 2 and path[0] == section)

    def inputs(self) -> dict[str, Json]:
        inputs: dict[str, Json] = {}
        for name, raw in self.file.inputs.items():
            path: Path = ("inputs", name)
            understood = self.schemas.read(raw, path, INPUT_EXTRAS)
            self.names.inputs[name] = scope.ANY
            if understood is None:
                self.names.defaulted_inputs.add(name)
                continue
            schema = dict(understood.schema)
            if understood.optional:
                schema["optional"] = True
            if isinstance(raw, dict) and raw.get("sensitive") is True:
                schema["sensitive"] = True
            self._default_fits(schema, (*path, "default"))
            inputs[name] = schema
            self.names.inputs[name] = understood.schema
            if "default" in schema:
                self.names.defaulted_inputs.add(name)
            elif understood.optional:
                self.names.optional_inputs.add(name)
        for name in self.unclear_in("inputs"):
            self.names.inputs[name] = scope.ANY
            self.names.defaulted_inputs.add(name)
        return inputs

    def _default_fits(self, schema: Mapping[str, Json], path: Path) -> None:
        if "default" not in schema:
            return
        fault = next(iter(validator(dict(schema)).iter_errors(schema["default"])), None)
        if fault is not None:
            where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault.instance_path)
            message = f"the default does not fit: {(where + ': ').lstrip('.') if where else ''}{fault.message}"
            self.findings.error(path, "bad_default", message, "correct the default, or the schema")

    def settings(self, values: Mapping[str, Mapping[str, Json]] | None) -> dict[str, Json]:
        """`values` are those of the operator's settings file, by workflow."""
        settings: dict[str, Json] = {}
        for name, raw in self.file.settings.items():
            understood = self.schemas.read(raw, ("settings", name))
            self.names.settings[name] = understood.schema if understood else scope.ANY
            if understood is not None:
                settings[name] = understood.schema
                self._default_fits(understood.schema, ("settings", name, "default"))
        for name in self.unclear_in("settings"):
            self.names.settings[name] = scope.ANY
        if values is not None:
            self._setting_values(settings, values.get(self.file.workflow, {}))
        return settings

    def _setting_values(self, settings: Mapping[str, Json], values: Mapping[str, Json]) -> None:
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

    def vars(self) -> None:
        for name, value in self.file.vars.items():
            self.names.vars[name] = scope.constant_type(value)
            if _OPENS in str(value):
                message = f"`{name}` is a constant, and nothing is computed in it"
                self.findings.error(("vars", name), "vars_are_constant", message, "compute it in a transform step")
        for name in self.unclear_in("vars"):
            self.names.vars[name] = scope.ANY

    def named_schemas(self) -> None:
        """Prove every schema of the file, also those that nothing uses."""
        for name in self.file.schemas:
            self.schemas.named(name)
