"""Changing runs for operators and programs: answers at gates, settlements, retries, and what ends or holds a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.looking import Looking
from bot.objections import bad_answer, bad_retry, unknown_event, unknown_step, unknown_workflow
from bot.requests import Cancel, Decide, Objection, Pause, Resume, Retry, Settle, Signal
from bot.retrying import changed_inputs, redone
from bot.wording import Circumstances, refusal_text
from engine.api import Engine, Performed
from engine.inputs import read_inputs
from engine.rules import commands
from engine.rules.commands import Command, Refusal
from engine.rules.gates import offered
from engine.rules.waiting import events_of
from store.model import Actor, Content, Gate, Json, Plan, Run, Step, StepStatus

VERDICTS = {
    "approve": "approved",
    "reject": "rejected",
    "changes": "sent back",
    "choose": "answered",
    "answer": "answered",
}
HOW = {
    "approve": "pointsman approve {run} {step}",
    "reject": "pointsman reject {run} {step}",
    "changes": 'pointsman changes {run} {step} "what is to be done"',
    "choose": "pointsman answer {run} {step} {offers}",
    "answer": "pointsman answer {run} {step} {offers}",
}


class Acting(Looking):
    """Everything that changes a run which is there already."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.database.read, engine.content, engine.chain, engine.clock.now)
        self._engine = engine

    async def decide(self, request: Decide, by: Actor) -> Json:
        run, step, gate = await self._gate(request.ref, request.step)
        answered = request.content is not None or request.verdict == "answer"
        content = self._answer(step, request) if answered else None
        decide = commands.Decide(
            step.key,
            by,
            request.verdict,
            gate=gate,
            comment=request.comment,
            surface=surface(by),
            override=request.override,
            choice=request.choice,
            content=content,
            confirmed=request.confirm,
        )
        return await self._perform(run, decide, step)

    def _answer(self, step: Step, request: Decide) -> Content | None:
        """What a form is answered with. Raises Objection with everything that is wrong with it."""
        form = None if step.gate is None else step.gate.terms.form
        if form is None or step.gate is None:
            return None  # the rules say what the gate takes instead
        fields = form.get("properties", {})
        required = form.get("required", ())
        inputs = {name: {**schema, "optional": name not in required} for name, schema in fields.items()}
        read = read_inputs(Plan(step.key, inputs, ()), request.content or {}, typed=request.typed)
        if read.problems:
            raise bad_answer(step.gate.name, read.problems)
        return self._content.kept(read.values)

    async def settle(self, request: Settle, by: Actor) -> Json:
        run = await self._run(request.ref)
        step = run.steps.get(request.step)
        if step is None:
            raise unknown_step(run, request.step)
        output = Content() if request.output is None else self._content.kept(request.output)
        settle = commands.Settle(step.key, by, request.answer, output=output, reason=request.reason)
        return await self._perform(run, settle, step)

    async def retry(self, request: Retry, by: Actor) -> Json:
        """How the run stands, and under `redone` what is done again."""
        run = await self._run(request.ref)
        if request.from_step and request.from_step not in run.steps:
            raise unknown_step(run, request.from_step)
        if request.latest and run.workflow not in self._engine.definitions:
            raise unknown_workflow(run.workflow, self._engine.definitions)
        inputs = await self._changed_inputs(run, request)
        retry = commands.Retry(
            by,
            request.reason,
            request.from_step,
            inputs=None if inputs is None else self._content.kept(inputs),
            changed=tuple(request.inputs),
            newest=request.latest,
            confirmed=request.confirm,
        )
        performed = await self._engine.perform(run.id, retry)
        return await self._answered(performed) | {"redone": redone(performed.events, performed.run)}

    async def _changed_inputs(self, run: Run, request: Retry) -> dict[str, Json] | None:
        """The inputs with those that were given anew; None when none was. Raises Objection."""
        if not request.inputs:
            return None
        newest = self._engine.definitions[run.workflow].plan if request.latest else None
        plan = newest or await self._engine.plan_of(run.version)
        current = self._content.value(run.inputs)
        read = changed_inputs(plan, current, request.inputs, typed=request.typed, newer=newest is not None)
        if read.problems:
            raise bad_retry(run, read.problems)
        return read.values

    async def signal(self, request: Signal, by: Actor) -> Json:
        run = await self._run(request.ref)
        known = events_of(await self._engine.plan_of(run.version))
        if request.event not in known:
            raise unknown_event(run, request.event, known)
        return await self._perform(run, commands.SignalRun(by, request.event, self._content.kept(request.data)))

    async def cancel(self, request: Cancel, by: Actor) -> Json:
        return await self._perform(await self._run(request.ref), commands.Cancel(by, request.reason))

    async def pause(self, request: Pause, by: Actor) -> Json:
        run = await self._run(request.ref)
        return await self._perform(run, commands.Pause(by, request.reason or f"{by.name or by.id} paused it"))

    async def resume(self, request: Resume, by: Actor) -> Json:
        return await self._perform(await self._run(request.ref), commands.Resume(by))

    # Answers ---------------------------------------------------------------------------------------------------------

    async def _perform(self, run: Run, command: Command, step: Step | None = None) -> Json:
        return await self._answered(await self._engine.perform(run.id, command), step, command)

    async def _answered(
        self, performed: Performed, step: Step | None = None, command: Command | None = None
    ) -> dict[str, Any]:
        """How the run stands after a command. Raises Objection with the words for a refusal."""
        if performed.refusal is None:
            told: dict[str, Any] = await self._told(performed.run)
            return told
        message = refusal_text(performed.refusal, self._about(performed, step))
        raise Objection(performed.refusal.value, message, _cure(performed, step, command), status=409)

    def _about(self, performed: Performed, step: Step | None) -> Circumstances:
        run, now = performed.run, self._now()
        steps = performed.steps or tuple(run.steps)
        about = Circumstances(run=run.name, steps=steps)
        if step is None:
            return replace(about, ago_ms=None if run.ended_at is None else now - run.ended_at)
        gate = run.steps[step.key].gate
        if gate is None:
            return replace(about, step=step.key)
        last = gate.decisions[-1] if gate.decisions else None
        closed = gate.closed_at
        return replace(
            about,
            gate=gate.name,
            step=step.key,
            verdict="decided" if last is None else VERDICTS[last.verdict],
            by="somebody" if last is None else last.actor.name or last.actor.id,
            ago_ms=None if closed is None else now - closed,
            approvers=", ".join(gate.approvers),
        )

    # What is meant ---------------------------------------------------------------------------------------------------

    async def _gate(self, ref: str, step: str) -> tuple[Run, Step, str]:
        """The gate that is meant: by its own name, by its step, or the only open one of the run.

        The last is the id of the version: an id means its own, whatever has come since, and all else the newest.
        """
        by_name = await self._engine.resolve_gate(ref)
        if by_name is not None and step in ("", by_name[1].key):
            named = ref.strip()[:2].upper() == "G-"
            return *by_name, _newest(by_name[1]) if named else ref.strip()
        run, found = await self._at_step(ref, step)
        return run, found, _newest(found)

    async def _at_step(self, ref: str, step: str) -> tuple[Run, Step]:
        run = await self._run(ref)
        if step:
            found = run.steps.get(step)
            if found is None:
                raise unknown_step(run, step)
            return run, found
        asked = [one for one in run.steps.values() if one.gate is not None]
        open_ones = [one for one in asked if one.status is StepStatus.WAITING]
        if not open_ones and len(asked) == 1:
            return run, asked[0]  # somebody was quicker: the rules know what became of it
        if len(open_ones) != 1:
            names = ", ".join(one.key for one in open_ones)
            raise Objection(
                "which_step",
                f"{run.name} has {len(open_ones)} open gates.",
                f"Name the step: {names}." if names else f"`pointsman status {run.name}` shows what it is doing.",
                status=409,
            )
        return run, open_ones[0]


