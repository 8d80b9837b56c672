"""Questions: how a run stands, why it waits, who may decide, and lists. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from bot.desk import rights
from bot.desk.bench import Bench
from bot.desk.notes import noted
from bot.desk.place import Asker, Place
from bot.desk.runs import find
from bot.digests import Digest, digests_in
from bot.grammar import Help, ListWorkflows, Start, Status, WhoDecides, Why, render
from bot.views import answers, standing
from bot.views.answers import VERB_HELP
from bot.views.digest_words import digest_title
from bot.views.gate_words import digest_key
from bot.views.home import GATES_MAX, HomeFacts
from bot.views.reply import Reply
from bot.views.run_message import root_key
from bot.views.run_words import state_text
from bot.views.standing import ListedRun
from bot.views.starts import example
from bot.views.waiting import COUNTED_MAX, WaitingGate
from bot.views.waiting import waiting as waiting_list
from bot.wording import RUN_STATES
from store import definitions, lookups, runs
from store.database import Reader
from store.lookups import RunRow
from store.model import Gate, Run, RunId, Workflow

SHOWN_MAX = GATES_MAX  # gates are loaded for Home, which has room for more of them than any list
RUNS_MAX = 10


class Looking:
    """Answers questions for whoever asks them, as far as they may know."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def status(self, ask: Status, asker: Asker) -> Reply:
        if not ask.run:
            mine, (waiting, count) = await self._mine(asker), await self._waiting(asker)
            return standing.overview(mine, waiting, self._bench.now(), asker.place.prefix, count)
        run = await find(self._bench, ask.run, asker)
        if run is None:
            return answers.no_such_run(ask.run, asker.place.prefix)
        told = standing.status(await self._bench.scene(run), self._bench.now(), await self._address(run))
        return await noted(self._bench, run, told)

    async def why(self, ask: Why, asker: Asker) -> Reply:
        run = await find(self._bench, ask.run, asker)
        if run is None:
            return answers.no_such_run(ask.run, asker.place.prefix)
        told = standing.why(await self._bench.scene(run), self._bench.now(), await self._address(run))
        return await noted(self._bench, run, told)

    async def who_decides(self, ask: WhoDecides, asker: Asker) -> Reply:
        at_gate = await self._bench.engine.resolve_gate(ask.about) if ask.about.startswith("G-") else None
        run = await find(self._bench, at_gate[0].id if at_gate else ask.about, asker)
        if run is None and ask.about.startswith("G-"):
            return answers.no_such_gate(ask.about, asker.place.prefix)
        if run is None:
            return answers.no_such_run(ask.about, asker.place.prefix)
        return await noted(
            self._bench, run, standing.who_decides(await self._bench.scene(run), await self._address(run))
        )

    async def waiting(self, asker: Asker) -> Reply:
        waiting, count = await self._waiting(asker)
        return waiting_list(waiting, asker.place.prefix, count)

    async def mine(self, asker: Asker) -> Reply:
        return standing.mine(await self._mine(asker), self._bench.now(), asker.place.prefix)

    async def listing(self, ask: ListWorkflows, asker: Asker) -> Reply:
        search = ask.search.lower()
        startable = await self.startable(asker.user)
        found = [one for one in startable if search in f"{one.name} {one.title} {one.description}".lower()]
        return answers.listing(found, ask.search, asker.place.prefix, await self._off())

    async def help(self, ask: Help, asker: Asker, *, in_run_thread: bool) -> Reply:
        topic = ask.topic.strip().lower().replace("-", "_")
        prefix = asker.place.prefix
        startable = await self.startable(asker.user)
        if not topic:
            off = await self._off()
            startable.sort(key=lambda one: one.name in off)  # the example is one that can be started
            line = self._example(startable[0]) if startable else ""
            return answers.help_overview(startable, prefix, in_run_thread=in_run_thread, example=line)
        verb = {"start": "run", "st": "status"}.get(topic, topic)
        if verb in VERB_HELP:
            return answers.help_verb(verb, prefix)
        workflow = next((one for one in startable if one.name.lower() == topic), None)
        if workflow is None:
            close = get_close_matches(topic, [*VERB_HELP, *(one.name for one in startable)], n=1)
            return answers.no_such_topic(ask.topic, close[0] if close else "", prefix)
        plan = self._bench.engine.definitions[workflow.name].plan
        why_off = (await self._off()).get(workflow.name, "")
        return answers.help_workflow(workflow, plan, prefix, self._example(workflow), why_off)

    async def whoami(self, asker: Asker) -> Reply:
        asked = await self._bench.engine.database.read(lookups.asked)
        known = [one for workflow in self._bench.engine.workflows() for one in rights.references(workflow)]
        met = await self._bench.meet(asker.user, [one for one in (*known, *asked) if one.startswith("@")])
        return answers.who_you_are(met.person, met.person.matches, met.unsure)

    async def home(self, user: str, notice: str = "") -> HomeFacts:
        """What this person's Home shows."""
        asker = Asker(user, Place("home"))
        met = await self._bench.meet(user)
        if not met.person.member:
            return HomeFacts(met.person)
        waiting, count = await self._waiting(asker)
        mine, startable = await self._mine(asker), await self.startable(user)
        return HomeFacts(met.person, waiting, mine, startable, notice, count, await self._off())

    async def startable(self, user: str) -> list[Workflow]:
        """The workflows that this person may start."""
        workflows = self._bench.engine.workflows()
        met = await self._bench.meet(user, [one for workflow in workflows for one in workflow.access.start])
        return [workflow for workflow in workflows if rights.may_start(met.person, workflow)]

    async def known(self, user: str) -> list[Workflow]:
        """The workflows of which this person may know."""
        workflows = self._bench.engine.workflows()
        met = await self._bench.meet(user, [one for workflow in workflows for one in rights.references(workflow)])
        return [workflow for workflow in workflows if rights.may_know(met.person, workflow)]

    async def _off(self) -> dict[str, str]:
        """The workflows that are switched off: by whom, when and why."""
        return await self._bench.engine.database.read(definitions.reasons_disabled)

    async def _waiting(self, asker: Asker) -> tuple[list[WaitingGate], int]:
        """The open gates at which this person's answer would count, those to be shown; and how many there are."""
        database = self._bench.engine.database
        met = await self._bench.meet(asker.user, await database.read(lookups.asked))
        if not met.person.member:
            return [], 0
        found, count = await database.read(lambda tx: _gates_for(tx, asker.user, met.person.matches))
        return [await self._waiting_gate(one) for one in found], count

    async def _waiting_gate(self, found: _Found) -> WaitingGate:
        run, gate, shared = found.run, found.gate, found.shared
        workflow = self._bench.workflow(run)
        title = workflow.title or workflow.name
        if shared is None or len(shared.items) == 1:
            return WaitingGate(gate, run.name, title, await self._bench.card_address(run, gate))
        address = await self._bench.address(digest_key(shared.id))
        step = digest_title(await self._bench.scene(run), shared)
        return WaitingGate(gate, run.name, title, address, shared, step, found.count)

    async def _mine(self, asker: Asker) -> list[ListedRun]:
        rows = await self._bench.engine.database.read(lambda tx: lookups.run_list(tx, by=asker.user, limit=RUNS_MAX))
        return [await self._listed(row) for row in rows]

    async def _listed(self, row: RunRow) -> ListedRun:
        run = None if row.status.finished else await self._bench.engine.look(row.id)
        state = RUN_STATES[row.status] if run is None else state_text(await self._bench.scene(run))
        return ListedRun(row, self._title(row.workflow), state, await self._bench.address(f"run:{row.id}"))

    def _title(self, workflow: str) -> str:
        known = self._bench.engine.workflow_of(workflow)
        return known.title or known.name if known else workflow

    def _example(self, workflow: Workflow) -> str:
        definition = self._bench.engine.definitions.get(workflow.name)
        return example(workflow.name, definition.plan) if definition else render(Start(workflow.name))

    async def _address(self, run: Run) -> str:
        return await self._bench.address(root_key(run))


