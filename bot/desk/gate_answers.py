"""What people fill in at a gate, read from their forms: a reason, wished changes, an edited content, asked-for data.

Also what is wrong with it, said before the form closes: then nothing is lost of what was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import anyio.to_thread

from bot.desk.bench import Bench
from bot.desk.file_inputs import fetched
from bot.intake import Submitted
from bot.views.fields import Field, fields_of, fields_to_edit, files_given, read
from bot.views.gate_buttons import gate_of, seen_by
from bot.views.gate_forms import ANSWER_FORM, CHANGES_FORM, COMMENT, EDIT_FORM, SURE, changes_form, texts
from bot.views.reject_form import CALLBACK as REJECT_FORM
from bot.views.reject_form import REASON
from engine.opening import bound
from engine.rules import redoing
from store.model import Content, Gate, GateState, Json, Plan, Run, Step, Verdict

FORMS: Mapping[str, Verdict] = {
    REJECT_FORM: "reject",
    CHANGES_FORM: "changes",
    EDIT_FORM: "approve",
    ANSWER_FORM: "answer",
}
CHANGED = "This was changed since you opened the form. Copy what you wrote, close the form and look again."


@dataclass(frozen=True, slots=True)
class Given:
    """An answer at a gate as somebody gave it."""

    verdict: Verdict
    comment: str = ""
    choice: str = ""
    digest: str = ""  # of what they saw, where others may change it
    content: Content | None = None
    content_digest: str = ""
    edits: Json = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Complaint:
    """What to say to a form instead of closing it: an error for each field, or another view in its place."""

    errors: dict[str, str] = field(default_factory=dict)
    view: Json = None

    @property
    def response(self) -> Json:
        """As Slack takes it in the acknowledgement."""
        if self.view is not None:
            return {"response_action": "update", "view": self.view}
        return {"response_action": "errors", "errors": self.errors}


class GateAnswers:
    """Reads forms."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def complaint(self, submitted: Submitted) -> Complaint | None:
        """What is wrong with a form; None when it may close. Nothing is changed, and Slack is not asked."""
        found = await self._bench.engine.resolve_gate(gate_of(submitted.private_metadata))
        gate = found[1].gate if found else None
        if found is None or gate is None or gate.id != gate_of(submitted.private_metadata):
            return None  # the answer tells what became of it
        if gate.state is not GateState.OPEN:
            return None
        match submitted.callback_id:
            case "gate_changes":
                return await self._changes_complaint(found[0], found[1], gate, submitted)
            case "gate_edit":
                first = next(iter(submitted.values), "field:0")
                if seen_by(submitted.private_metadata, gate) != gate.digest:
                    return Complaint({first: CHANGED})
                fields = await self.fields_to_edit(gate)
            case "gate_answer":
                fields = fields_of(gate.terms.form)
            case _:
                return None
        errors = read(fields, submitted.values).errors
        return Complaint(errors) if errors else None

    async def given(self, submitted: Submitted, run: Run, step: Step, gate: Gate) -> Given | None:
        """The answer that a form gives; None when it was filled in for something else by now."""
        match submitted.callback_id:
            case "gate_reject":
                reason = texts(submitted.values, REASON)
                return Given("reject", reason) if reason else None
            case "gate_changes":
                comment = texts(submitted.values, COMMENT)
                return Given("changes", comment, confirmed=bool(submitted.values.get(SURE))) if comment else None
            case "gate_answer":
                return await self._answered(submitted, gate)
            case "gate_edit":
                return await self._edited(submitted, run, step, gate)
        return None

    async def _answered(self, submitted: Submitted, gate: Gate) -> Given | None:
        """What was asked for; its files are fetched. Raises NotTaken when one cannot be had."""
        fields = fields_of(gate.terms.form)
        filled = read(fields, submitted.values)
        if filled.errors:
            return None
        values = filled.values
        if gate.state is GateState.OPEN:
            values = await fetched(self._bench, values, files_given(fields, submitted.values), submitted.user, "")
        return Given("answer", content=Content(values))

    async def fields_to_edit(self, gate: Gate) -> list[Field]:
        shown = await self._bench.content(gate.shown)
        return fields_to_edit(shown, gate.terms.edit) if isinstance(shown, dict) else []

    def repeats(self, plan: Plan, run: Run, step: Step) -> list[str]:
        """The rows whose effect would happen twice when changes are asked for here."""
        policy = plan.step(step.name).gate
        if policy is None or policy.changes is None:
            return []
        return list(redoing.repeated(plan, run, redoing.sent_back(plan, run, step)))

    async def _changes_complaint(self, run: Run, step: Step, gate: Gate, submitted: Submitted) -> Complaint | None:
        comment = texts(submitted.values, COMMENT)
        if not comment:
            return Complaint({COMMENT: "Please say what should change."})
        scene = await self._bench.scene(run)
        repeats = self.repeats(scene.plan, run, step)
        if not repeats or submitted.values.get(SURE):
            return None
        titles = [scene.row_title(run.steps[key]) for key in repeats]
        return Complaint(view=changes_form(scene, step.key, gate, titles, comment))

    async def _edited(self, submitted: Submitted, run: Run, step: Step, gate: Gate) -> Given | None:
        shown = await self._bench.content(gate.shown)
        filled = read(await self.fields_to_edit(gate), submitted.values)
        if filled.errors or not isinstance(shown, dict):
            return None
        # A field that was emptied holds nothing of its kind.
        new = {name: filled.values.get(name, _nothing(shown[name])) for name in gate.terms.edit if name in shown}
        edits = {name: [shown[name], value] for name, value in new.items() if not _same(shown[name], value)}
        seen = seen_by(submitted.private_metadata, gate)
        if not edits:
            return Given("approve", digest=seen)
        edited = shown | {name: value for name, (_, value) in edits.items()}
        plan = await self._bench.engine.plan_of(run.version)
        content = await anyio.to_thread.run_sync(self._bench.engine.content.kept, edited)
        digest = content_digest(plan, step, gate, edited)
        return Given("approve", digest=seen, content=content, content_digest=digest, edits=edits)


def content_digest(plan: Plan, step: Step, gate: Gate, edited: Json) -> str:
    """What a decision on the edited content is bound to, as when the gate was opened on it."""
    policy = plan.step(step.name).gate
    assert policy is not None
    called_in = set(gate.terms.escalate_to) if gate.escalated else set()
    asked = policy.approvers or tuple(one for one in gate.approvers if one not in called_in)
    return bound(policy, gate.question, edited, asked)


def _same(before: Json, after: Json) -> bool:
    return type(before) is type(after) and bool(before == after)


def _nothing(value: Json) -> Json:
    match value:
        case str():
            return ""
        case list():
            return []
        case dict():
            return {}
        case _:
            return None
