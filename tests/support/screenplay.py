"""Conversations with the real bot, written down as a screenplay: who did what where, and what came of it for whom."""

from __future__ import annotations

import difflib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from store import lookups, receipts
from store.model import Plan, Run
from tests.support.readable import readable
from tests.support.reception import receiving
from tests.support.stage import Stage, defined, staged

MINUTE, HOUR = 60_000, 3_600_000
PLACES = ("#content", "#content-alerts", "#general")
BLOCK_KINDS = re.compile(r"^(TEXT|SECTION|CONTEXT|RICH|HEADER|PLAN|ACTIONS|INPUT) ?", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """What stands somewhere at a moment: lines by the name of the place, the oldest first."""

    messages: Mapping[tuple[str, str], str]  # (heading, ts) -> what it says
    windows: Mapping[str, tuple[str, str]]  # person -> (id and hash, what it says)


class Screenplay:
    """One conversation, and what was written down of it so far."""

    def __init__(self, stage: Stage, title: str) -> None:
        self.stage = stage
        self._lines = [title, "=" * len(title)]
        self._seen = Seen({}, {})
        self._names: dict[str, str] = {}

    # What people do. ----------------------------------------------------------------------------------------------

    async def types(self, who: str, line: str, where: str = "#content") -> None:
        """Type a slash command."""
        self._tell(f"{_name(who)} types in {where}: /flow {line}")
        answer = await self.stage.sandbox.act_as(who).command("/flow", line, channel=where)
        assert answer.acked, answer
        await self._appears()

    async def writes(self, who: str, text: str, where: str = "#content", thread: str | None = None) -> None:
        """Write a message that the bot answers, in the thread whose root says `thread` if that is given."""
        place = "a direct message" if where == "dm" else where if thread is None else f"the thread of “{thread}”"
        self._tell(f"{_name(who)} writes in {place}: {text}")
        before = self._count(who)
        root = None if thread is None else self._message(where, thread, root=True)["ts"]
        await self.stage.sandbox.act_as(who).say(where, text.replace("@flow", "<@U0BOT>"), thread_ts=root)
        await self.stage.sandbox.until(lambda: self._count(who) > before)
        await self._appears()

    async def presses(self, who: str, label: str, on: str = "", where: str = "#content") -> None:
        """Press a button of the newest message that has it and says `on`; whispers to this person come first."""
        said = f" on “{on}”" if on else ""
        self._tell(f"{_name(who)} presses [{label}]{said}")
        person = self.stage.sandbox.act_as(who)
        for message in [*reversed(person.ephemerals), *reversed(self.stage.said(where))]:
            found = next(_buttons(message, label), None)
            if found is not None and on in _text(message):
                outcome = await person.click(where, message["ts"], found[1]["action_id"], found[0])
                assert outcome.acked, outcome
                return await self._appears()
        raise AssertionError(f"{who} sees no [{label}]{said}\n{self.stage.transcript()}")

    async def presses_late(self, who: str, label: str, on: Mapping[str, Any]) -> None:
        """Press a button that stood in a message when this person's screen last showed it."""
        self._tell(f"{_name(who)}, whose screen is behind, presses [{label}]")
        parts = self.stage.sandbox.parts
        user, (block_id, button) = parts.workspace.user(who), next(_buttons(on, label))
        payload = parts.payloads.interaction("block_actions", user, parts.triggers.mint(user.id))
        action = {key: button[key] for key in ("type", "action_id", "value")}
        payload |= {
            "container": {"type": "message", "message_ts": on["ts"], "channel_id": "C0CONTENT"},
            "channel": {"id": "C0CONTENT", "name": "content"},
            "message": dict(on),
            "response_url": parts.response_urls.mint(user_id=user.id, channel_id="C0CONTENT"),
            "actions": [action | {"block_id": block_id, "action_ts": parts.workspace.mint_ts()}],
        }
        assert (await parts.delivery.interaction(payload)).acked
        await self._appears()

    async def sends(self, who: str, **fields: str) -> None:
        """Fill in the window on top by the beginnings of its labels, and send it."""
        view = self.stage.sandbox.act_as(who).open_views[-1]
        told = ", ".join(f"{label}: {value}" for label, value in fields.items()) or "nothing else"
        self._tell(f"{_name(who)} fills in {told}, and sends the window")
        given = dict(_given(view, label, value) for label, value in fields.items())
        outcome = await self.stage.sandbox.act_as(who).submit(view["id"], given)
        for block_id, wrong in outcome.errors.items():
            label = next(one["label"]["text"] for one in view["blocks"] if one.get("block_id") == block_id)
            self._told(f"UNDER {label}", wrong)
        await self._appears()

    async def closes(self, who: str) -> None:
        """Close the window on top without sending it."""
        self._tell(f"{_name(who)} closes the window")
        person = self.stage.sandbox.act_as(who)
        await person.close(person.open_views[-1]["id"])
        await self._appears()

    async def passes(self, hours: float, until: Callable[[Run], bool]) -> None:
        """Time goes by, until the latest run has become like this by it."""
        self._tell(f"{hours:g} hours pass" if hours != 1 else "an hour passes")
        self.stage.clock.advance(round(hours * HOUR))
        with anyio.fail_after(20):
            await self.stage.engine.wait_for((await self.run()).id, until)
        await self._appears()

    async def happens(self, words: str, does: Callable[[], object]) -> None:
        """Something outside of Slack."""
        self._tell(words)
        does()
        await self._appears()

    # What can be looked at. ---------------------------------------------------------------------------------------

    async def run(self) -> Run:
        """The latest run."""
        found = await self.stage.engine.database.read(lookups.run_list)
        run = await self.stage.engine.look(found[0].id)
        assert run is not None
        return run

    def card(self, on: str, where: str = "#content") -> dict[str, Any]:
        """A copy of a message as a screen shows it at this moment."""
        return dict(self._message(where, on))

    def script(self) -> str:
        """What was written down."""
        return "\n".join(self._lines) + "\n"

    # Writing down. ------------------------------------------------------------------------------------------------

    async def _appears(self) -> None:
        """Let everything come to rest, and write down what is there that was not, and what changed."""
        await self._rests()
        before, self._seen = self._seen, self._look()
        for (heading, ts), text in self._seen.messages.items():
            old = before.messages.get((heading, ts))
            if old is None:
                self._told(heading, text)
            elif old != text:
                self._told(f"{heading}, changed: {_title(old)}", _changes(old, text))
        for who, (version, text) in self._seen.windows.items():
            if before.windows.get(who, ("", ""))[0] != version:
                self._told(f"A WINDOW, {_name(who)} alone", text)
        for who in before.windows.keys() - self._seen.windows.keys():
            self._told(f"THE WINDOW of {_name(who)} closes", "")

    async def _rests(self) -> None:
        """Until every receipt is answered, only people or the clock can move the runs, and Slack shows it all."""
        with anyio.fail_after(20):
            while await self.stage.engine.database.read(lambda tx: receipts.open(tx, 100)):
                await self.stage.engine.received.wait(20)
            for one in reversed(await self.stage.engine.database.read(lookups.run_list)):
                self._names.setdefault(one.name, f"R-{chr(ord('A') + len(self._names))}")
                await self.stage.engine.wait_for(one.id, lambda run: run.status.finished or run.active_since is None)
        await self.stage.settle()

    def _look(self) -> Seen:
        messages, windows = {}, {}
        workspace = self.stage.sandbox.workspace
        for place in PLACES:
            for one in self.stage.said(place):
                reply = one.get("thread_ts", one["ts"]) != one["ts"]
                messages[f"IN {place}{', in the thread' if reply else ''}", one["ts"]] = self._clean(_text(one))
        for user in workspace.users.values():
            direct = workspace.direct_message(user.id)
            for one in [] if direct is None else self.stage.said(direct.id):
                messages[f"DIRECTLY to {_name(user.handle)}", one["ts"]] = self._clean(_text(one))
            for one in workspace.ephemerals(user.id):
                messages[f"ONLY {_name(user.handle)} sees", one["ts"]] = self._clean(_text(one))
            views = self.stage.sandbox.act_as(user.handle).open_views
            if views:
                words = " · ".join(
                    views[-1][part]["text"] for part in ("title", "submit", "close") if views[-1].get(part)
                )
                windows[user.handle] = (
                    f"{views[-1]['id']} {views[-1]['hash']}",
                    self._clean(f"{words}\n{_blocks(views[-1]['blocks'])}"),
                )
        return Seen(messages, windows)

    def _count(self, who: str) -> int:
        direct = self.stage.sandbox.workspace.direct_message(f"U0{who.upper()}")
        heard = [] if direct is None else self.stage.said(direct.id)
        return len(heard) + len(self.stage.sandbox.act_as(who).ephemerals) + len(self.stage.said())

    def _message(self, where: str, says: str, *, root: bool = False) -> dict[str, Any]:
        found = (one for one in reversed(self.stage.said(where)) if says in _text(one))
        return next(one for one in found if not root or one.get("thread_ts", one["ts"]) == one["ts"])

    def _tell(self, words: str) -> None:
        self._lines += ["", f"*** {self._clean(words)}"]

    def _told(self, heading: str, text: str) -> None:
        self._lines += ["", f"    {heading}"]
        self._lines += [f"      {line}".rstrip() for line in text.split("\n") if line.strip()]

    def _clean(self, text: str) -> str:
        """Names as people read them, runs by letters in the order in which they come up, and no time or hash."""
        for pattern, put in CLEANING:
            text = pattern.sub(put, text)
        workspace = self.stage.sandbox.workspace
        text = re.sub(r"<@(\w+)>|@(U0\w+)", lambda at: f"@{workspace.user(at[1] or at[2]).handle}", text)
        text = re.sub(r"<!subteam\^(\w+)>|@(S0\w+)", lambda at: f"@{workspace.groups[at[1] or at[2]].handle}", text)
        text = re.sub(r"<#(\w+)(?:\|\w*)?>", lambda at: f"#{workspace.channels[at[1]].name}", text)
        return re.sub(r"\bR-[0-9A-Z]{3,}\b", lambda at: self._names.get(at[0], at[0]), text)


CLEANING = (
    (re.compile(r"<!date\^[^|>]*\|[^>]*>|<\d+ \w+ \d{4}, \d\d:\d\d UTC>"), "(a time)"),
    (re.compile(r"<https?://[^|>]*\|([^>]*)>"), r"\1 ↗"),
    (re.compile(r"<https?://[^>]*>|https?://127\.0\.0\.1\S*"), "↗"),
    (re.compile(r"`[0-9a-f]{8}`"), "`(digest)`"),
    (re.compile(r"\b(?:0|\d+(?:\.\d+)?) (?:ms|s)\b"), "(moments)"),
    (re.compile(r"`[0-9a-f]{32}`"), "`(trace)`"),
    (re.compile("\u200b"), ""),
)


def _name(who: str) -> str:
    return who.title()


def _blocks(blocks: Any) -> str:
    """What blocks say, without the ids that stand behind buttons."""
    text = readable("", [_bare(one) for one in blocks]).removeprefix("TEXT \n")
    return BLOCK_KINDS.sub("", re.sub(r"(?: primary| danger)? → =(?: asks: ([^\]]*))?\]", _asking, text)).rstrip()


def _asking(found: re.Match[str]) -> str:
    return f", asking: {found[1]}]" if found[1] else "]"


def _bare(block: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(block)
    if block["type"] == "actions":
        made["elements"] = [one | {"value": "", "action_id": ""} for one in block["elements"]]
    if "accessory" in block:
        made["accessory"] = block["accessory"] | {"value": "", "action_id": ""}
    return made


def _text(message: Mapping[str, Any]) -> str:
    return _blocks(message["blocks"]) if message.get("blocks") else str(message["text"])


def _title(text: str) -> str:
    return next((line for line in text.split("\n") if line.strip()), "")


def _changes(old: str, new: str) -> str:
    lines = difflib.ndiff(old.split("\n"), new.split("\n"))
    return "\n".join(line for line in lines if line[:1] in "+-" and line[2:].strip())


def _buttons(message: Mapping[str, Any], label: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each button of this name, with the id of its block."""
    for block in message.get("blocks") or []:
        for one in [*block.get("elements", []), *([block["accessory"]] if "accessory" in block else [])]:
            if one.get("type") == "button" and one["text"]["text"] == label:
                yield block["block_id"], one


def _given(view: Mapping[str, Any], label: str, value: str) -> tuple[str, dict[str, Any]]:
    """A field of a window by the beginning of its label, as it is entered; of a choice by its text."""
    wanted = label.casefold()
    for block in view["blocks"]:
        if block["type"] == "input" and block["label"]["text"].casefold().replace("-", "_").startswith(wanted):
            element = block["element"]
            options = {one["text"]["text"]: one["value"] for one in element.get("options", [])}
            return block["block_id"], {element["action_id"]: options.get(value, value)}
    raise AssertionError(f"there is no field {label!r}: {_blocks(view['blocks'])}")


@asynccontextmanager
async def played(folder: Path, heading: str, /, *plans: Plan, **card: Any) -> AsyncIterator[Screenplay]:
    """A conversation under these workflows, with the hand on the clock."""
    async with staged(folder, plans[0], **card) as stage:
        await stage.engine.use({made.workflow: defined(made, **card) for made in plans})
        async with receiving(stage.engine, stage.slack, app_token=stage.sandbox.app_token):
            await stage.sandbox.until(lambda: stage.sandbox.connections == 2)
            yield Screenplay(stage, heading)
