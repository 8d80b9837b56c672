"""The windows on people's screens: stacks of modals, and each person's Home."""

import random
from collections.abc import Iterator
from typing import Any

from bot.sandbox.apps import App
from bot.sandbox.blocks import reading, view_problems
from bot.sandbox.blocks.whole import view_too_large
from bot.sandbox.feed import Feed
from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.triggers import Trigger
from bot.sandbox.workspace import Workspace

DEPTH_MAX = 3


class Views:
    """Open views by person. A modal stack is a list of views, the last is on top."""

    def __init__(self, workspace: Workspace, feed: Feed, rng: random.Random) -> None:
        self._workspace = workspace
        self._feed = feed
        self._rng = rng
        self._stacks: dict[str, list[Json]] = {}
        self._homes: dict[str, Json] = {}

    # Looking

    def stack(self, user_id: str) -> list[Json]:
        return self._stacks.setdefault(user_id, [])

    def home(self, user_id: str) -> Json | None:
        return self._homes.get(user_id)

    def everywhere(self) -> Iterator[tuple[str, Json]]:
        for user_id, stack in self._stacks.items():
            for view in stack:
                yield user_id, view
        yield from self._homes.items()

    def find(self, *, view_id: str | None = None, external_id: str | None = None) -> tuple[str, Json]:
        """Whose view it is, and the view. Refuses with `not_found`."""
        for user_id, view in self.everywhere():
            if view_id is not None and view["id"] == view_id:
                return user_id, view
            if view_id is None and external_id and view["external_id"] == external_id:
                return user_id, view
        raise SlackRefusal("not_found")

    # Changing

    def open(self, trigger: Trigger, wanted: Json) -> Json:
        """Show a modal; from inside another modal it comes on top of that one."""
        if trigger.view_id is not None and self._on_stack(trigger):
            return self.push(trigger, wanted)
        stack = self.stack(trigger.user_id)
        while stack:
            self._closed(trigger.user_id, stack.pop())
        return self._place(trigger.user_id, wanted)

    def push(self, trigger: Trigger, wanted: Json) -> Json:
        if not self._on_stack(trigger):
            raise SlackRefusal("invalid_trigger_id")
        return self.push_for(trigger.user_id, wanted)

    def push_for(self, user_id: str, wanted: Json) -> Json:
        if len(self.stack(user_id)) >= DEPTH_MAX:
            raise SlackRefusal("push_limit_reached")
        return self._place(user_id, wanted)

    def update(self, user_id: str, view: Json, wanted: Json) -> Json:
        """Replace the content of a view; what people entered stays where block and action ids stay."""
        if wanted["type"] != view["type"]:
            raise SlackRefusal("invalid_arguments", response_metadata={"messages": ["[ERROR] type cannot change"]})
        self._check_external_id(wanted, other_than=view["id"])
        entered = view["state"]["values"]
        view.update(self._content(wanted))
        view["state"]["values"] = reading.kept(view["state"]["values"], entered)
        view["hash"] = self._hash()
        self._tell(user_id, "home" if view["type"] == "home" else "view_updated", view)
        return view

    def publish(self, user_id: str, wanted: Json, expected_hash: str | None) -> Json:
        current = self._homes.get(user_id)
        if current is not None:
            self.check_hash(current, expected_hash)
            return self.update(user_id, current, wanted)
        view = self._new(user_id, wanted)
        self._homes[user_id] = view
        self._tell(user_id, "home", view)
        return view

    def close(self, user_id: str, view: Json, *, all_of_them: bool = False) -> list[Json]:
        """Close a view, or the whole stack; gives the closed ones, top first."""
        stack = self.stack(user_id)
        if view not in stack:
            return []
        keep = 0 if all_of_them else stack.index(view)
        closed = list(reversed(stack[keep:]))
        del stack[keep:]
        for one in closed:
            self._closed(user_id, one)
        if stack:
            self._tell(user_id, "view_updated", stack[-1])
        return closed

    def check_hash(self, view: Json, expected: str | None) -> None:
        if expected and expected != view["hash"]:
            raise SlackRefusal("hash_conflict")

    def checked(self, wanted: Any, kind: str) -> Json:
        """A view that Slack would take, or the refusal that names every problem."""
        found = view_problems(wanted)
        if not found and wanted["type"] != kind:
            found = view_problems({**wanted, "type": f"{wanted['type']} instead of {kind}"})
        if found:
            messages = [f"[ERROR] {problem}" for problem in found]
            raise SlackRefusal("invalid_arguments", response_metadata={"messages": messages})
        if view_too_large(wanted):
            raise SlackRefusal("view_too_large")
        checked: Json = wanted
        return checked

    # Inside

    def _on_stack(self, trigger: Trigger) -> bool:
        return any(view["id"] == trigger.view_id for view in self.stack(trigger.user_id))

    def _place(self, user_id: str, wanted: Json) -> Json:
        self._check_external_id(wanted)
        stack = self.stack(user_id)
        view = self._new(user_id, wanted)
        view["previous_view_id"] = stack[-1]["id"] if stack else None
        view["root_view_id"] = stack[0]["id"] if stack else view["id"]
        stack.append(view)
        self._tell(user_id, "view_opened", view)
        return view

    def _new(self, user_id: str, wanted: Json) -> Json:
        app: App = self._workspace.app
        view_id = self._workspace.mint_id("V")
        return {
            "id": view_id,
            "team_id": self._workspace.team_id,
            **self._content(wanted),
            "hash": self._hash(),
            "previous_view_id": None,
            "root_view_id": view_id,
            "app_id": app.id,
            "app_installed_team_id": self._workspace.team_id,
            "bot_id": app.bot_id,
        }

    def _content(self, wanted: Json) -> Json:
        blocks = reading.completed(wanted["blocks"], self._workspace.mint_block_id)
        content = {
            "type": wanted["type"],
            "blocks": blocks,
            "private_metadata": wanted.get("private_metadata") or "",
            "callback_id": wanted.get("callback_id") or "",
            "external_id": wanted.get("external_id") or "",
            "state": {"values": reading.state_of(blocks)},
        }
        if wanted["type"] == "home":
            return content
        return {
            **content,
            **{name: _plain(wanted.get(name)) for name in ("title", "submit", "close")},
            "clear_on_close": bool(wanted.get("clear_on_close")),
            "notify_on_close": bool(wanted.get("notify_on_close")),
            "submit_disabled": bool(wanted.get("submit_disabled")),
        }

    def _hash(self) -> str:
        return f"{self._workspace.mint_ts().split('.')[0]}.{self._rng.getrandbits(32):08x}"

    def _check_external_id(self, wanted: Json, *, other_than: str | None = None) -> None:
        external_id = wanted.get("external_id")
        for _, view in self.everywhere():
            if external_id and view["external_id"] == external_id and view["id"] != other_than:
                raise SlackRefusal("duplicate_external_id")

    def _closed(self, user_id: str, view: Json) -> None:
        self._tell(user_id, "view_closed", view)

    def _tell(self, user_id: str, kind: str, view: Json) -> None:
        self._feed.publish({"type": kind, "view": view}, only=frozenset({user_id}))


def _plain(text: Json | None) -> Json | None:
    return None if text is None else {"emoji": True, **text}
