"""Everything one sandbox is made of, put together once."""

import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from anyio.abc import TaskGroup

from bot.sandbox.clock import Clock
from bot.sandbox.delivery import Delivery
from bot.sandbox.entered import Entered
from bot.sandbox.faults import Faults
from bot.sandbox.feed import Feed
from bot.sandbox.files import Files
from bot.sandbox.limits import Limits
from bot.sandbox.payloads import Payloads
from bot.sandbox.people import Seed
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.settings import Settings
from bot.sandbox.sockets import Sockets
from bot.sandbox.traffic import Traffic
from bot.sandbox.triggers import Triggers
from bot.sandbox.views import Views
from bot.sandbox.workspace import Workspace


class Parts:
    """The parts, by name; each knows only those it needs."""

    def __init__(self, seed: Seed, clock: Clock, settings: Settings, *, files_folder: Path | None, luck: int) -> None:
        # Never seeded: an app keeps what it heard, and takes an id that it has met before for a redelivery.
        ids = random.SystemRandom()
        # Seeded, so that a test that found an unlucky order of sockets finds it again.
        order = random.Random(luck)  # noqa: S311
        self.background: TaskGroup | None = None
        self.clock = clock
        self.settings = settings
        self.feed = Feed()
        self.traffic = Traffic()
        self.faults = Faults()
        self.limits = Limits(clock, enabled=settings.strict)
        self.workspace = Workspace(seed, clock, self.feed, ids)
        self.entered = Entered()
        self.views = Views(self.workspace, self.feed, ids)
        self.triggers = Triggers(clock, ids)
        self.response_urls = ResponseUrls(clock, ids)
        self.files = Files(self.workspace, files_folder)
        self.sockets = Sockets(seed.app.id, self.feed, order)
        self.payloads = Payloads(self.workspace, settings)
        self.delivery = Delivery(
            clock=clock,
            feed=self.feed,
            sockets=self.sockets,
            faults=self.faults,
            traffic=self.traffic,
            settings=settings,
        )

    def spawn(self, work: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any) -> None:
        """Do something beside the current call, for as long as the sandbox runs."""
        if self.background is None:
            raise RuntimeError("the sandbox is not running; use `async with sandbox.running():`")
        self.background.start_soon(work, *arguments)

    def reachable_at(self, host: str) -> None:
        """Tell the parts that hand out URLs where the server is, e.g. `127.0.0.1:4321`."""
        self.response_urls.prefix = f"http://{host}"
        self.files.reachable_at(f"http://{host}")
        self.sockets.prefix = f"ws://{host}"
