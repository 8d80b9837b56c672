"""Which endpoints a step needs, as far as that can be told before it is claimed.

The names of models and the beginnings of addresses are mostly written out or come from settings. Where large values
would have to be read for them nothing is said, and the step is let in: its endpoint will tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.api import Engine
from engine.http import endpoint_of
from engine.rules.expressions import ExpressionError, Template, parse_template
from engine.rules.scope import at, scope
from store.faults import StoreFault
from store.model import Facts, Json, Plan, Run, Step, StepPlan

MODEL = "model "
HOST = "host "
TEMPLATES_MAX = 1_024
_LIGHT = frozenset(("settings", "vars", "run"))


@dataclass(slots=True)
class Needing:
    """Fills the one part of a step's `with` that names its endpoints."""

    engine: Engine
    _templates: dict[tuple[str, str], Template] = field(default_factory=dict)

    def names(self, plan: Plan, spec: StepPlan, run: Run, step: Step, interesting: Collection[str]) -> tuple[str, ...]:
        """The endpoints in the order in which the step would take them; none when none of them is interesting."""
        kind = MODEL if spec.uses == "model" else HOST
        if not isinstance(spec.with_, Mapping) or not any(name.startswith(kind) for name in interesting):
            return ()
        named = self._filled(plan, spec, run, step, "model" if kind is MODEL else "url")
        if kind is HOST:
            found = [f"{HOST}{endpoint_of(named)}"] if isinstance(named, str) else []
        else:
            listed = [named] if isinstance(named, str) else named if isinstance(named, list | tuple) else []
            found = [f"{MODEL}{name}" for name in listed]
        return tuple(found) if any(name in interesting for name in found) else ()

    def _filled(self, plan: Plan, spec: StepPlan, run: Run, step: Step, part: str) -> Json:
        written = spec.with_.get(part)
        if not isinstance(written, str | list) or "${{" not in str(written):
            return written
        try:
            template = self._template(plan, spec, part, written)
            roots = {reference.path[0] for reference in template.references}
            if "secrets" in roots or (_holds_large(run) and not roots <= _LIGHT):
                return None
            engine = self.engine
            facts = Facts(content=engine.content.values, settings=engine.settings.get(plan.workflow, {}))
            return template.fill(scope(plan, run, template.references, facts, at(step)))
        except (ExpressionError, StoreFault, LookupError):
            return None  # the attempt will say so, to whom it concerns

    def _template(self, plan: Plan, spec: StepPlan, part: str, written: Json) -> Template:
        known = self._templates.get((plan.version, spec.name))
        if known is not None and known.value is written:
            return known
        if len(self._templates) >= TEMPLATES_MAX:
            self._templates.clear()
        template = self._templates[plan.version, spec.name] = parse_template(written)
        return template


def _holds_large(run: Run) -> bool:
    return run.inputs.hash is not None or run.large > 0
