"""Foresight: what can be known of a run before it is started. Nothing is done for it, and nothing is written.

Whatever follows from the inputs, the settings and the constants is computed; what depends on a step that has not been
done stays as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.rules.expressions import ExpressionError, Reference, Template, condition, evaluate, parse_template
from store.model import Json, Plan, StepPlan, block_of

Happens = Literal["yes", "no", "perhaps"]
UNKNOWN = object()
FREE = frozenset({"inputs", "settings", "vars"})


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One step: whether it will be done, why not, and with what."""

    spec: StepPlan
    happens: Happens
    why: str = ""
    with_: Json = None
    known: bool = False  # whether all of `with_` could be computed
    items: int | None = None


@dataclass(slots=True)
class Foresight:
    """Goes through a plan in its order."""

    plan: Plan
    inputs: Mapping[str, Json]
    settings: Mapping[str, Json]
    hidden: frozenset[str] = frozenset()  # inputs whose values are shown nowhere
    _found: dict[str, Foreseen] = field(default_factory=dict)
    _outputs: dict[str, Json] = field(default_factory=dict)

    def steps(self) -> list[Foreseen]:
        """Every step, each behind all that it needs; the last ones at the end."""
        main = [spec for spec in self.plan.within("") if spec.phase == "main"]
        last = [spec for spec in self.plan.within("") if spec.phase != "main"]
        return [one for specs in (main, last) for one in self._walk(specs)]

    def _walk(self, specs: Iterable[StepPlan]) -> Iterator[Foreseen]:
        left = list(specs)
        beside = {spec.name for spec in left}
        while left:
            ready = (one for one in left if not any(e.step in beside and e.step not in self._found for e in one.needs))
            spec = next(ready, left[0])
            left.remove(spec)
            found = self._found[spec.name] = self._foreseen(spec)
            yield found
            if spec.uses == "block":
                yield from self._walk(self.plan.within(spec.name))

    def _foreseen(self, spec: StepPlan) -> Foreseen:
        happens, why = self._happens(spec)
        with_, known = self._filled(spec.with_, spec) if spec.uses != "block" else (None, False)
        if happens == "yes" and known and spec.uses == "transform":
            self._outputs[spec.name] = with_
        return Foreseen(spec, happens, why, with_, known, self._count(spec))

    def _happens(self, spec: StepPlan) -> tuple[Happens, str]:
        block = self._found.get(block_of(spec.name))
        if block is not None and block.happens == "no":
            return "no", f"{block.spec.name} is skipped"
        for edge in spec.needs:
            needed = self._found.get(edge.step)
            if needed is not None and needed.happens == "no" and edge.accepts == "success" and not edge.guarded:
                return "no", f"it needs {edge.step}, which is skipped"
        holds = UNKNOWN if spec.when is None else self._value(spec.when, spec)
        if spec.when is not None and holds is not UNKNOWN:
            return (
                ("yes", "its condition holds") if holds is True else ("no", f"its condition does not hold: {spec.when}")
            )
        open_ = [one for one in spec.needs if (found := self._found.get(one.step)) and found.happens == "perhaps"]
        if spec.when is not None:
            return "perhaps", f"if {spec.when}"
        if open_ and any(one.accepts == "success" and not one.guarded for one in open_):
            return "perhaps", f"if {open_[0].step} is done"
        if block is not None and block.happens == "perhaps":
            return "perhaps", f"if {block.spec.name} is done"
        return "yes", ""

    def _count(self, spec: StepPlan) -> int | None:
        if spec.fanout is None:
            return None
        found = self._value(spec.fanout.each, spec)
        return len(found) if isinstance(found, list) else None

    def text(self, expression: str) -> Json:
        """The value of an expression of the file itself, such as `dedupe`; None when nothing is known of it."""
        found = self._value(expression, None)
        return None if found is UNKNOWN else found

    # Computing -------------------------------------------------------------------------------------------------------

    def _value(self, text: str, spec: StepPlan | None) -> Json:
        read = condition(text)
        return self._computed(read.references, spec, lambda names: evaluate(read, names))

    def _filled(self, template: Json, spec: StepPlan) -> tuple[Json, bool]:
        """The template with everything filled in that is known, and whether that is all."""
        if isinstance(template, Mapping):
            parts = {key: self._filled(part, spec) for key, part in template.items()}
            return {key: part for key, (part, _) in parts.items()}, all(known for _, known in parts.values())
        if isinstance(template, list):
            listed = [self._filled(part, spec) for part in template]
            return [part for part, _ in listed], all(known for _, known in listed)
        if not isinstance(template, str):
            return template, True
        read = parse_template(template)
        found = self._computed(read.references, spec, read.fill)
        return (self._in_part(template, read, spec), False) if found is UNKNOWN else (found, True)

    def _in_part(self, text: str, read: Template, spec: StepPlan) -> str:
        """A text with those of its expressions filled in that are known."""
        filled, at = "", 0
        for one in read.expressions:
            start, end = one.offset - len("${{"), one.offset + len(one.expression.text) + len("}}")
            piece = parse_template(text[start:end] + " ")  # with something beside it, it gives text
            found = self._computed(piece.references, spec, piece.fill)
            filled += text[at:start] + (text[start:end] if found is UNKNOWN else found[:-1])
            at = end
        return filled + text[at:]

    def _computed(
        self, references: Iterable[Reference], spec: StepPlan | None, compute: Callable[[Mapping[str, Json]], Json]
    ) -> Json:
        steps: dict[str, Json] = {}
        for reference in references:
            if reference.path[0] == "steps":
                name = self._step_meant(reference, spec)
                if name is None:
                    return UNKNOWN
                steps[str(reference.path[1])] = {"status": "succeeded", "output": self._outputs[name]}
            elif reference.path[0] not in FREE or self._is_hidden(reference):
                return UNKNOWN
        names = {"inputs": self.inputs, "settings": self.settings, "vars": self.plan.vars, "steps": steps}
        try:
            return compute(names)
        except ExpressionError:
            return UNKNOWN  # the run will tell; a foresight breaks nothing

    def _is_hidden(self, reference: Reference) -> bool:
        return reference.path[0] == "inputs" and (len(reference.path) < 2 or reference.path[1] in self.hidden)

    def _step_meant(self, reference: Reference, spec: StepPlan | None) -> str | None:
        """The step behind a reference to an output that is known."""
        if len(reference.path) < 3 or reference.path[2] != "output":
            return None
        block = block_of(spec.name) if spec is not None else ""
        while True:
            name = f"{block}.{reference.path[1]}" if block else str(reference.path[1])
            if self.plan.knows(name):
                return name if name in self._outputs else None
            if not block:
                return None
            block = block_of(block)
