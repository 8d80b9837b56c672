"""Messages that start runs: what somebody writes in a channel that a workflow listens to.

Whoever wrote it counts as the one who asks, with the rights that they have by every other door. A message starts at
most one run of a workflow, however often Slack brings it. Nobody is answered for talking in a channel: who may not
start a workflow hears nothing, and a line goes into the log. Who may is told alone why nothing was started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import structlog

from bot.attached import NotTaken
from bot.desk import rights
from bot.desk.bench import Bench, NotYet
from bot.desk.file_inputs import Assigned, assigned, fetched
from bot.desk.place import Asker, Place
from bot.desk.retelling import recognised, told
from bot.desk.starting import Starting
from bot.intake import Message, Posted
from bot.people import Acquaintance, ChannelFacts
from bot.slack import SlackFault
from bot.views import overheard
from bot.views.reply import NOTHING, Reply
from engine.api import NotStarted, UnknownWorkflow
from engine.inputs import InputProblem, read_inputs
from engine.rules.expressions.patterns import pattern
from engine.triggered import computed
from store.model import Actor, Json, MessageTrigger, Plan, Workflow

log = structlog.get_logger("messages")

LOOKED_AT_MAX = 4_000  # characters of a message that a pattern sees


class Overhearing:
    """Starts runs for what is written in channels."""

    def __init__(self, bench: Bench, starting: Starting) -> None:
        self._bench = bench
        self._starting = starting

    def concerns(self, posted: Posted) -> bool:
        """Whether a workflow may be meant; what concerns none is not even put down."""
        return any(True for _ in self._fitting(posted.message))

    def listens_in(self, channel: str) -> bool:
        """Whether messages in this channel start something, as far as is known of channels."""
        listening = (one for workflow in self._bench.engine.workflows() for one in workflow.triggers)
        pinned = self._bench.people.pinned
        return any(isinstance(one, MessageTrigger) and pinned(one.channel) == channel for one in listening)

    async def carry_out(self, posted: Posted, key: str) -> Reply:
        """Start what is to be started. Raises NotYet when Slack cannot say who wrote it, or where."""
        refusals = []
        for workflow, trigger in self._fitting(posted.message):
            channel = await self._channel(trigger, posted)
            if channel is None:
                continue
            if posted.external or channel.external:
                self._passed_over(workflow, posted, "the channel is shared with another organisation")
                continue
            if await self._may_start(workflow, trigger, posted):
                refusals.append(await self._start(workflow, trigger, posted, key))
        return overheard.together([one for one in refusals if one is not NOTHING])

    def _fitting(self, message: Message) -> Iterator[tuple[Workflow, MessageTrigger]]:
        """Of each workflow the first trigger that this message fits, as far as is known of channels."""
        text = told(message, "")["text"][:LOOKED_AT_MAX]
        for workflow in self._bench.engine.workflows():
            for one in workflow.triggers:
                if isinstance(one, MessageTrigger) and self._listens(one, message, text):
                    yield workflow, one
                    break

    def _listens(self, trigger: MessageTrigger, message: Message, text: str) -> bool:
        if message.thread_ts and not trigger.replies:
            return False
        if self._bench.people.pinned(trigger.channel) not in (None, message.channel):
            return False
        return not trigger.matches or pattern(trigger.matches).found_in(text)

    async def _channel(self, trigger: MessageTrigger, posted: Posted) -> ChannelFacts | None:
        """The channel, when it is the one that is listened to. Raises NotYet when nobody can say whose it is."""
        facts = await self._bench.people.channel(trigger.channel)
        if not facts.known and self._bench.people.pinned(trigger.channel) == posted.message.channel:
            met = await self._bench.glance(posted.user)
            raise NotYet(SlackFault("channel_not_told", retryable=True), met.person)
        return facts if facts.id == posted.message.channel else None

    async def _may_start(self, workflow: Workflow, trigger: MessageTrigger, posted: Posted) -> bool:
        met = await self._bench.meet(posted.user, (*workflow.access.start, *trigger.from_))
        if rights.may_start(met.person, workflow) and (not trigger.from_ or rights.within(met.person, trigger.from_)):
            return True
        if met.trouble is not None:
            raise NotYet(met.trouble, met.person)
        self._passed_over(workflow, posted, _why_not(met, workflow))
        return False

    async def _start(self, workflow: Workflow, trigger: MessageTrigger, posted: Posted, key: str) -> Reply:
        definition = self._bench.engine.definitions.get(workflow.name)
        if definition is None:  # the folder was reloaded meanwhile
            return NOTHING
        message = posted.message
        permalink = self._bench.permalink(message.channel, message.ts, message.thread_ts or None)
        put, problems = given_by(definition.plan, trigger, message, permalink)
        if problems:
            self._passed_over(workflow, posted, f"it does not fit {', '.join(one.name for one in problems)}")
            return overheard.unfit(workflow, problems, permalink)
        try:
            values = await self._fetched(put, posted)
            await self._begin(workflow, definition.plan, values, posted, permalink, key)
        except NotTaken as refused:
            self._passed_over(workflow, posted, f"a file cannot be taken: {refused.why}")
            why = f"{refused.name} cannot be taken: {refused.why}."
            return overheard.refused(workflow, why, refused.cure, permalink)
        except NotStarted as refused:
            self._passed_over(workflow, posted, refused.message)
            return overheard.refused(workflow, refused.message, refused.hint, permalink)
        except UnknownWorkflow:
            pass
        return NOTHING

    async def _fetched(self, put: Assigned, posted: Posted) -> dict[str, Json]:
        """The inputs with their files. Raises NotTaken, or NotYet when Slack does not hand one over just now."""
        try:
            return await fetched(self._bench, put.values, put.wanted, posted.user, posted.message.channel)
        except SlackFault as fault:
            raise NotYet(fault, (await self._bench.glance(posted.user)).person) from None

    async def _begin(
        self, workflow: Workflow, plan: Plan, values: Mapping[str, Json], posted: Posted, permalink: str, key: str
    ) -> None:
        message = posted.message
        asker = Asker(posted.user, Place("message", message.channel, message.ts, message.thread_ts), key)
        shown_in, _ = await self._starting.shown_in(asker, workflow)
        met = await self._bench.meet(posted.user)
        started = await self._bench.engine.start(
            workflow.name,
            values,
            actor=Actor("person", posted.user, met.person.name),
            origin={"surface": "message", "channel": shown_in, "user": posted.user, "message": permalink},
            dedupe_key=None if plan.dedupe else f"message:{message.channel}:{message.ts}",
        )
        log.info("message.taken", workflow=workflow.name, run=started.run.name, existing=started.existing)

    def _passed_over(self, workflow: Workflow, posted: Posted, why: str) -> None:
        where = {"channel": posted.message.channel, "ts": posted.message.ts, "user": posted.user}
        log.info("message.passed_over", workflow=workflow.name, why=why, **where)


def given_by(
    plan: Plan, trigger: MessageTrigger, message: Message, permalink: str
) -> tuple[Assigned, tuple[InputProblem, ...]]:
    """What a message gives a run to start with, its files still to be fetched; and all that is wrong with it."""
    found = computed(trigger.inputs, told(message, permalink))
    put = assigned(plan.inputs, recognised(found.values, message.files), message.files)
    read = read_inputs(plan, put.values, typed=True)
    failed = {one.name for one in found.problems}
    problems = (*found.problems, *(one for one in read.problems if one.name not in failed))
    return replace(put, values=read.values), problems


def _why_not(met: Acquaintance, workflow: Workflow) -> str:
    if not met.person.member:
        return f"who wrote it is no member: {met.person.why_not or 'unknown'}"
    return (
        "who wrote it may not start it" if not rights.may_start(met.person, workflow) else "it names others in `from`"
    )
