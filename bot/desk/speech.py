"""A line of words to its answer."""

from __future__ import annotations

from bot.desk.bench import Bench
from bot.desk.cancelling import Cancelling
from bot.desk.controlling import Controlling
from bot.desk.deciding import Deciding
from bot.desk.looking import Looking
from bot.desk.minding import Minding
from bot.desk.place import Asker
from bot.desk.retrying import Retrying
from bot.desk.runs import find, thread_run
from bot.desk.starting import Starting
from bot.grammar import (
    Approve,
    Ask,
    Cancel,
    Changes,
    Context,
    Endpoints,
    Help,
    ListWorkflows,
    Mine,
    Misunderstanding,
    Pause,
    Ping,
    Pleasantry,
    Reject,
    Resume,
    Retry,
    Start,
    Status,
    Waiting,
    WhoAmI,
    WhoDecides,
    Why,
    parse,
)
from bot.views import answers, decisions
from bot.views.reply import Reply
from bot.views.starts import is_sensitive
from store.model import GateState, Plan


class Speech:
    """Understands lines and has them carried out."""

    def __init__(
        self,
        bench: Bench,
        looking: Looking,
        starting: Starting,
        deciding: Deciding,
        cancelling: Cancelling,
        controlling: Controlling,
        retrying: Retrying,
        minding: Minding,
    ) -> None:
        self._bench = bench
        self._looking = looking
        self._starting = starting
        self._deciding = deciding
        self._cancelling = cancelling
        self._controlling = controlling
        self._retrying = retrying
        self._minding = minding

    async def answer(self, text: str, asker: Asker) -> Reply:
        met = await self._bench.meet(asker.user)
        if not met.person.member:
            return answers.not_a_member(met.person)
        if await self._is_shared_outside(asker):
            return answers.not_in_shared_channels()
        in_thread = await thread_run(self._bench, asker.place) is not None
        ask = parse(text, await self._context(asker, in_thread=in_thread))
        if isinstance(ask, Misunderstanding):
            return await self._misunderstood(ask, asker, in_thread=in_thread)
        reply = await self._carry_out(ask, asker, in_thread=in_thread)
        return reply.openly() if _read_along(ask, asker) else reply

    async def _carry_out(self, ask: Ask, asker: Asker, *, in_thread: bool) -> Reply:
        match ask:
            case Start():
                return await self._starting.start(ask, asker)
            case Approve() | Reject() | Changes():
                return await self._deciding.typed(ask, asker)
            case Cancel():
                return await self._cancelling.typed(ask, asker)
            case Retry():
                return await self._retrying.typed(ask, asker)
            case Pause() | Resume():
                return await self._controlling.typed(ask, asker)
            case Endpoints():
                return await self._minding.typed(ask, asker)
            case Status():
                return await self._looking.status(ask, asker)
            case Why():
                return await self._looking.why(ask, asker)
            case WhoDecides():
                return await self._looking.who_decides(ask, asker)
            case Waiting():
                return await self._looking.waiting(asker)
            case Mine():
                return await self._looking.mine(asker)
            case ListWorkflows():
                return await self._looking.listing(ask, asker)
            case Help():
                return await self._looking.help(ask, asker, in_run_thread=in_thread)
            case WhoAmI():
                return await self._looking.whoami(asker)
            case Ping():
                return answers.pong()
            case Pleasantry(word):
                return answers.courtesy(word, asker.place.prefix)

    async def _context(self, asker: Asker, *, in_thread: bool) -> Context:
        definitions = self._bench.engine.definitions
        known = [one.name for one in await self._looking.known(asker.user) if one.name in definitions]
        inputs = {name: _by_position(definitions[name].plan) for name in known}
        surface = asker.place.surface
        return Context(inputs, surface if surface in ("slash", "mention", "dm") else "cli", in_thread)

    async def _is_shared_outside(self, asker: Asker) -> bool:
        place = asker.place
        if place.external or place.direct or not place.channel:
            return place.external
        return (await self._bench.people.channel(place.channel)).external

    async def _misunderstood(self, wrong: Misunderstanding, asker: Asker, *, in_thread: bool) -> Reply:
        """What sounds like a decision in a run's thread gets the real buttons; it never is one."""
        if wrong.verdict is None or not in_thread:
            return answers.misunderstood(wrong, asker.place.prefix)
        run = await find(self._bench, "this", asker)
        gates = [step.gate for step in run.steps.values() if step.gate] if run else []
        waiting = [gate for gate in gates if gate.state is GateState.OPEN]
        if run is None or len(waiting) != 1:
            return answers.misunderstood(wrong, asker.place.prefix)
        return decisions.did_you_mean(waiting[0], wrong.verdict, await self._bench.card_address(run, waiting[0]))


def _by_position(plan: Plan) -> tuple[str, ...]:
    """The inputs that bare values go to: never one that is sensitive."""
    return tuple(name for name, schema in plan.inputs.items() if not is_sensitive(schema))


def _read_along(ask: Ask, asker: Asker) -> bool:
    """Questions about a run that are asked in a thread are answered there for all; everything else is private."""
    return isinstance(ask, Status | Why | WhoDecides) and bool(asker.place.thread_ts)
