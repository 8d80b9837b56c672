"""Starting a workflow from Slack's shortcuts: choose one, fill in what it needs, and off it goes.

A shortcut's receipt is what its windows refer to: in the menu of a message it holds that message, so that nothing of
it travels through Slack again. A window must be open within three seconds, and an answer to one is due as fast, so
nothing here waits for Slack longer than a moment before something is shown.
"""

from __future__ import annotations

from hashlib import sha256

import anyio
import orjson
import structlog

from bot import intake
from bot.attached import NotTaken
from bot.desk import rights
from bot.desk.bench import Bench, NotYet
from bot.desk.file_inputs import Assigned, fetched
from bot.desk.looking import Looking
from bot.desk.place import Asker, Place
from bot.desk.start_pages import Pages, pages_for
from bot.desk.starting import Starting
from bot.intake import Chosen, Submitted
from bot.people import Acquaintance
from bot.slack import SlackFault
from bot.views import answers, start_words, starts
from bot.views.blocks import Block
from bot.views.fields import is_file
from bot.views.reply import NOTHING, Reply
from bot.views.run_message import root_key
from bot.views.start_windows import (
    DEPTH_MAX,
    PICK,
    WORKFLOW,
    Offer,
    Picked,
    block_id,
    chosen,
    form_window,
    options,
    pick_window,
    picked,
    wait_window,
    words_window,
)
from engine.definitions import Definition
from store import receipts
from store.model import Json, Person, Shortcut, Workflow
from store.receipts import Receipt

log = structlog.get_logger()

GLANCE_SECONDS = 1.0  # a window must be open within three; what takes longer is filled in afterwards
ANSWER_SECONDS = 2.0  # the answer to a form is due within three
LINK_MS = 2_000  # how long an answer waits for the run's own message, to link it
LOOK_MS = 100


