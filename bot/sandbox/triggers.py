"""Trigger ids: the short-lived right to open a window on somebody's screen."""

import random
from dataclasses import dataclass

from bot.sandbox.clock import Clock
from bot.sandbox.refusals import SlackRefusal

LIFE_MS = 3_000
REMEMBERED_MAX = 5_000


@dataclass(slots=True, kw_only=True)
class Trigger:
    """What a person did that allows one window; `view_id` is set when they did it inside one."""

    id: str
    user_id: str
    view_id: str | None
    minted_at: int
    exchanged: bool = False


class Triggers:
    """Mints trigger ids and exchanges each at most once within three seconds."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._minted: dict[str, Trigger] = {}

    def mint(self, user_id: str, *, view_id: str | None = None) -> str:
        digits = self._rng.randrange(10**12, 10**13)
        trigger_id = f"{digits}.{self._rng.randrange(10**10, 10**11)}.{self._rng.getrandbits(128):032x}"
        self._minted[trigger_id] = Trigger(id=trigger_id, user_id=user_id, view_id=view_id, minted_at=self._clock.now())
        while len(self._minted) > REMEMBERED_MAX:
            del self._minted[next(iter(self._minted))]
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """Use a trigger up, or refuse as Slack does."""
        trigger = self._minted.get(trigger_id)
        if trigger is None:
            raise SlackRefusal("invalid_trigger_id")
        if trigger.exchanged:
            raise SlackRefusal("exchanged_trigger_id")
        if self._clock.now() - trigger.minted_at > LIFE_MS:
            raise SlackRefusal("expired_trigger_id")
        trigger.exchanged = True
        return trigger