@dataclass(frozen=True, slots=True)
class _Found:
    """A gate that waits for somebody, with the card that it shares, and how many on that wait for them."""

    run: Run
    gate: Gate
    shared: Digest | None
    count: int


def _gates_for(tx: Reader, user: str, references: Sequence[str]) -> tuple[list[_Found], int]:
    """The gates that have waited longest for somebody, those of one card together; and how many gates there are."""
    waiting = lookups.gates_for(tx, user, references, COUNTED_MAX + 1)
    known: dict[RunId, tuple[Run, Mapping[str, Digest]] | None] = {}
    found: dict[str, _Found] = {}
    for run_id, key in waiting:
        if run_id not in known and len(found) < SHOWN_MAX:
            known[run_id] = _with_cards(tx, run_id)
        run, cards = known.get(run_id) or (None, {})
        gate = run.steps[key].gate if run is not None else None
        if run is None or gate is None:
            continue
        shared = cards.get(gate.id)
        card = gate.id if shared is None else shared.id
        if card in found:
            found[card] = replace(found[card], count=found[card].count + 1)
        elif len(found) < SHOWN_MAX:
            found[card] = _Found(run, gate, shared, 1)
    return list(found.values()), len(waiting)


def _with_cards(tx: Reader, run_id: RunId) -> tuple[Run, Mapping[str, Digest]] | None:
    """A run, and the card that each of its gates shares with others."""
    loaded = runs.load(tx, run_id)
    if loaded is None:
        return None
    return loaded[0], {one.gate.id: digest for digest in digests_in(tx, loaded[0]) for one in digest.items}
