"""What is drawn: steps and blocks with their names and states, and the arrows between those that stand side by side."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from bot.picture.lettering import one_line
from store.model import Plan, StepPlan

ASKING = ("approval", "form")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a step of a run stands: its state, and a word on it."""

    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A step, or a block with what stands in it."""

    name: str
    title: str
    kind: str
    state: str = ""
    note: str = ""
    asks: bool = False
    maybe: bool = False  # it has a condition
    each: str = ""  # what an element is called, when it is done for each of a list
    last: bool = False  # it is done when the run is over
    needs: tuple[str, ...] = ()
    back: str = ""  # of a gate: the step that is done again when people ask for changes
    inner: tuple[Node, ...] = ()

    @property
    def under(self) -> str:
        """The second line: what it is, and how it stands."""
        more = [self.kind, f"for each {self.each}" if self.each else "", "at the end" * self.last]
        what = ", ".join(word for word in more if word)
        return " · ".join(word for word in (self.note or what, self.state) if word)


def graph(plan: Plan, standings: Mapping[str, Standing]) -> tuple[Node, ...]:
    """The whole plan."""
    return tuple(_nodes(plan, "", standings))


def _nodes(plan: Plan, block: str, standings: Mapping[str, Standing]) -> Iterator[Node]:
    beside = {spec.name for spec in plan.within(block)}
    taken_back = {spec.name.removesuffix(":undo") for spec in plan.undo}
    for spec in plan.within(block):
        single = plan.step(f"{spec.name}.each") if plan.knows(f"{spec.name}.each") else None
        standing = standings.get(spec.name, Standing(""))
        kind = _kind(single or spec)
        yield Node(
            name=spec.name,
            title=one_line(spec.title) or spec.name.rpartition(".")[2].replace("_", " "),
            kind=f"{kind}, can be undone" if (single or spec).name in taken_back else kind,
            state=standing.state,
            note=one_line(standing.note),
            asks=(single or spec).uses in ASKING,
            maybe=spec.when is not None,
            each=spec.fanout.as_ if spec.fanout is not None else "",
            last=spec.phase == "finally",
            needs=tuple(dict.fromkeys(edge.step for edge in spec.needs if edge.step in beside)),
            back=_back(single or spec, beside),
            inner=() if single is not None else tuple(_nodes(plan, spec.name, standings)),
        )


def _back(spec: StepPlan, beside: Collection[str]) -> str:
    changes = spec.gate.changes if spec.gate is not None else None
    return changes.rerun if changes is not None and changes.rerun in beside else ""


def _kind(spec: StepPlan) -> str:
    return "" if spec.uses == "block" else spec.uses
