"""What people get directly while a channel is closed to us, and what becomes of it when the channel opens. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import closed
from bot.message import Message, Priority
from bot.undecidable import Absent
from bot.views import blocks
from bot.views.markup import bold, clip, escape, link, one_line
from bot.views.run_message import root_key
from bot.views.scene import Rendering, Scene
from store.anchors import Anchor
from store.unshown import Unshown

PEOPLE_MAX = 20  # of one group: enough that somebody decides, few enough that nobody is flooded
_TO = ":to:"
_COPY = re.compile(r"(.*):to:([UW][A-Z0-9]{2,})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom and what of a run we can reach. Empty: everything."""

    closed: Sequence[Unshown] = ()  # channels, whatever has become of them
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)  # behind references, where they can be listed
    absent: Absent = field(default_factory=dict)

    def listed(self, references: Iterable[str]) -> list[str]:
        """The people behind references, each once, not too many."""
        found = dict.fromkeys(person for one in references for person in self.people.get(one, ())[:PEOPLE_MAX])
        return list(found)[:PEOPLE_MAX]

    def shut(self, *names: str) -> Unshown | None:
        """What is known of a channel that is or was closed, by its id or its name."""
        exact = next((one for one in self.closed if one.channel in names[:1]), None)
        return exact or next((one for one in self.closed if one.channel in names or one.name in names), None)


OPEN = Reach()


def copy_key(key: str, person: str) -> str:
    return f"{key}{_TO}{person}"


def original(key: str) -> str:
    """The key of the message that this is a copy of; its own when it is none."""
    found = _COPY.fullmatch(key)
    return found[1] if found else key


def with_copies(
    scene: Scene, messages: Sequence[Message], anchors: Mapping[str, Anchor], reach: Reach
) -> list[Message]:
    """The messages where they can stand: at home, or with each of the people; copies that stand are kept true."""
    standing = _standing(anchors)
    wanted: list[tuple[Message, Unshown | None]] = []
    for message in messages:
        shut = _shut(message, reach)
        stands = message.key in anchors and anchors[message.key].ts is not None
        if shut is None or shut.state == "trying" or (shut.state == "over" and stands):
            wanted.append((message, None))
        asked = message.recipients if shut is not None and shut.state == "closed" else message.also
        for person in dict.fromkeys([*asked, *standing.get(message.key, ())]):
            wanted.append((_copy(message, person), shut))
    keys = {one.key for one, _ in wanted}
    return [_placed(scene, one, shut, keys) if one.person else one for one, shut in wanted]


def notices(scene: Scene, anchors: Mapping[str, Anchor], reach: Reach, keepers: Sequence[str]) -> Iterator[Message]:
    """One line for those who keep the workflow, about its first run that a channel is closed to."""
    for row in reach.closed:
        if row.tells and row.state == "closed" and row.code != closed.NO_CHANNEL:
            for person in keepers:
                yield _notice(scene, row.channel, person, _closed_line(scene, row))
    for key, people in _standing(anchors).items():
        channel = key.removeprefix(_notice_key(scene, ""))
        now = reach.shut(channel)
        if key != channel and (now is None or now.state == "over"):
            for person in people:
                yield _notice(scene, channel, person, _opened_line(scene, channel))


def _standing(anchors: Mapping[str, Anchor]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for copy in filter(None, map(_COPY.fullmatch, sorted(anchors))):
        found.setdefault(copy[1], []).append(copy[2])
    return found


def _shut(message: Message, reach: Reach) -> Unshown | None:
    """The reason when a message cannot stand at home. One without a place is tried once, by the root."""
    row = reach.shut(message.channel, message.place)
    if row is None and not message.channel and not message.key.startswith("run:"):
        return Unshown(message.run_id, "", "", closed.NO_CHANNEL, "", 0)
    return row


def _copy(message: Message, person: str) -> Message:
    under = copy_key(message.under, person) if message.under else ""
    key = copy_key(message.key, person)
    return replace(message, key=key, channel=person, person=person, under=under, recipients=(), also=())


def _placed(scene: Scene, copy: Message, shut: Unshown | None, keys: Collection[str]) -> Message:
    """The copy under what this person got before; one that stands by itself says why it is there."""
    if copy.under in keys:
        return copy
    notice = blocks.context(_why_here(shut) if shut else _also(scene, copy))
    shown = (*copy.blocks[: blocks.BLOCKS_MAX - 1], notice)
    return replace(copy, under="", rendering=replace(copy.rendering, blocks=shown))


def _why_here(row: Unshown) -> str:
    why = closed.problem(row, said_by="us")
    if row.code == closed.NO_CHANNEL:
        return f"{why[:1].upper()}{why[1:]} to show its runs in, so you get this directly."
    cure = closed.hint(row, said_by="us")
    return f"{why[:1].upper()}{why[1:]}, so you get this directly. {cure}".rstrip()


def _also(scene: Scene, copy: Message) -> str:
    """Where everybody reads it; what was asked in a direct message has no such place."""
    address = scene.links.get(original(copy.key), "")
    return f"This stands {link(address, 'here')} too." if address else "You get this directly, because you may decide."


def _notice_key(scene: Scene, channel: str) -> str:
    return f"closed:{scene.run.id}:{channel}"


def _notice(scene: Scene, channel: str, person: str, text: str) -> Message:
    run = scene.run
    return Message(
        key=copy_key(_notice_key(scene, channel), person),
        run_id=run.id,
        run=run.name,
        trace_id=run.trace_id,
        seq=run.seq,
        channel=person,
        under="",
        priority=Priority.ALERT,
        order=0,
        final=False,
        recipients=(),
        rendering=Rendering(text=clip(text.replace("*", ""), blocks.FALLBACK_MAX), blocks=(blocks.section(text),)),
        person=person,
    )


def _closed_line(scene: Scene, row: Unshown) -> str:
    why, cure = closed.problem(row, said_by="us"), closed.hint(row, said_by="us")
    return (
        f"{_title(scene)} {_run(scene)} is not shown in Slack: {why}. {cure} Meanwhile those who are asked for a "
        "decision get it directly. For later runs this is not said again."
    )


def _opened_line(scene: Scene, channel: str) -> str:
    where = escape(channel) if channel.startswith("#") else f"<#{channel}>" if channel else "its channel"
    return f"{_title(scene)} {_run(scene)} could not be shown in {where}. That is over."


def _title(scene: Scene) -> str:
    return bold(clip(one_line(scene.title), 150))


def _run(scene: Scene) -> str:
    address = scene.links.get(root_key(scene.run), "")
    return link(address, scene.run.name) if address else scene.run.name
