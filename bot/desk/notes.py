"""What stands in a run's way in Slack, added to what is said about it."""

from __future__ import annotations

from dataclasses import replace

from bot import closed
from bot.absence import absent
from bot.desk.bench import Bench
from bot.undecidable import nobody
from bot.views import blocks
from bot.views.markup import bold, escape
from bot.views.reply import Reply, fallback, sections
from bot.wording import titled
from store import unshown
from store.model import Run


async def noted(bench: Bench, run: Run, reply: Reply) -> Reply:
    """The answer, and that the run is not shown where it should be, or that nobody can decide."""
    rows, missing = await bench.engine.database.read(lambda tx: (unshown.of_run(tx, run.id), absent(tx, run)))
    lines = [closed.not_shown(one, said_by="us") for one in rows[:1]]
    for step in run.steps.values():
        why = nobody(step.gate, missing) if step.gate else ""
        if why:
            lines.append(f"{bold('Nobody can decide')} at {escape(titled(step.name))}: {escape(why)}.")
    if not lines:
        return reply
    more = [block for line in lines for block in sections(line)]
    shown = (*reply.blocks[: blocks.BLOCKS_MAX - len(more)], *more)
    return replace(reply, text=fallback([reply.text, *lines]), blocks=shown)
