"""What is said around the windows in which workflows are started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.attached import NotTaken
from bot.grammar.slack_text import readable
from bot.intake import Message
from bot.views import blocks, markup
from bot.views.markup import bold, clip, code, escape, link, one_line
from bot.views.reply import Reply, said
from engine.inputs import InputProblem
from store.model import Workflow

GONE = "This workflow is not there any more. Nothing was started."
UNSURE = "Slack does not say at this moment whether you may start this. Please try again."
MAY_NOT = "You may not start this workflow."
PROBLEMS_MAX = 12
EXCERPT_MAX = 120


def missed() -> Reply:
    """Slack would not open a window any more."""
    return said(
        f"The window could not be opened in time; nothing was started. Please try again, or type {code('/flow list')}."
    )


def unknown() -> str:
    return "Slack does not say at this moment who you are, so I cannot tell what you may start. Please try again."


def nothing_to_start() -> str:
    return "There is no workflow that you may start."


def too_old() -> str:
    return "This window is too old. Nothing was started. Please close it and choose the shortcut again."


def no_form(workflow: Workflow, why: str, line: str) -> str:
    """Why its inputs cannot be asked for here, and how to give them."""
    title = bold(clip(one_line(workflow.title or workflow.name), 150))
    typed = f" Type {code(f'/flow {line}')}." if line else ""
    return f"{title} cannot be started from a window: {escape(one_line(why), 500)}.{typed}"


def about(message: Message, address: str) -> str:
    """Which message it is about."""
    text = clip(one_line(readable(message.text)), EXCERPT_MAX)
    words = f": “{escape(text)}”" if text else ""
    by = f" by {markup.user(message.user)}" if message.user else ""
    return f"From {link(address, 'a message')}{by}{words}"


def unfit(workflow: Workflow, problems: Sequence[InputProblem]) -> Reply:
    """What was filled in does not fit after all: the workflow was changed meanwhile, or a page is gone."""
    lines = [f"• {escape(clip(one_line(f'{one.message}. {one.hint}'), 300))}" for one in problems[:PROBLEMS_MAX]]
    return said(f"I did not start {_title(workflow)}; nothing was changed.", "\n".join(lines))


def file_not_taken(workflow: Workflow, refused: NotTaken) -> Reply:
    why = f"{refused.name} cannot be taken: {refused.why}."
    return said(f"I did not start {_title(workflow)}. {escape(one_line(why))}", escape(one_line(refused.cure)))


def with_link(reply: Reply, address: str) -> Reply:
    """The answer, and where the run shows itself."""
    if not address or not reply.text:
        return reply
    line = link(address, "Open its thread")
    return replace(reply, text=f"{reply.text}\n{line}", blocks=(*reply.blocks, blocks.section(line)))


def _title(workflow: Workflow) -> str:
    return bold(clip(one_line(workflow.title or workflow.name), 150))
