"""The sandbox Slack as one object: puts the parts together, serves them on 127.0.0.1, stops cleanly.

Used in a test, in the demo, or from the command line through `serve`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from aiohttp import web

from bot.sandbox import gate, hearing
from bot.sandbox.clicking import Person
from bot.sandbox.clock import Clock, SystemClock
from bot.sandbox.faults import Faults
from bot.sandbox.keeping import Keeping
from bot.sandbox.limits import Limits
from bot.sandbox.page_api import PageApi
from bot.sandbox.parts import Parts
from bot.sandbox.people import Seed, User, UserGroup, default_workspace
from bot.sandbox.places import Places
from bot.sandbox.settings import Settings
from bot.sandbox.traffic import Traffic
from bot.sandbox.web_api.front import Front
from bot.sandbox.workspace import Workspace

HOST = "127.0.0.1"
# Slack takes long queries, and the SDK sends some arguments there.
LINE_MAX = 65_536
BODY_MAX = 30_000_000
LOOK_SECONDS = 0.02


class Sandbox:
    """A workspace that an app can be developed and tested against."""

    def __init__(
        self,
        seed: Seed | None = None,
        port: int = 0,
        clock: Clock | None = None,
        *,
        strict: bool = True,
        data: Path | None = None,
        luck: int = 0,
        banner: str | None = None,
    ) -> None:
        seed = seed or default_workspace()
        name = seed.team_id.lower()
        settings = Settings(
            bot_token=f"xoxb-sandbox-{name}",
            app_token=f"xapp-sandbox-{name}",
            signing_secret=f"sandbox-secret-{name}",
            strict=strict,
            banner=banner,
        )
        folder = None if data is None else data.with_name(f"{data.name}.files")
        self.port = port
        self.parts = Parts(seed, clock or SystemClock(), settings, files_folder=folder, luck=luck)
        self._keeping = Keeping(data, self.parts.workspace, self.parts.files)
        self._keeping.restore()
        self._people: dict[str, Person] = {}

    # What an app needs to know

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def api_url(self) -> str:
        """The base URL for slack_sdk, with its last slash."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        return self.parts.settings.bot_token

    @property
    def app_token(self) -> str:
        return self.parts.settings.app_token

    @property
    def signing_secret(self) -> str:
        return self.parts.settings.signing_secret

    # What a test looks at and turns

    @property
    def workspace(self) -> Workspace:
        return self.parts.workspace

    @property
    def settings(self) -> Settings:
        return self.parts.settings

    @property
    def traffic(self) -> Traffic:
        return self.parts.traffic

    @property
    def faults(self) -> Faults:
        return self.parts.faults

    @property
    def limits(self) -> Limits:
        return self.parts.limits

    @property
    def connections(self) -> int:
        """How many sockets of the app take envelopes."""
        return self.parts.sockets.count

    @property
    def deliver_by(self) -> str:
        return self.parts.settings.deliver_by

    @deliver_by.setter
    def deliver_by(self, way: str) -> None:
        if way not in ("socket", "http"):
            raise ValueError(f"an app is reached by 'socket' or 'http', not by {way!r}")
        self.parts.settings.deliver_by = way

    @property
    def http_url(self) -> str | None:
        return self.parts.settings.http_url

    @http_url.setter
    def http_url(self, url: str | None) -> None:
        self.parts.settings.http_url = url

    def disable_methods(self, names: set[str]) -> None:
        """Answer `unknown_method` to these, and only these, from here on."""
        self.parts.settings.disabled_methods = set(names)

    def act_as(self, name: str) -> Person:
        """A person, by handle or id. Raises LookupError."""
        user = self.workspace.user(name)
        return self._people.setdefault(user.id, Person(self.parts, user.id))

    def change_person(self, name: str, **fields: object) -> User:
        """Change a person, e.g. `deleted=True`; the app hears of it if it listens."""
        user = self.workspace.change_user(name, **fields)
        hearing.user_changed(self.parts, user)
        return user

    def change_group(self, name: str, users: list[str]) -> UserGroup:
        """Give a user group other members, by handle or id; the app hears of it if it listens."""
        ids = tuple(self.workspace.user(one).id for one in users)
        group = self.workspace.change_group(name, users=ids)
        hearing.group_changed(self.parts, group.id)
        return group

    # What happens to the app

    async def refresh_connections(self) -> int:
        """Send `disconnect` to every socket, as Slack does every few hours."""
        return await self.parts.sockets.refresh()

    def cut_connections(self) -> int:
        """Drop every socket without a goodbye."""
        return self.parts.sockets.cut()

    async def verify_url(self) -> bool:
        """Slack's handshake with the request URL of an app in HTTP mode."""
        return await self.parts.delivery.verify_url()

    async def tick(self) -> int:
        """Repeat the lost events that are due by the clock; gives how many."""
        return await self.parts.delivery.run_due()

    async def until(self, condition: Callable[[], object], deadline_seconds: float = 20) -> None:
        """Wait until something is so, looking at every change. Raises AssertionError with what was said instead."""
        with anyio.move_on_after(deadline_seconds):
            while not condition():
                # Conditions may also be about the app, whose changes ring no bell here.
                with anyio.move_on_after(LOOK_SECONDS):
                    await self.parts.feed.change()
            return
        if not condition():
            raise AssertionError(f"it did not happen within {deadline_seconds} s\n{gate.dump(self.parts)}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Sandbox"]:
        """Serve on 127.0.0.1 for as long as the block lasts."""
        runner = web.AppRunner(
            self._application(),
            access_log=None,
            shutdown_timeout=1,
            max_line_size=LINE_MAX,
            max_field_size=LINE_MAX,
        )
        await runner.setup()
        site = web.TCPSite(runner, HOST, self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        self.parts.reachable_at(f"{HOST}:{self.port}")
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as background:
                self.parts.background = background
                background.start_soon(self.parts.delivery.loop)
                background.start_soon(self._keeping.loop)
                try:
                    yield self
                except Exception as error:
                    # Raised again outside the group, which would wrap it.
                    failure = error
                background.cancel_scope.cancel()
        finally:
            self.parts.background = None
            with anyio.CancelScope(shield=True):
                await self.parts.sockets.close()
                await self.parts.delivery.close()
                await runner.cleanup()
                self._keeping.save()
        if failure is not None:
            raise failure

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=BODY_MAX, middlewares=[gate.only_from_here])
        front = Front(self.parts, self._keeping.saved)
        places = Places(self.parts, self._keeping.saved)
        page = PageApi(self.parts, self.act_as, self._keeping.saved)
        application.add_routes(
            [
                web.route("*", "/api/{method}", front.handle),
                web.get("/link/", self.parts.sockets.serve),
                *places.routes(),
                *page.routes(),
            ]
        )
        return application


async def serve(
    port: int = 0,
    data: Path | None = None,
    *,
    seed: Seed | None = None,
    banner: str | None = None,
    tell: Callable[[Sandbox], None] | None = None,
) -> None:
    """Run a sandbox until it is cancelled; `tell` is called once it can be reached."""
    sandbox = Sandbox(seed, port=port, data=data, banner=banner)
    async with sandbox.running():
        if tell is not None:
            tell(sandbox)
        await anyio.sleep_forever()