class Picking:
    """Opens the windows of the shortcuts and takes what is filled in."""

    def __init__(self, bench: Bench, starting: Starting, looking: Looking) -> None:
        self._bench = bench
        self._starting = starting
        self._looking = looking

    # A shortcut -----------------------------------------------------------------------------------------------------

    async def chosen(self, chosen: Chosen, key: str) -> Reply:
        """Open a window at once."""
        window: Block | None = None
        with anyio.move_on_after(GLANCE_SECONDS):
            window = await self._first(chosen, key)
        try:
            view_id = str(await self._bench.open_form(chosen.trigger_id, window or wait_window()))
            if window is None:
                await self._bench.update_form(view_id, await self._first(chosen, key))
        except SlackFault as fault:
            log.warning("window.not_opened", shortcut=chosen.callback_id, error=fault.code)
            return start_words.missed()
        return NOTHING

    async def _first(self, chosen: Chosen, key: str) -> Block:
        """What the first window shows; never raises for Slack's sake."""
        try:
            return await self._offered(chosen, key)
        except NotYet:
            return words_window(start_words.unknown())

    async def _offered(self, chosen: Chosen, key: str) -> Block:
        met = await self._bench.glance(chosen.user)
        if not met.person.member:
            return words_window(start_words.unknown() if met.trouble else answers.not_a_member(met.person).text)
        offers = self._offers(await self._looking.startable(chosen.user), chosen)
        if not offers:
            return words_window(start_words.nothing_to_start())
        state = Picked(key)
        if chosen.message is not None and len(offers) == 1:
            return self._form(offers[0].workflow, Picked(key, offers[0].workflow.name, offers[0].trigger), chosen)
        return pick_window(offers, state, self._about(chosen))

    def _offers(self, startable: list[Workflow], chosen: Chosen) -> list[Offer]:
        """The shortcuts for a message first, then every workflow that none of them starts."""
        named = [
            Offer(workflow, number, one.label)
            for workflow in startable
            for number, one in enumerate(workflow.triggers)
            if chosen.message is not None and isinstance(one, Shortcut)
        ]
        have = {one.workflow.name for one in named}
        return [*named, *(Offer(one) for one in startable if one.name not in have)]

    async def options(self, user: str, typed: str, metadata: str) -> list[Json]:
        """What the menu offers to somebody who types into it, where there are too many to list."""
        state = picked(metadata)
        found = None if state is None else await self._source(state, user)
        if found is None:
            return []
        with anyio.move_on_after(ANSWER_SECONDS):
            return options(self._offers(await self._looking.startable(user), found[1]), typed)
        return []

    # A window that was sent -----------------------------------------------------------------------------------------

    async def answer(self, submitted: Submitted) -> Json:
        """What Slack is to do with a window that was sent; None when it is complete and may be received."""
        state = picked(submitted.private_metadata)
        found = None if state is None else await self._source(state, submitted.user)
        if state is None or found is None:
            return _instead(words_window(start_words.too_old()))
        if submitted.callback_id == PICK:
            return await self._picked(state, found[1], submitted)
        return await self._filled(state, found[1], submitted)

    async def _picked(self, state: Picked, source: Chosen, submitted: Submitted) -> Json:
        name, trigger = chosen(submitted.values.get(WORKFLOW))
        workflow = self._bench.engine.workflow_of(name)
        if workflow is None or name not in self._bench.engine.definitions:
            return _errors(WORKFLOW, start_words.GONE)
        met: Acquaintance | None = None
        with anyio.move_on_after(ANSWER_SECONDS):
            met = await self._bench.glance(submitted.user, rights.references(workflow))
        if met is None or (met.trouble is not None and not rights.may_start(met.person, workflow)):
            return _errors(WORKFLOW, start_words.UNSURE)
        if not rights.may_start(met.person, workflow):
            return _errors(WORKFLOW, start_words.MAY_NOT)
        following = Picked(state.source, name, trigger, depth=state.depth + 1)
        return {"response_action": "push", "view": self._form(workflow, following, source)}

    async def _filled(self, state: Picked, source: Chosen, submitted: Submitted) -> Json:
        known = self._known(state.workflow)
        if known is None:
            return _instead(words_window(start_words.GONE))
        workflow, definition = known
        pages = self._pages(workflow, definition, state, source)
        filled = pages.read(state.page, _on_page(state, submitted))
        if filled.errors:
            errors = {block_id(state, one): told for one, told in filled.errors.items()}
            return {"response_action": "errors", "errors": errors}
        if state.page + 1 >= pages.count:
            return None
        kept = await self._keep(state, submitted, filled.values)
        pushed = state.depth < DEPTH_MAX
        following = Picked(
            state.source,
            state.workflow,
            state.trigger,
            state.page + 1,
            (*state.kept, kept),
            state.depth + pushed,
        )
        return {
            "response_action": "push" if pushed else "update",
            "view": self._form(workflow, following, source),
        }

    async def _keep(self, state: Picked, submitted: Submitted, values: dict[str, Json]) -> str:
        """Put a page down until the last one is sent; the same page twice is one."""
        said: Json = {"page": values, "user": submitted.user}
        key = f"page:{sha256(orjson.dumps([state.dump(), said])).hexdigest()}"
        page = Receipt(key, "view", said, self._bench.now(), "answered")
        await self._bench.engine.database.write(lambda tx: receipts.put(tx, page))
        return key

    # The start ------------------------------------------------------------------------------------------------------

    async def submitted(self, submitted: Submitted, key: str) -> Reply:
        """Start what was chosen, with all that was filled in. Raises NotYet when Slack cannot say who this is."""
        state = picked(submitted.private_metadata)
        found = None if state is None else await self._source(state, submitted.user)
        known = None if state is None else self._known(state.workflow)
        if state is None or found is None or known is None:
            return start_words.missed()
        workflow, definition = known
        met = await self._bench.meet(submitted.user, rights.references(workflow))
        if not met.person.member:
            return answers.not_a_member(met.person)
        if not rights.may_start(met.person, workflow):
            return starts.may_not_start(workflow, answers.unsure_of(met.unsure))
        pages = self._pages(workflow, definition, state, found[1])
        last = pages.read(state.page, _on_page(state, submitted)).values
        put, problems = pages.together({**await self._before(state, submitted.user), **last})
        if problems:
            return start_words.unfit(workflow, problems)
        asker = Asker(submitted.user, _place(found[1]), key)
        return await self._start(workflow, put, asker, met.person)

    async def _start(self, workflow: Workflow, put: Assigned, asker: Asker, person: Person) -> Reply:
        try:
            values = await fetched(self._bench, put.values, put.wanted, asker.user, asker.place.channel)
        except NotTaken as obstacle:
            return start_words.file_not_taken(workflow, obstacle)
        reply = await self._starting.begin(workflow, values, asker, person)
        return reply if asker.key is None else await self._linked(reply, workflow, asker.key)

    async def _before(self, state: Picked, user: str) -> dict[str, Json]:
        """What was filled in on the pages before."""
        found: dict[str, Json] = {}
        for key in state.kept:
            page = await self._bench.engine.database.read(lambda tx, key=key: receipts.of(tx, key))  # type: ignore[misc]
            if page is not None and page.payload.get("user") == user:
                found |= page.payload["page"]
        return found

    async def _linked(self, reply: Reply, workflow: Workflow, key: str) -> Reply:
        """The answer with the address of the run's own message, as soon as that stands."""
        kept = await self._bench.engine.database.read(lambda tx: receipts.of(tx, key))
        if kept is None or not isinstance(kept.answer, dict) or "run" not in kept.answer or workflow.show != "always":
            return reply
        engine, until = self._bench.engine, self._bench.now() + LINK_MS
        while not (address := await self._bench.address(root_key(kept.answer["run"]))) and self._bench.now() < until:
            await engine.clock.wait(anyio.Event(), min(self._bench.now() + LOOK_MS, until))
        return start_words.with_link(reply, address)

    # What is known ---------------------------------------------------------------------------------------------------

    def _known(self, name: str) -> tuple[Workflow, Definition] | None:
        workflow, definition = self._bench.engine.workflow_of(name), self._bench.engine.definitions.get(name)
        return None if workflow is None or definition is None else (workflow, definition)

    async def _source(self, state: Picked, user: str) -> tuple[Receipt, Chosen] | None:
        return await source_of(self._bench, state, user)

    def _form(self, workflow: Workflow, state: Picked, source: Chosen) -> Block:
        known = self._known(workflow.name)
        if known is None:
            return words_window(start_words.GONE)
        pages = self._pages(workflow, known[1], state, source)
        if pages.why_not:
            return words_window(start_words.no_form(workflow, pages.why_not, self._example(workflow, known[1], pages)))
        notes = pages.notes if state.page == 0 else ()
        return form_window(workflow, pages.page(state.page), state, pages.count, self._about(source), notes)

    def _example(self, workflow: Workflow, definition: Definition, pages: Pages) -> str:
        """A line that starts it by words; none where words cannot do it either."""
        unread = not self._bench.takes_files and any(one.required and is_file(one.schema) for one in pages.fields)
        return "" if unread else starts.example(workflow.name, definition.plan)

    def _pages(self, workflow: Workflow, definition: Definition, state: Picked, source: Chosen) -> Pages:
        trigger = dict(enumerate(workflow.triggers)).get(-1 if state.trigger is None else state.trigger)
        mapped = trigger if isinstance(trigger, Shortcut) else None
        takes_files = self._bench.takes_files
        return pages_for(definition.plan, mapped, source, self._address(source), takes_files=takes_files)

    def _address(self, source: Chosen) -> str:
        message = source.message
        if message is None:
            return ""
        return self._bench.permalink(message.channel, message.ts, message.thread_ts or None)

    def _about(self, source: Chosen) -> str:
        return "" if source.message is None else start_words.about(source.message, self._address(source))


async def source_of(bench: Bench, state: Picked, user: str) -> tuple[Receipt, Chosen] | None:
    """The shortcut that a window came from; None when it is too long ago, or somebody else's."""
    found = await bench.engine.database.read(lambda tx: receipts.of(tx, state.source))
    heard = None if found is None or found.payload.get("heard") != Chosen.__name__ else intake.heard(found)
    return (found, heard) if found is not None and isinstance(heard, Chosen) and heard.user == user else None


def _on_page(state: Picked, submitted: Submitted) -> dict[str, Json]:
    """What was typed, by the fields of this page."""
    return {one.removeprefix(block_id(state, "")): value for one, value in submitted.values.items()}


def _place(source: Chosen) -> Place:
    message = source.message
    if message is None:
        return Place("shortcut")
    return Place("shortcut", message.channel, message.ts, message.thread_ts)


def _errors(block: str, told: str) -> Json:
    return {"response_action": "errors", "errors": {block: told}}


def _instead(window: Block) -> Json:
    return {"response_action": "update", "view": window}
