"""`run`: read the inputs, choose the place where the run shows itself, start it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from bot.attached import NotTaken
from bot.desk import rights
from bot.desk.bench import Bench, recipe
from bot.desk.file_inputs import fetched, files_in_words, looked_up
from bot.desk.looking import Looking
from bot.desk.place import Asker
from bot.grammar import Start
from bot.people import ChannelFacts
from bot.slack import SlackFault
from bot.views import answers, starts
from bot.views.reply import Reply
from bot.views.run_message import root_key
from engine.api import NotStarted, UnknownWorkflow
from engine.inputs import read_inputs
from store import definitions
from store.model import Actor, Json, Person, Run, Workflow


class Starting:
    """Starts runs for people who may start them."""

    def __init__(self, bench: Bench, looking: Looking) -> None:
        self._bench = bench
        self._looking = looking

    async def start(self, ask: Start, asker: Asker) -> Reply:
        definition = self._bench.engine.definitions.get(ask.workflow)
        workflow = self._bench.engine.workflow_of(ask.workflow)
        if definition is None or workflow is None:
            return await self._unknown(ask, asker)
        met = await self._bench.meet(asker.user, rights.references(workflow))
        if not met.person.member:
            return answers.not_a_member(met.person)
        if not rights.may_know(met.person, workflow):
            return await self._unknown(ask, asker)
        if not rights.may_start(met.person, workflow):
            return starts.may_not_start(workflow, answers.unsure_of(met.unsure))
        given = await looked_up(self._bench, definition.plan.inputs, _given(ask), asker)
        read = read_inputs(definition.plan, given.values, typed=False)
        problems = files_in_words(definition.plan, read, given)
        if problems or ask.loose:
            better = starts.corrected(definition.plan, ask, problems)
            return starts.not_started(workflow, definition.plan, ask, problems, better, asker.place.prefix)
        shown_in, notes = await self.shown_in(asker, workflow)
        if asker.key is None or ask.dry_run:
            off = await self._bench.engine.database.read(lambda tx: definitions.disabled(tx, ask.workflow))
            if off:
                return starts.refused(workflow, f"it is switched off: {off}.", "An operator can switch it on again.")
            return starts.would_start(workflow, definition.plan, ask, shown_in, notes)
        try:
            values = await fetched(self._bench, read.values, given.wanted, asker.user, asker.place.channel)
        except NotTaken as trouble:
            return starts.not_taken(workflow, trouble)
        return await self._begin(ask.workflow, values, asker, met.person, shown_in, notes)

    async def begin(self, workflow: Workflow, values: Mapping[str, Json], asker: Asker, person: Person) -> Reply:
        """Start a run with inputs that have been read, for somebody who may."""
        shown_in, notes = await self.shown_in(asker, workflow)
        return await self._begin(workflow.name, values, asker, person, shown_in, notes)

    async def _begin(
        self,
        name: str,
        values: Mapping[str, Json],
        asker: Asker,
        person: Person,
        shown_in: str,
        notes: list[str],
    ) -> Reply:
        place = asker.place
        origin = {"surface": place.surface, "channel": shown_in, "user": asker.user}
        if place.thread_ts:
            origin["thread_ts"] = place.thread_ts
        try:
            started = await self._bench.engine.start(
                name,
                values,
                actor=Actor("person", person.id, person.name),
                origin=origin,
                receipt=asker.key,
                answer=recipe("started", workflow=name, shown_in=shown_in, notes=notes),
            )
        except UnknownWorkflow:  # the folder was reloaded meanwhile
            return starts.unknown_workflow(name, (), place.prefix)
        except NotStarted as refused:
            workflow = self._bench.engine.workflow_of(name) or Workflow(name, "", "")
            return starts.refused(workflow, refused.message, refused.hint)
        if started.existing and not started.same:
            return await self._existing(name, started.run, asker.user)
        return self._started(name, started.run.name, shown_in, notes)

    async def told_again(self, kept: Mapping[str, Any], user: str) -> Reply:
        """The answer to a start that is on disk."""
        first = await self._bench.engine.look(kept["run"]) if kept.get("existing") else None
        if first is not None:
            return await self._existing(kept["workflow"], first, user)
        return self._started(kept["workflow"], kept["name"], kept["shown_in"], kept["notes"])

    def _started(self, name: str, run_name: str, shown_in: str, notes: list[str]) -> Reply:
        workflow = self._bench.engine.workflow_of(name) or Workflow(name, "", "")
        return starts.started(workflow, run_name, shown_in, notes)

    async def _existing(self, name: str, run: Run, user: str) -> Reply:
        """A run that does the same was there before; who may not see it is told no more than that."""
        workflow = self._bench.engine.workflow_of(name) or Workflow(name, "", "")
        met = await self._bench.meet(user, (*rights.references(workflow), *rights.asked(run)))
        if not rights.may_see(met.person, workflow, run):
            return starts.started_by_another(workflow)
        scene, address = await self._bench.scene(run), await self._bench.address(root_key(run))
        return starts.started_before(scene, self._bench.now(), address)

    async def _unknown(self, ask: Start, asker: Asker) -> Reply:
        names = [workflow.name for workflow in await self._looking.startable(asker.user)]
        close = get_close_matches(ask.workflow.lower().replace("-", "_")[:60], names, n=3, cutoff=0.6)
        return starts.unknown_workflow(ask.workflow, close, asker.place.prefix)

    async def shown_in(self, asker: Asker, workflow: Workflow) -> tuple[str, list[str]]:
        """The channel where it was asked for, else the workflow's, else a direct message; with the reasons why."""
        notes: list[str] = []
        asked_in = "" if asker.place.direct else asker.place.channel
        for reference in dict.fromkeys((asked_in, workflow.channel)):
            if not reference:
                continue
            channel = await self._bench.people.channel(reference)
            if _usable(channel):
                return channel.id, notes
            if not channel.external:
                notes.append(starts.not_here(channel.id))
        return await self._direct(asker), notes

    async def _direct(self, asker: Asker) -> str:
        """The direct messages with the asker; empty when Slack does not tell, and whoever shows the run asks again."""
        if asker.place.surface == "dm":
            return asker.place.channel
        try:
            return await self._bench.open_direct(asker.user)
        except SlackFault:
            return ""


def _usable(channel: ChannelFacts) -> bool:
    return channel.known and channel.ours and not channel.external and not channel.direct


def _given(ask: Start) -> dict[str, Json]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in ask.given}