def _newest(step: Step) -> str:
    return "" if step.gate is None else step.gate.id


def surface(by: Actor) -> str:
    """Where an operator's word was given: at a terminal, or by a program with a token."""
    return "api" if by.id.startswith("api") else "cli"


def _cure(performed: Performed, step: Step | None, command: Command | None) -> str:
    """What to do about a refusal, where its sentence does not say."""
    match performed.refusal:
        case Refusal.ONCE_WOULD_REPEAT:
            return "When that is what you want, say it again with --confirm."
        case Refusal.ANSWER_NOT_OFFERED | Refusal.CHOICE_UNKNOWN if step is not None and step.gate is not None:
            return _offers(performed.run, step, step.gate)
        case Refusal.RUN_FINISHED if not isinstance(command, commands.Cancel | commands.Decide):
            return f"To do parts of it again: pointsman retry {performed.run.name}"
        case Refusal.RUN_NOT_FINISHED:
            return f"`pointsman status {performed.run.name}` shows what it is doing."
        case Refusal.NOTHING_TO_RETRY:
            return f"Name what to do again: pointsman retry {performed.run.name} --from STEP, or give an input anew."
    return ""


def _offers(run: Run, step: Step, gate: Gate) -> str:
    """What may be typed at this gate."""
    words = {"choose": "|".join(one.value for one in gate.terms.choices), "answer": _fields(gate.terms.form)}
    lines = (HOW[one].format(run=run.name, step=step.key, offers=words.get(one, "")) for one in offered(gate))
    return f"It takes: {' · '.join(lines)}"


def _fields(form: Mapping[str, Json] | None) -> str:
    return " ".join(f"{name}=…" for name in (form or {}).get("properties", {}))
