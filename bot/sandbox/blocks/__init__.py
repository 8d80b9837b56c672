"""What Slack's Block Kit allows, as tables, and one walk that compares a payload with them.

    kinds       the kinds of rule: text, string, list, reference to a shape
    objects     the table of small shapes: options, confirm dialogs, rich text, metadata
    elements    the table of elements: buttons, selects, inputs; where each may stand
    layouts     the table of blocks: fields, limits, surfaces
    walk        compares one payload with the tables, pointer by pointer
    whole       rules about a whole message or view: unique ids, one plan, sums of characters
    reading     finds elements inside blocks, and the state an untouched form has

`problems(blocks, surface)` is for everyone who builds blocks: an empty list means Slack would take them.
"""

from bot.sandbox.blocks.kinds import Problem
from bot.sandbox.blocks.whole import metadata_problems, problems, view_problems

__all__ = ["Problem", "metadata_problems", "problems", "view_problems"]
