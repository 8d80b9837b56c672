"""Retrying a run, by words, by buttons and by a form, by whoever started it or controls its workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import anyio
import anyio.to_thread
import structlog

from bot.desk import rights
from bot.desk.bench import Bench, recipe
from bot.desk.gate_answers import Complaint
from bot.desk.place import Asker
from bot.desk.runs import find, is_its_message
from bot.grammar import Retry
from bot.intake import Clicked, Submitted
from bot.retrying import changed_inputs, redone
from bot.slack import SlackFault
from bot.views import answers, decisions, retries
from bot.views.controls import may_not
from bot.views.fields import PREFIX, Field
from bot.views.reply import NOTHING, Reply
from bot.views.retry_form import LATEST_FORM, SURE, changes, retry_fields, retry_form
from bot.views.run_again import (
    RETRY_ANYWAY,
    RETRY_LATEST,
    RETRY_LATEST_ANYWAY,
    RETRY_OTHERWISE,
    RETRY_OTHERWISE_LATEST,
)
from bot.views.run_message import root_key
from engine.inputs import Inputs
from engine.rules import commands, reopening
from engine.rules.commands import Refusal
from store.model import LIMITS, Actor, Content, Facts, Json, Plan, Run, StepKey

log = structlog.get_logger()

GLANCE_SECONDS = 1.0  # a form must be open within three
BY_LATEST = frozenset({RETRY_LATEST, RETRY_LATEST_ANYWAY})
ANYWAY = frozenset({RETRY_ANYWAY, RETRY_LATEST_ANYWAY})
NO_INPUTS = Inputs({}, ())


class Retrying:
    """Lets runs that have ended go on."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def typed(self, ask: Retry, asker: Asker) -> Reply:
        run = await find(self._bench, ask.run, asker)
        if run is None:
            return answers.no_such_run(ask.run, asker.place.prefix)
        return await self._retry(run, ask, asker, dict(ask.given), typed=False)

    async def clicked(self, clicked: Clicked, asker: Asker) -> Reply:
        """A button on a message of the run; its value names the run, and the step from which to retry."""
        run_id, _, step = clicked.value.partition(" ")
        run = await find(self._bench, run_id, asker)
        if run is None or not await is_its_message(self._bench, clicked, run):
            return answers.unknown_button()
        action = clicked.action_id
        ask = Retry(run.id, step, latest=action in BY_LATEST, confirmed=action in ANYWAY)
        return await self._retry(run, ask, asker, {}, typed=False)

    # With a form ----------------------------------------------------------------------------------------------------

    async def clicked_form(self, clicked: Clicked, asker: Asker) -> Reply:
        """Open the form, at once; or say why nothing would come of it."""
        run = await find(self._bench, clicked.value, asker)
        if run is None or not await is_its_message(self._bench, clicked, run):
            return answers.unknown_button()
        latest = clicked.action_id == RETRY_OTHERWISE_LATEST
        scene = await self._bench.scene(run)
        if not run.status.finished:
            return retries.refused(scene, Refusal.RUN_NOT_FINISHED, self._bench.now())
        with anyio.move_on_after(GLANCE_SECONDS):
            met = await self._bench.glance(asker.user, scene.workflow.access.control)
            if met.trouble is None and not rights.may_control(met.person, scene.workflow, run):
                return may_not("retry", scene, await self._bench.address(root_key(run)))
        plan = await self._plan(run, latest=latest)
        fields = retry_fields(plan, await self._given(run))
        try:
            await self._bench.open_form(clicked.trigger_id, retry_form(scene, plan, fields))
        except SlackFault as fault:
            log.warning("form.not_opened", run=run.name, error=fault.code)
            return retries.form_missed(scene, RETRY_OTHERWISE_LATEST if latest else RETRY_OTHERWISE)
        return NOTHING

    async def complaint(self, submitted: Submitted) -> Complaint | None:
        """What is wrong with a form that was sent, so that it stays open; nothing is changed."""
        run = await self._bench.engine.look(submitted.private_metadata)
        if run is None or not run.status.finished or run.erased_at is not None:
            return None  # the answer tells what became of it
        plan, fields, told, errors = await self._filled(run, submitted)
        if errors:
            return Complaint(errors)
        read = await self._read(run, told, plan, typed=True)
        places = {field.name: f"{PREFIX}{n}" for n, field in enumerate(fields)}
        wrong = {places[one.name]: f"{one.message}. {one.hint}".strip() for one in read.problems if one.name in places}
        if wrong:
            return Complaint(wrong)
        repeats = await self._repeats(run, plan, read, tuple(told))
        if not repeats or submitted.values.get(SURE):
            return None
        scene = await self._bench.scene(run)
        titles = [scene.row_title(run.steps[key]) for key in repeats]
        typed = retry_fields(plan, {**await self._given(run), **told})
        return Complaint(view=retry_form(scene, plan, typed, repeats=titles))

    async def submitted(self, submitted: Submitted, asker: Asker) -> Reply:
        run = await find(self._bench, submitted.private_metadata, asker)
        if run is None:
            return answers.unknown_button()
        _, _, told, _ = await self._filled(run, submitted)
        sure = bool(submitted.values.get(SURE))
        ask = Retry(run.id, latest=submitted.callback_id == LATEST_FORM, confirmed=sure)
        return await self._retry(run, ask, asker, told, typed=True)

    async def _filled(
        self, run: Run, submitted: Submitted
    ) -> tuple[Plan, Sequence[Field], dict[str, Json], dict[str, str]]:
        plan = await self._plan(run, latest=submitted.callback_id == LATEST_FORM)
        fields = retry_fields(plan, await self._given(run))
        told, errors = changes(fields, submitted.values)
        return plan, fields, told, errors

    async def _repeats(self, run: Run, plan: Plan, read: Inputs, names: tuple[str, ...]) -> tuple[StepKey, ...]:
        """The rows whose effect would happen once more, found by trying it out on paper."""
        engine, content = self._bench.engine, await self._kept(read)
        own = await engine.plan_of(run.version)
        newer = plan if plan.version != own.version else None
        meant = commands.Retry(
            Actor("engine", "", ""), inputs=content if names else None, changed=names, newest=newer is not None
        )
        facts = Facts(content=engine.content.values, newest=newer)
        tried = reopening.retry(own, run, meant, facts, self._bench.now())
        return tried.steps if tried.refusal is Refusal.ONCE_WOULD_REPEAT else ()

    # Carrying it out ------------------------------------------------------------------------------------------------

    async def _retry(self, run: Run, ask: Retry, asker: Asker, given: Mapping[str, Json], *, typed: bool) -> Reply:
        workflow = self._bench.workflow(run)
        met = await self._bench.meet(asker.user, workflow.access.control)
        scene, address = await self._bench.scene(run), await self._bench.address(root_key(run))
        if not rights.may_control(met.person, workflow, run):
            return may_not("retry", scene, address)
        plan = await self._plan(run, latest=ask.latest)
        read = NO_INPUTS if run.erased_at is not None else await self._read(run, given, plan, typed=typed)
        if read.problems:
            return retries.not_retried(scene, plan, ask, read.problems, asker.place.prefix, address)
        if asker.key is None:
            return decisions.would(f"retry {run.name}")
        command = commands.Retry(
            Actor("person", asker.user, met.person.name),
            ask.reason[: LIMITS.comment_max],
            ask.step,
            inputs=await self._kept(read) if given else None,
            changed=tuple(given),
            newest=ask.latest,
            confirmed=ask.confirmed,
        )
        facts = recipe("retried", run=run.id)
        done = await self._bench.engine.perform(run.id, command, person=met.person, receipt=asker.key, answer=facts)
        if done.refusal is Refusal.ONCE_WOULD_REPEAT:
            repeats = [scene.row_title(run.steps[key]) for key in done.steps if key in run.steps]
            return retries.would_repeat(scene, repeats, ask, asker.place.prefix, address)
        if done.refusal is not None:
            return retries.refused(scene, done.refusal, self._bench.now(), ask.step, address)
        after = await self._bench.scene(done.run)
        return retries.retried(after, redone(done.events, done.run), ask, tuple(given), run.version, address)

    async def _plan(self, run: Run, *, latest: bool) -> Plan:
        """The version by which the run goes on."""
        newest = self._bench.engine.definitions.get(run.workflow) if latest else None
        return newest.plan if newest is not None else await self._bench.engine.plan_of(run.version)

    async def _read(self, run: Run, given: Mapping[str, Json], plan: Plan, *, typed: bool) -> Inputs:
        if not given:
            return NO_INPUTS
        told = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        return changed_inputs(plan, await self._given(run), told, typed=typed, newer=plan.version != run.version)

    async def _given(self, run: Run) -> dict[str, Json]:
        inputs = await self._bench.content(run.inputs)
        return inputs if isinstance(inputs, dict) else {}

    async def _kept(self, read: Inputs) -> Content:
        return await anyio.to_thread.run_sync(self._bench.engine.content.kept, read.values)
