"""The windows in which somebody starts a workflow: which one, then what it is to be started with, page by page.

A window carries which shortcut it came from and how far one has come; what was typed on earlier pages is kept by us.
Closing any of them starts nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bot.views import blocks
from bot.views.blocks import OPTION_MAX, VIEW_TITLE_MAX, Block, Element
from bot.views.fields import OPTIONS_MAX, Field, inputs
from bot.views.markup import bold, clip, escape, one_line, width
from store.model import Json, Workflow

PICK = "start_pick"
FORM = "start_form"
WINDOWS = frozenset({PICK, FORM})
WORKFLOW = "workflow"  # the block and the menu in which one is chosen
TITLE = "Start a Workflow"
FIELDS_MAX = 8  # on one page
PAGES_MAX = 8
DEPTH_MAX = 3  # windows that Slack puts on top of each other
ABOUT_MAX = 1_500
MARK = "#"  # between a workflow's name and the number of its shortcut

Step: TypeAlias = Literal["push", "update"]


@dataclass(frozen=True, slots=True)
class Picked:
    """How far somebody has come: from which shortcut, with which workflow, on which page."""

    source: str  # the key of the shortcut's receipt
    workflow: str = ""
    trigger: int | None = None  # which of the workflow's triggers maps the message
    page: int = 0
    kept: tuple[str, ...] = ()  # the receipts of the pages before
    depth: int = 1

    def dump(self) -> str:
        return json.dumps([self.source, self.workflow, self.trigger, self.page, list(self.kept), self.depth])


def picked(metadata: str) -> Picked | None:
    """What a window carries; None when it is none of these windows, or made by another version."""
    try:
        source, workflow, trigger, page, kept, depth = json.loads(metadata)
    except (TypeError, ValueError):
        return None
    return Picked(source, workflow, trigger, page, tuple(kept), depth)


@dataclass(frozen=True, slots=True)
class Offer:
    """A workflow that may be started; with a label when one of its shortcuts is meant."""

    workflow: Workflow
    trigger: int | None = None
    label: str = ""

    @property
    def value(self) -> str:
        return self.workflow.name if self.trigger is None else f"{self.workflow.name}{MARK}{self.trigger}"

    def option(self) -> Element:
        title = self.workflow.title or self.workflow.name
        about = title if self.label else self.workflow.description or self.workflow.name
        return {
            "text": blocks.plain(one_line(self.label or title), OPTION_MAX),
            "description": blocks.plain(one_line(about), OPTION_MAX),
            "value": self.value,
        }


def chosen(value: object) -> tuple[str, int | None]:
    """The workflow that an option means, and which of its shortcuts."""
    name, _, number = str(value or "").partition(MARK)
    return name, int(number) if number.isdigit() else None


def options(offers: Sequence[Offer], typed: str) -> list[Json]:
    """What is offered to somebody who has typed this into the menu."""
    wanted = typed.strip().lower()
    fitting = [
        one
        for one in offers
        if wanted in f"{one.label} {one.workflow.name} {one.workflow.title} {one.workflow.description}".lower()
    ]
    return [one.option() for one in fitting[:OPTIONS_MAX]]


def pick_window(offers: Sequence[Offer], state: Picked, about: str) -> Block:
    """Which workflow?"""
    what = blocks.input("Which workflow?", _menu(offers), block_id=WORKFLOW)
    return blocks.modal(
        TITLE,
        [*_about(about), what, blocks.context("The next window asks for what it needs. Nothing is started before.")],
        callback_id=PICK,
        submit="Next",
        close="Cancel",
        private_metadata=state.dump(),
    )


def form_window(
    workflow: Workflow, fields: Sequence[Field], state: Picked, pages: int, about: str, notes: Sequence[str] = ()
) -> Block:
    """One page of what the workflow is to be started with."""
    last = state.page + 1 >= pages
    title = one_line(workflow.title or workflow.name)
    head = bold(clip(title, 150)) if width(title) > VIEW_TITLE_MAX else ""
    head = "\n".join(one for one in (head, escape(clip(one_line(workflow.description), 300))) if one)
    place = f"Page {state.page + 1} of {pages}. " if pages > 1 else ""
    none = [] if fields or state.page else [blocks.section("It needs nothing else.")]
    return blocks.modal(
        clip(title, VIEW_TITLE_MAX),
        [
            *([blocks.section(head)] if head else []),
            *_about(about),
            *(blocks.context(clip(note, ABOUT_MAX)) for note in notes),
            *none,
            *({**one, "block_id": block_id(state, one["block_id"])} for one in inputs(fields)),
            blocks.context(f"{place}Closing this window starts nothing."),
        ],
        callback_id=FORM,
        submit="Start" if last else "Next",
        close="Back" if state.depth > 1 else "Cancel",
        private_metadata=state.dump(),
    )


def block_id(state: Picked, field_id: str) -> str:
    """Of a field on this page: Slack keeps what was typed where the ids of two pages are the same."""
    return f"page{state.page}:{field_id}"


def words_window(*markup: str) -> Block:
    """A window that says something and asks nothing."""
    return blocks.modal(TITLE, [blocks.section(one) for one in markup if one], callback_id="start_words")


def wait_window() -> Block:
    """Stands there until it is known what to offer."""
    return words_window("One moment. I am looking up what you may start.")


def _menu(offers: Sequence[Offer]) -> Element:
    menu: dict[str, Any] = {"action_id": WORKFLOW, "placeholder": blocks.plain("Search by name"), "focus_on_load": True}
    if len(offers) > OPTIONS_MAX:
        return {"type": "external_select", **menu, "min_query_length": 0}
    here = [one.option() for one in offers if one.label]
    others = [one.option() for one in offers if not one.label]
    if not here or not others:
        return {"type": "static_select", **menu, "options": here or others}
    groups = [("For this message", here), ("All workflows", others)]
    return {
        "type": "static_select",
        **menu,
        "option_groups": [{"label": blocks.plain(label), "options": listed} for label, listed in groups],
    }


def _about(about: str) -> list[Block]:
    return [blocks.context(about)] if about else []
