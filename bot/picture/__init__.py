"""picture: a workflow, or a run of it, drawn: what needs what, and how far it has come.

graph       what is drawn: nodes, blocks and arrows, with the state of each
layout      where everything stands: columns or rows, few crossings, blocks as frames
lettering   how wide a text is, and what of it fits
looks       the colour and the mark of each state
drawing     as SVG
outline     as text, for terminals
pixels      as PNG
"""

from collections.abc import Mapping

from bot.picture.drawing import draw
from bot.picture.graph import Standing, graph
from store.model import Plan


def picture(plan: Plan, states: Mapping[str, str] | None = None, notes: Mapping[str, str] | None = None) -> str:
    """The picture of a plan as SVG; with `states` (by step) that of a run, with `notes` in the place of the kinds."""
    standings = {name: Standing(state, (notes or {}).get(name, "")) for name, state in (states or {}).items()}
    return draw(graph(plan, standings), plan.workflow)


__all__ = ["picture"]
