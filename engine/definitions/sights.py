"""Data that goes on after a gate without having been shown there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.definitions.graph import Graph
from engine.definitions.outline import Outline
from engine.definitions.places import Place, StepPlaces, Use
from engine.definitions.problem import Findings
from engine.definitions.step_shapes import ApprovalStep, TransformStep

_LEAVES = frozenset({"http", "command", "python"})  # kinds that carry data to where it cannot be taken back
Path = tuple[str, ...]


def warn_of_unseen_data(findings: Findings, graph: Graph, outline: Outline, places: Mapping[str, StepPlaces]) -> None:
    """Warn where a step uses data that the approvers of the gate before it were not shown."""
    gates = [name for name, site in outline.sites.items() if isinstance(site.step, ApprovalStep)]
    if not gates:
        return
    sight = _Sight(graph, outline, places, {name: graph.before(name) for name in outline.sites})
    for name, site in outline.sites.items():
        before = [gate for gate in gates if gate in sight.above[name]]
        if site.step.uses not in _LEAVES or not before:
            continue
        seen = [sight.path(use, places[gate].main) for gate in before for use in places[gate].main.uses if _shows(use)]
        for use in places[name].main.uses:
            if sight.unseen(use, places[name].main, before, seen):
                gate = before[-1].rpartition(".")[2]
                findings.warning(
                    use.path,
                    "not_shown_at_gate",
                    f"`{name}` uses data of `{use.step}` that gate `{gate}` did not show",
                    f"add it to `show:` of `{gate}`, or use steps.{gate}.output.content",
                    offset=use.offset,
                )


def _shows(use: Use) -> bool:
    """Whether a use of a gate stands in what people see."""
    return "with" in use.path and "auto" not in use.path and "approvers" not in use.path


class _Sight:
    def __init__(
        self,
        graph: Graph,
        outline: Outline,
        places: Mapping[str, StepPlaces],
        above: Mapping[str, frozenset[str]],
    ) -> None:
        self.graph = graph
        self.outline = outline
        self.places = places
        self.above = above

    def path(self, use: Use, place: Place) -> Path:
        """What a reference reads, steps by their names in the plan."""
        names = use.reference.path
        target = self.outline.resolve(use.step, place.block) if use.step else None
        return ("steps", target, *names[2:]) if target else names

    def unseen(self, use: Use, place: Place, before: Sequence[str], seen: Sequence[Path]) -> bool:
        source = self.outline.resolve(use.step, place.block) if use.step else None
        if source is None or use.part != "output" or source not in self.places or source in before:
            return False
        # What came into being after a gate could not be shown there; that is what later gates are for.
        if all(gate in self.above[source] for gate in before):
            return False
        read = self.path(use, place)
        if any(read[: len(shown)] == shown for shown in seen):
            return False
        if isinstance(self.outline.sites[source].step, TransformStep):
            inner = self.places[source].main
            return any(self.unseen(one, inner, before, seen) for one in inner.uses if one.step and one.part == "output")
        return True
