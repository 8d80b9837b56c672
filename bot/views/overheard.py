"""What the writer of a message is told, alone, when it was to start a run and none was started."""

from __future__ import annotations

from collections.abc import Sequence

from bot.views.markup import bold, clip, escape, link, one_line
from bot.views.reply import NOTHING, Reply, said
from engine.inputs import InputProblem
from store.model import Workflow

PROBLEMS_MAX = 12
TEXT_MAX = 300


def unfit(workflow: Workflow, problems: Sequence[InputProblem], permalink: str) -> Reply:
    """It does not give what the workflow needs."""
    lines = [f"• {_told(one)}" for one in problems[:PROBLEMS_MAX]]
    return said(f"{_not_started(workflow, permalink)} It does not give what that needs.", "\n".join(lines))


def refused(workflow: Workflow, why: str, hint: str, permalink: str) -> Reply:
    """The workflow lets nothing begin at this moment."""
    return said(f"{_not_started(workflow, permalink)} {escape(one_line(why))}", escape(one_line(hint)))


def together(replies: Sequence[Reply]) -> Reply:
    """Several words to the same person as one."""
    if len(replies) < 2:
        return replies[0] if replies else NOTHING
    return Reply("\n".join(one.text for one in replies), tuple(block for one in replies for block in one.blocks)[:50])


def _not_started(workflow: Workflow, permalink: str) -> str:
    title = bold(clip(one_line(workflow.title or workflow.name), 150))
    return f"I did not start {title} from {link(permalink, 'your message')}."


def _told(problem: InputProblem) -> str:
    text = escape(clip(one_line(f"{problem.message}. {problem.hint}"), TEXT_MAX))
    return text.replace("..", ".")
