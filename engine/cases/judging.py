"""Judging: are the steps, settings, signals and outputs that a test names those of its workflow?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.activities.outputs import validate_output
from engine.cases.shape import LEFT_OUT, VERBS, CaseShape, MadeUp, OutcomeShape
from engine.definitions.problem import Findings, did_you_mean, listing, suggestion
from engine.definitions.source import Path
from engine.quantities import duration_ms
from engine.rules.commands import Refusal
from engine.rules.waiting import events_of
from store.model import Json, Plan, StepPlan

FAKED = frozenset({"http", "model", "command", "python", "workflow"})
_REAL = {
    "approval": "people decide there: write it under `decide:`",
    "form": "people answer there: write it under `decide:`",
    "wait": "the clock moves on by itself; what happens outside stands under `events:`",
    "transform": "it is computed for real: fake what it uses",
    "message": "it is said for real, to nobody: see `messages:` under `expect:`",
    "stop": "it ends the run for real",
    "block": "fake the steps in it, for instance `%s.NAME`",
}
_VERB_OF_GATE = {"form": ("answer",)}


class Judge:
    """Holds a test against one plan."""

    def __init__(self, findings: Findings, plan: Plan) -> None:
        self._findings = findings
        self._plan = plan
        listed = [spec.name.removesuffix(".each") for spec in (*plan.steps, *plan.undo)]
        self._names = list(dict.fromkeys(name.replace(".each:", ":") for name in listed))

    def case(self, case: CaseShape, settings: Mapping[str, Json], path: Path) -> None:
        """`settings` are those of the case with those of all cases."""
        self.world(case, path)
        for name, schema in self._plan.settings.items():
            if name not in settings and "default" not in (schema or {}):
                message = f"the setting `{name}` has no value here"
                self._findings.error(path, "setting_missing", message, f"add it: settings: {{{name}: …}}", key=True)
        for index, decision in enumerate(case.decide):
            self._decision(decision, (*path, "decide", index))
        for index, event in enumerate(case.events):
            self._known(event.signal, events_of(self._plan), "signals", (*path, "events", index, "signal"))
        self._until(case.until, (*path, "until"))
        expect = (*path, "expect")
        for name in case.expect.steps:
            self._step(name, (*expect, "steps", name), key=True)
        outputs = self._plan.outputs if isinstance(self._plan.outputs, dict) else {}
        for name in case.expect.outputs or {}:
            self._known(name, outputs, "outputs", (*expect, "outputs", name), key=True)

    def world(self, made_up: MadeUp, path: Path) -> None:
        for name in made_up.settings:
            self._known(name, self._plan.settings, "settings", (*path, "settings", name), key=True)
        if not getattr(getattr(made_up, "expect", None), "refused", ""):
            for name in made_up.inputs:
                self._known(name, self._plan.inputs, "inputs", (*path, "inputs", name), key=True)
        for name, outcomes in made_up.steps.items():
            place = (*path, "steps", name)
            spec = self._step(name, place, key=True)
            if spec is not None and spec.uses not in FAKED:
                hint = _REAL.get(spec.uses, "")
                message = (
                    f"`{name}` uses {spec.uses}, which is not faked" if spec.uses != "block" else f"`{name}` is a block"
                )
                self._findings.error(place, "not_to_fake", message, hint.replace("%s", name), key=True)
            elif spec is not None:
                self._outcomes(spec, outcomes, place)

    def _outcomes(self, spec: StepPlan, outcomes: Iterable[OutcomeShape], path: Path) -> None:
        listed = (*path, 0) in self._findings.source.nodes
        for index, outcome in enumerate(outcomes):
            place = (*path, index) if listed else path
            said = (outcome.output is not LEFT_OUT, outcome.fails is not None, outcome.interrupted)
            if sum(said) != 1:
                message = "what comes of it is not said" if not any(said) else "it says more than one outcome"
                hint = "write exactly one of `output`, `fails` and `interrupted`"
                self._findings.error(place, "which_outcome", message, hint)
            elif said[0]:
                self._fits(spec, outcome, place)

    def _fits(self, spec: StepPlan, outcome: OutcomeShape, path: Path) -> None:
        problems = validate_output(spec.output, outcome.output)
        if problems:
            message = f"the step could not give this: {'; '.join(problems[:3])}"
            hint = "correct it; to test a wrong answer, write {fails: output_invalid}"
            self._findings.error((*path, "output"), "output_invalid", message, hint)

    def _decision(self, decision: object, path: Path) -> None:
        spec = self._step(str(getattr(decision, "step", "")), (*path, "step"))
        done = [
            verb for verb in VERBS if getattr(decision, verb) is not None and getattr(decision, verb) is not LEFT_OUT
        ]
        if len(done) != 1:
            message = "it does not say what is decided" if not done else f"it says both `{done[0]}` and `{done[1]}`"
            self._findings.error(path, "which_decision", message, f"write exactly one of {listing(VERBS)}")
        refused = str(getattr(decision, "refused", ""))
        if refused:
            self._known(refused, set(Refusal), "refusals", (*path, "refused"))
        if spec is None:
            return
        if spec.gate is None:
            hint = "gates here: " + (listing(one.name for one in self._plan.steps if one.gate) or "none")
            message = f"nobody decides at `{spec.name}`, which uses {spec.uses}"
            self._findings.error((*path, "step"), "no_gate", message, hint)
        elif len(done) == 1 and not refused:
            self._offered(spec, done[0], path)

    def _offered(self, spec: StepPlan, verb: str, path: Path) -> None:
        gate = spec.gate
        assert gate is not None
        offered = ["answer"] if gate.form is not None else ["choose"] if gate.choices else ["approve", "reject"]
        offered += ["changes"] if gate.changes else []
        offered += ["edit"] if gate.edit else []
        if verb not in offered:
            message = f"`{spec.name}` does not offer `{verb}`"
            self._findings.error((*path, verb), "not_offered", message, f"it offers {listing(offered)}", key=True)

    def _until(self, until: str, path: Path) -> None:
        if not until:
            return
        if until[:1].isdigit():
            try:
                duration_ms(until)
            except ValueError as error:
                self._findings.error(path, "bad_duration", str(error), "write a step, or a length of time such as 2h")
        else:
            self._step(until, path)

    def _step(self, name: str, path: Path, *, key: bool = False) -> StepPlan | None:
        """The step of the plan that a test means."""
        called, name = name, name.partition("[")[0]
        for known in (f"{name}.each", name.replace(":undo", ".each:undo"), name):
            if self._plan.knows(known):
                return self._plan.step(known)
        inner = [one for one in self._names if one.rpartition(".")[2] == name]
        hint = f"did you mean `{inner[0]}`?" if inner else ""
        hint = hint or did_you_mean(name, self._names) or f"steps here: {listing(self._names)}"
        self._findings.error(path, "unknown_step", f"{self._plan.workflow} has no step `{called}`", hint, key=key)
        return None

    def _known(self, name: str, known: Iterable[str], what: str, path: Path, *, key: bool = False) -> None:
        if name not in (names := list(known)):
            message = f"`{name}` is none of the {what} of {self._plan.workflow}"
            if what == "refusals":
                message = f"no refusal is called `{name}`"
            self._findings.error(path, f"unknown_{what[:-1]}", message, suggestion(name, names, what=what), key=key)
