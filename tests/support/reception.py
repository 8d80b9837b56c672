"""Everything that hears and answers, put together on a given engine and Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.desk.answering import Answering
from bot.desk.bench import Bench
from bot.desk.clerk import Clerk
from bot.desk.place import Place
from bot.desk.worker import Worker
from bot.ears import CONNECTIONS, Ears
from bot.fetching import Fetching
from bot.http_door import HttpDoor
from bot.operators import Operators
from bot.people import Organisation, SlackPeople
from bot.slack import Slack
from bot.views.reply import Reply
from engine.api import Engine
from store.unwrap import lone_errors


@dataclass(frozen=True, slots=True)
class Reception:
    """What hears and answers, while it does. `door` is there in HTTP mode: mount its routes, or open it."""

    people: SlackPeople
    clerk: Clerk
    worker: Worker
    ears: Ears
    door: HttpDoor | None

    async def say(self, text: str, user: str) -> Reply:
        """What would be answered to this person's direct message; nothing is started or changed."""
        return await self.clerk.say(text, user, Place("cli"))


@asynccontextmanager
async def receiving(
    engine: Engine,
    slack: Slack,
    *,
    app_token: str | None = None,
    signing_secret: str | None = None,
    own_groups: Mapping[str, Sequence[str]] | None = None,
    connections: int = CONNECTIONS,
    operators: Operators | None = None,
) -> AsyncIterator[Reception]:
    """Hear and answer while the block lasts: by Socket Mode with an app token, else by signed HTTP.

    Raises SettingsFault when Slack does not take the app token, or when the signing secret is empty.
    """
    organisation = Organisation(slack.me.team_id, slack.me.enterprise_id)
    people = SlackPeople(slack, engine.clock, organisation, own_groups)
    fetching = Fetching(slack, engine.content, engine.clock)
    bench = Bench(
        engine,
        people,
        permalink=slack.me.permalink,
        open_direct=slack.open_dm,
        open_form=slack.open_view,
        update_form=slack.update_view,
        operators=operators,
        fetch=fetching.fetch,
        files_of=fetching.files_of,
    )
    clerk = Clerk(bench)
    worker = Worker(engine, clerk, Answering(slack, bench, clerk.looking))
    ears = Ears(engine, slack, worker, app_token=app_token, connections=connections)
    door = None if app_token else HttpDoor(ears, signing_secret or "", engine.clock)
    with lone_errors():
        async with worker.working(), ears.listening():
            yield Reception(people, clerk, worker, ears, door)
