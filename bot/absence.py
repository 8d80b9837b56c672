"""Who of those that a run asks is not there, as far as was found out, from the rows alone."""

from __future__ import annotations

from bot.names import kind, normal
from bot.undecidable import Absent
from store import handles
from store.database import Reader
from store.handles import Handle
from store.model import GateState, Run


def absence(reference: str, handle: Handle) -> str:
    """Why nobody stands behind a reference: `there is no group @nosuch`."""
    if handle.state == "unseen":
        return f"Slack does not say who is behind {reference}"
    if handle.moved:
        return f"{reference} means another {kind(reference)} than before, and the one that it was pinned to is gone"
    return f"there is no {kind(reference)} {reference}"


def absent(tx: Reader, run: Run) -> Absent:
    """References of its open gates behind which nobody stands, each with the reason."""
    gates = [step.gate for step in run.steps.values() if step.gate and step.gate.state is GateState.OPEN]
    asked = {normal(one): one for gate in gates for one in gate.approvers}
    known = handles.of(tx, asked)
    return {asked[one.reference]: absence(asked[one.reference], one) for one in known if one.state != "found"}
