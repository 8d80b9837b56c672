"""What people put into the controls of messages: it stays on their screen, and goes along with every click."""

from typing import Any

from bot.sandbox.blocks import reading
from bot.sandbox.refusals import Json


class Entered:
    """The values of each person in each message, shaped as Slack's `state.values`."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, str], Json] = {}

    def put(self, user_id: str, channel: str, ts: str, block_id: str, action_id: str, state: Any) -> None:
        values = self._values.setdefault((user_id, channel, ts), {})
        values.setdefault(block_id, {})[action_id] = state

    def state(self, user_id: str, channel: str, ts: str, blocks: list[Json]) -> Json:
        """The state of a message for one person: what they entered, else what it came with."""
        return reading.kept(reading.state_of(blocks), self._values.get((user_id, channel, ts), {}))
