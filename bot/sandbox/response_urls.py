"""Response URLs: five answers within thirty minutes, without a token."""

import random
from dataclasses import dataclass, field

from bot.sandbox.clock import Clock
from bot.sandbox.refusals import SlackRefusal

LIFE_MS = 30 * 60_000
USES_MAX = 5
REMEMBERED_MAX = 5_000


@dataclass(slots=True, kw_only=True)
class ResponseUrl:
    """Where and to whom an answer goes; `message_ts` is the message that was clicked, if any."""

    token: str
    user_id: str
    channel_id: str
    message_ts: str | None
    ephemeral: bool
    minted_at: int
    uses: int = 0
    answered_ts: list[str] = field(default_factory=list)


class ResponseUrls:
    """Mints response URLs and counts their uses."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self.prefix = ""
        self._clock = clock
        self._rng = rng
        self._minted: dict[str, ResponseUrl] = {}

    def mint(self, *, user_id: str, channel_id: str, message_ts: str | None = None, ephemeral: bool = False) -> str:
        token = f"{self._rng.getrandbits(96):024x}"
        self._minted[token] = ResponseUrl(
            token=token,
            user_id=user_id,
            channel_id=channel_id,
            message_ts=message_ts,
            ephemeral=ephemeral,
            minted_at=self._clock.now(),
        )
        while len(self._minted) > REMEMBERED_MAX:
            del self._minted[next(iter(self._minted))]
        return f"{self.prefix}/response/{token}"

    def peek(self, url: str) -> ResponseUrl:
        """What a URL stands for, without counting a use."""
        return self._minted[url.rpartition("/")[2]]

    def use(self, token: str) -> ResponseUrl:
        """Count one use, or refuse as Slack does."""
        found = self._minted.get(token)
        if found is None:
            raise SlackRefusal("no_such_url", status=404)
        if self._clock.now() - found.minted_at > LIFE_MS:
            raise SlackRefusal("expired_url", status=404)
        if found.uses >= USES_MAX:
            raise SlackRefusal("used_url", status=404)
        found.uses += 1
        return found
