"""The messages of one channel: roots, threads, edits, tombstones."""

import copy
from collections.abc import Iterator

from bot.sandbox.people import SLACKBOT
from bot.sandbox.refusals import Json


def moment(ts: str) -> int:
    """A message ts as microseconds, for comparing. Raises ValueError when it is not a ts."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int((fraction or "0").ljust(6, "0")[:6])


class Messages:
    """What was said in one channel, by ts, in order."""

    def __init__(self, stored: list[Json] | None = None) -> None:
        self._by_ts: dict[str, Json] = {message["ts"]: message for message in stored or []}
        self._replies: dict[str, dict[str, None]] = {}
        for message in self._by_ts.values():
            self._note_reply(message)

    def __iter__(self) -> Iterator[Json]:
        return iter(self._by_ts.values())

    def __len__(self) -> int:
        return len(self._by_ts)

    def get(self, ts: str) -> Json | None:
        return self._by_ts.get(ts)

    def latest_ts(self) -> str | None:
        return next(reversed(self._by_ts), None)

    def roots(self) -> list[Json]:
        """Messages that stand in the channel itself: roots, and replies that were also sent there."""
        return [one for one in self if not is_reply(one) or one.get("subtype") == "thread_broadcast"]

    def thread(self, root_ts: str) -> list[Json]:
        """A root and its replies, oldest first; empty when there is no such root."""
        root = self._by_ts.get(root_ts)
        if root is None:
            return []
        return [root, *(self._by_ts[ts] for ts in self._replies.get(root_ts, ()))]

    def add(self, message: Json) -> None:
        self._by_ts[message["ts"]] = message
        if self._note_reply(message):
            self._count_replies(message["thread_ts"])

    def remove(self, ts: str) -> None:
        """Delete a message; a root with replies leaves a tombstone, as in Slack."""
        message = self._by_ts[ts]
        if message.get("reply_count"):
            self._by_ts[ts] = _tombstone(message)
            return
        del self._by_ts[ts]
        if is_reply(message):
            self._replies[message["thread_ts"]].pop(ts, None)
            self._count_replies(message["thread_ts"])

    def as_json(self) -> list[Json]:
        return list(self._by_ts.values())

    def _note_reply(self, message: Json) -> bool:
        if not is_reply(message):
            return False
        self._replies.setdefault(message["thread_ts"], {})[message["ts"]] = None
        return True

    def _count_replies(self, root_ts: str) -> None:
        root = self._by_ts.get(root_ts)
        if root is None:
            return
        replies = [self._by_ts[ts] for ts in self._replies.get(root_ts, ())]
        if not replies:
            for key in ("thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply", "is_locked"):
                root.pop(key, None)
            return
        users = list(dict.fromkeys(reply["user"] for reply in replies))
        root.update(
            thread_ts=root_ts,
            reply_count=len(replies),
            reply_users=users,
            reply_users_count=len(users),
            latest_reply=replies[-1]["ts"],
            is_locked=False,
        )


def is_reply(message: Json) -> bool:
    return bool(message.get("thread_ts", message["ts"]) != message["ts"])


def shown(message: Json, *, metadata: bool) -> Json:
    """A copy for the Web API; without `metadata` its payload stays hidden."""
    copied = copy.deepcopy(message)
    if not metadata and "metadata" in copied:
        del copied["metadata"]
    return copied


def _tombstone(message: Json) -> Json:
    kept = {
        key: message[key] for key in message if key.startswith(("reply_", "latest_reply", "thread_ts", "is_locked"))
    }
    return {
        "type": "message",
        "subtype": "tombstone",
        "hidden": True,
        "user": SLACKBOT,
        "text": "This message was deleted.",
        "ts": message["ts"],
        **kept,
    }
