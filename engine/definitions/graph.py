"""Which step needs which: dependencies, circles among them, and whose output may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.definitions.problem import Findings, suggestion
from engine.definitions.references import Place, Use, uses_of_steps
from engine.definitions.shape import AnyStep
from engine.definitions.source import Path
from store.model import Edge


@dataclass(frozen=True, slots=True)
class Need:
    """One reason why a step needs another, and where it is written."""

    edge: Edge
    path: Path
    offset: int | None = None


class Graph:
    """The dependencies of one file's steps, in the order of the file."""

    def __init__(self, findings: Findings, steps: Mapping[str, AnyStep], unclear: frozenset[str]) -> None:
        self.findings = findings
        self.steps = steps
        self.unclear = unclear  # steps that stand in the file and could not be read
        self.needs: dict[str, list[Need]] = {name: [] for name in steps}

    def add(self, place: Place) -> None:
        """Take in what a step uses, and what its `needs:` and `after:` say."""
        for use in uses_of_steps(place):
            self.needs[place.owner].append(Need(_edge_of(use), use.path, use.offset))
        step = self.steps[place.owner]
        for key, accepts in (("needs", "success"), ("after", "end")):
            for index, name in enumerate(getattr(step, key)):
                path = ("steps", place.owner, key, index)
                if self._known(place.owner, name, path):
                    self.needs[place.owner].append(Need(Edge(name, "success" if accepts == "success" else "end"), path))

    def _known(self, owner: str, name: str, path: Path) -> bool:
        if name == owner:
            self.findings.error(path, "self_reference", f"step `{name}` needs itself", "name an earlier step")
            return False
        if name not in self.steps and name not in self.unclear:
            names = [*self.steps, *self.unclear]
            self.findings.error(
                path, "unknown_step", f"there is no step `{name}`", suggestion(name, names, what="steps")
            )
            return False
        return True

    def edges(self, name: str) -> tuple[Edge, ...]:
        """One edge a step needed: the most demanding of all the reasons for it."""
        found: dict[str, list[Edge]] = {}
        for need in self.needs[name]:
            found.setdefault(need.edge.step, []).append(need.edge)
        return tuple(_strictest(edges) for edges in found.values())

    def certain(self, name: str) -> frozenset[str]:
        """The steps whose output is there whenever this one runs."""
        return frozenset(edge.step for edge in self.edges(name) if edge.accepts == "success" and not edge.guarded)

    def may_lack_output(self) -> frozenset[str]:
        """Steps that a run can end well without: skipped ones, and failed ones that did not stop it."""
        lacking: set[str] = set()
        for name in self.order():
            step = self.steps[name]
            if step.when not in (None, "true") or step.on_failure == "continue" or self.certain(name) & lacking:
                lacking.add(name)
        return frozenset(lacking)

    def order(self) -> Sequence[str]:
        """The steps, each after all that it needs; members of a circle come last, in the order of the file."""
        left = {name: {edge.step for edge in self.edges(name)} & self.steps.keys() for name in self.steps}
        ordered: list[str] = []
        while left:
            free = [name for name, needed in left.items() if not needed & left.keys()]
            if not free:
                return [*ordered, *left]
            ordered += free
            for name in free:
                del left[name]
        return ordered

    def above(self, name: str) -> frozenset[str]:
        """Every step that this one comes after."""
        seen: set[str] = set()
        pending = [name]
        while pending:
            for edge in self.edges(pending.pop()):
                if edge.step in self.steps and edge.step not in seen:
                    seen.add(edge.step)
                    pending.append(edge.step)
        return frozenset(seen)

    def report_circles(self) -> frozenset[str]:
        """Report each circle once; the steps in circles are given back."""
        members: set[str] = set()
        for circle in self._circles():
            if not members & set(circle):
                self._report(circle)
            members |= set(circle)
        return frozenset(members)

    def _report(self, circle: Sequence[str]) -> None:
        links = [(name, circle[(at + 1) % len(circle)]) for at, name in enumerate(circle)]
        first, *_ = [self._need(name, needed) for name, needed in links]
        chain = " → ".join([*circle, circle[0]])
        told = "\n".join(
            f"{name} needs {needed}: line {self._line(self._need(name, needed))}" for name, needed in links
        )
        message = f"steps wait for each other in a circle: {chain}"
        self.findings.error(first.path, "cycle", message, told + "\ntake one of these away", offset=first.offset)

    def _line(self, need: Need) -> int:
        source = self.findings.source
        spot = source.spot(need.path) if need.offset is None else source.inside(need.path, need.offset)
        return spot.line

    def _need(self, name: str, needed: str) -> Need:
        return next(need for need in self.needs[name] if need.edge.step == needed)

    def _circles(self) -> Iterator[Sequence[str]]:
        finished: set[str] = set()
        for start in self.steps:
            trail: list[str] = []
            pending: list[tuple[str, Iterator[str]]] = [(start, self._next(start))]
            if start in finished:
                continue
            trail.append(start)
            while pending:
                _, following = pending[-1]
                name = next(following, None)
                if name is None:
                    finished.add(trail.pop())
                    pending.pop()
                elif name in trail:
                    yield trail[trail.index(name) :]
                elif name not in finished:
                    trail.append(name)
                    pending.append((name, self._next(name)))

    def _next(self, name: str) -> Iterator[str]:
        return iter([edge.step for edge in self.edges(name) if edge.step in self.steps])


def _edge_of(use: Use) -> Edge:
    if use.part in ("status", "error"):
        return Edge(use.step or "", "end")
    return Edge(use.step or "", "success", guarded=use.reference.guarded)


def _strictest(edges: Sequence[Edge]) -> Edge:
    """A step that is needed in several ways is needed in the hardest of them."""
    step = edges[0].step
    if any(edge.accepts == "success" and not edge.guarded for edge in edges):
        return Edge(step)
    if any(edge.accepts == "end" for edge in edges):
        return Edge(step, "end")
    return Edge(step, "success", guarded=True)
