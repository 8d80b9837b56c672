"""Rehearsal: what would be answered to a line, without Slack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.desk.bench import Bench
from bot.desk.clerk import Clerk
from bot.desk.place import Place
from bot.people import OperatorPeople
from bot.slack import SlackFault
from bot.views.reply import Reply
from engine.api import Engine
from store.model import Json


async def rehearse(
    engine: Engine, text: str, user: str, own_groups: Mapping[str, Sequence[str]] | None = None
) -> Reply:
    """What would be answered to this line, without Slack: everybody is a member, and nothing is started or changed."""
    bench = Bench(
        engine,
        OperatorPeople(engine.clock, own_groups),
        permalink=lambda channel, ts, thread_ts=None: "",
        open_direct=_no_direct_messages,
        open_form=_no_forms,
    )
    return await Clerk(bench).say(text, user, Place("cli"))


async def _no_direct_messages(user: str) -> str:
    return ""


async def _no_forms(trigger_id: str, view: Json) -> None:
    raise SlackFault("no_slack", retryable=False)
