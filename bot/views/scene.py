"""Everything that the messages of one run are made from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.digests import Digest
from bot.views import blocks, markup
from bot.views.past import NO_PAST, Past
from bot.wording import actor_text, listed, moment, titled
from store.events import StepSucceeded
from store.model import Actor, Content, GatePlan, Json, Millis, Plan, Run, RunId, Step, StepKey, Workflow

_USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")
_GROUP_ID = re.compile(r"S[A-Z0-9]{2,}")

ERASED = "(erased)"
NOT_SHOWN = "(not shown)"


@dataclass(frozen=True, slots=True)
class Rendering:
    """A message as Slack takes it; `text` says the same in a sentence, for notifications and screen readers."""

    text: str
    blocks: tuple[blocks.Block, ...]


@dataclass(frozen=True, slots=True)
class Kin:
    """A run that another one started, or that started it."""

    name: str
    address: str = ""
    title: str = ""  # of its workflow
    state: str = ""  # how it stands, in words


@dataclass(frozen=True, slots=True)
class Held:
    """A step that could begin and stands in line for an endpoint."""

    endpoint: str  # as people call it
    place: int  # in the line, the first is 1
    down_since: Millis | None = None  # None: it is up, and has as much to do as it may
    tried_at: Millis | None = None
    message: str = ""  # its last answer


@dataclass(frozen=True, slots=True)
class Scene:
    """A run with all that is needed to show it. Nothing in it is read from a clock: the same run looks the same."""

    run: Run
    plan: Plan
    workflow: Workflow
    contents: Mapping[str, Json] = field(default_factory=dict)  # hash -> value kept outside the rows
    names: Mapping[str, str] = field(default_factory=dict)  # reference as written -> id in Slack
    links: Mapping[str, str] = field(default_factory=dict)  # anchor key -> address of the message
    past: Past = NO_PAST
    kin: Mapping[RunId, Kin] = field(default_factory=dict)
    ahead: int = 0  # of a run that waits for its turn: how many wait before it
    holders: Sequence[Kin] = ()  # and some of those that go on meanwhile
    held: Mapping[StepKey, Held] = field(default_factory=dict)
    off: str = ""  # who switched its workflow off, when and why: no step begins
    overtaken: Sequence[StepSucceeded] = ()  # what was said in earlier rounds and has not been posted yet
    digests: Sequence[Digest] = ()  # of its gates that share a card, in the order in which they began

    def value(self, content: Content | None) -> Json:
        """The value itself, or a note in its place when it was erased."""
        if content is None or content.hash is None:
            return content.value if content else None
        return self.contents.get(content.hash, ERASED)

    def gate_plan(self, name: str) -> GatePlan:
        """The policy of a gate; one without a plan is shown with the defaults."""
        spec = self.plan.step(name) if self.plan.knows(name) else None
        return (spec.gate if spec else None) or GatePlan(approvers=())

    def step_title(self, name: str) -> str:
        """A step in words; what stands in a block is called by its own name alone."""
        undone = name.removesuffix(":undo")
        own = self.plan.step(name).title if self.plan.knows(name) else ""
        if undone != name:
            return own or f"Take back: {self.step_title(undone)}"
        return titled(name.rpartition(".")[2], own)

    def row_title(self, step: Step) -> str:
        """The step, and which item it is of: `Verify (c1)`."""
        title = self.step_title(step.name)
        return title if step.item is None else f"{title} ({item_text(step.item)})"

    def unsaid(self, text: str) -> str:
        """The text without the inputs that may stand in no message."""
        inputs = self.value(self.run.inputs)
        given = inputs if isinstance(inputs, dict) else {}
        for name, schema in self.plan.inputs.items():
            if isinstance(schema, dict) and schema.get("sensitive") is True:
                text = _without(text, given.get(name))
        return text

    def steps_of(self, name: str) -> list[Step]:
        """A step of the plan as it stands: one, or one for each item."""
        return [step for step in self.run.steps.values() if step.name == name]

    @property
    def title(self) -> str:
        return self.workflow.title or titled(self.workflow.name)


def item_text(item: str) -> str:
    """An item as people read it: nested ones from the outside in."""
    names = (part.replace("%2F", "/").replace("%25", "%") for part in item.split("/"))
    return markup.clip(markup.one_line(" / ".join(names)), 80)


def _without(text: str, secret: Json) -> str:
    match secret:
        case str() if secret.strip():
            return text.replace(secret, NOT_SHOWN)
        case bool() | None:
            return text
        case int() | float():
            return re.sub(rf"(?<![\w.]){re.escape(str(secret))}(?![\w.])", NOT_SHOWN, text)
        case list():
            for one in secret:
                text = _without(text, one)
        case dict():
            for one in secret.values():
                text = _without(text, one)
    return text


# People, in both forms of text. -------------------------------------------------------------------------------------


def actor_markup(actor: Actor) -> str:
    """A mention of a person, the name of anybody else."""
    if actor.kind == "person" and _USER_ID.fullmatch(actor.id):
        return markup.user(actor.id)
    return markup.escape(markup.one_line(actor_text(actor)), 80)


def kin_markup(kin: Kin) -> str:
    """Another run, with the way to it: `Publish a blog post R-7K2 (running)`."""
    title = f"{markup.escape(markup.one_line(kin.title), 80)} " if kin.title else ""
    name = markup.link(kin.address, kin.name) if kin.address else markup.escape(kin.name)
    return f"{title}{name}{f' ({kin.state})' if kin.state else ''}"


def actor_piece(actor: Actor) -> blocks.Piece:
    if actor.kind == "person" and _USER_ID.fullmatch(actor.id):
        return blocks.user_piece(actor.id)
    return blocks.words(markup.clip(markup.one_line(actor_text(actor)), 80))


def asked_markup(scene: Scene, references: Sequence[str], *, last: str = "or") -> str:
    """The people and groups who are asked, mentioned where Slack knows them: a new message notifies them."""
    return listed([_reference_markup(scene, reference) for reference in references[:10]] + _rest(references), last)


def asked_pieces(scene: Scene, references: Sequence[str]) -> list[blocks.Piece]:
    """The same people and groups by name where there is one, for messages that should notify nobody."""
    pieces: list[blocks.Piece] = []
    for position, reference in enumerate(references[:10]):
        if position:
            pieces.append(blocks.words(", "))
        is_id = _USER_ID.fullmatch(reference) is not None
        pieces.append(blocks.user_piece(reference) if is_id else blocks.words(markup.one_line(reference)))
    return pieces + [blocks.words(f" and {rest}") for rest in _rest(references)]


def _reference_markup(scene: Scene, reference: str) -> str:
    slack_id = scene.names.get(reference, reference)
    if _USER_ID.fullmatch(slack_id):
        return markup.user(slack_id)
    if _GROUP_ID.fullmatch(slack_id) and reference != slack_id:
        return markup.group(slack_id)
    return markup.escape(markup.one_line(reference), 80)


def _rest(references: Sequence[str]) -> list[str]:
    return [f"{len(references) - 10} others"] if len(references) > 10 else []


# Moments, in the reader's own time. -------------------------------------------------------------------------------


def when(at: Millis) -> str:
    return markup.date(at, moment(at))


def when_piece(at: Millis) -> blocks.Piece:
    return blocks.date_piece(at, moment(at))
