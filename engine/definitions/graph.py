"""Which step needs which: dependencies, circles among them, and whose output may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.definitions.outline import Outline, Site, short_names
from engine.definitions.places import Place, Use, uses_of_steps
from engine.definitions.problem import Findings, suggestion
from engine.definitions.source import Path
from engine.definitions.step_shapes import StopStep
from store.model import Edge, block_of


@dataclass(frozen=True, slots=True)
class Need:
    """One reason why a step needs another, and where it is written."""

    edge: Edge
    path: Path
    offset: int | None = None


class Graph:
    """The dependencies of one file's steps. They hold between steps that stand side by side.

    What is used inside of a block from outside makes the block need it.
    """

    def __init__(self, findings: Findings, outline: Outline) -> None:
        self.findings = findings
        self.outline = outline
        self.needs: dict[str, list[Need]] = {name: [] for name in outline.sites}

    def add(self, place: Place) -> None:
        """Take in what the parts of a step use."""
        if not place.owner or place.phase == "undo":
            return
        for use, target in uses_of_steps(place, self.outline):
            owner = _beside(place.owner, target)
            if owner in self.needs and owner != target and self._one_phase(owner, target):
                self.needs[owner].append(Need(_edge_of(use, target), use.path, use.offset))

    def add_said(self, site: Site) -> None:
        """Take in what the `needs:` and `after:` of a step say."""
        for key, accepts in (("needs", "success"), ("after", "end")):
            for index, short in enumerate(getattr(site.step, key, [])):
                path = (*site.path, key, index)
                name = self._known(site, short, path)
                if name is not None:
                    edge = Edge(name, "success" if accepts == "success" else "end")
                    self.needs[site.name].append(Need(edge, path))

    def _one_phase(self, owner: str, target: str) -> bool:
        other = self.outline.sites.get(target)
        return other is None or other.phase == self.outline.sites[owner].phase

    def _known(self, site: Site, short: str, path: Path) -> str | None:
        name = f"{site.block}.{short}" if site.block else short
        if name == site.name:
            self.findings.error(path, "self_reference", f"step `{short}` needs itself", "name an earlier step")
            return None
        if name in self.outline.unclear:
            return name
        if name in self.outline.sites and self._one_phase(site.name, name):
            return name
        beside = [one for one in self.outline.within(site.block) if self._one_phase(site.name, one)]
        beside += [one for one in sorted(self.outline.unclear) if block_of(one) == site.block]
        outer = self.outline.resolve(short, site.block)
        if outer is not None and site.block and block_of(outer) != site.block:
            message = f"`{short}` stands outside of this block"
            hint = f"let the block wait for it: put `{path[-2]}: [{short}]` at `{site.block.rpartition('.')[2]}`"
            self.findings.error(path, "not_beside", message, hint)
        elif outer is not None:
            message = "the last steps come after everything else by themselves"
            hint = f"leave it out, and look at steps.{short}.status in a `when:`"
            self.findings.error(path, "not_beside", message, hint)
        else:
            inner = next((one for one in self.outline.sites if one.endswith(f".{short}")), "")
            inside = f"it stands inside of a block: write `{block_of(inner)}`" if inner else ""
            hint = inside or suggestion(short, short_names(beside), what="steps")
            self.findings.error(path, "unknown_step", f"there is no step `{short}`", hint)
        return None

    def edges(self, name: str) -> tuple[Edge, ...]:
        """One edge a step needed: the most demanding of all the reasons for it."""
        found: dict[str, list[Edge]] = {}
        for need in self.needs[name]:
            found.setdefault(need.edge.step, []).append(need.edge)
        return tuple(_strictest(edges) for edges in found.values())

    def certain(self, name: str) -> frozenset[str]:
        """The steps whose output is there whenever this one runs, those that the blocks around it need included."""
        found: set[str] = set()
        while name:
            edges = self.edges(name) if name in self.needs else ()
            found |= {edge.step for edge in edges if edge.accepts == "success" and not edge.guarded}
            name = block_of(name)
        return frozenset(found)

    def may_lack_output(self, block: str) -> frozenset[str]:
        """Steps of a block that it can end well without: skipped ones, and failed ones that did not stop it."""
        lacking: set[str] = set()
        names = self.order(block)
        for name in names:
            step = self.outline.sites[name].step
            skippable = getattr(step, "when", None) not in (None, "true")
            if skippable or getattr(step, "on_failure", "") == "continue" or self.certain(name) & lacking:
                lacking.add(name)
        for name in names:
            step = self.outline.sites[name].step
            if isinstance(step, StopStep) and step.with_.outcome == "succeeded":
                lacking |= set(names) - self.above(name)
        return frozenset(lacking)

    def why_lacking(self, name: str) -> str:
        """In words: why a step may end well without an output, and in which line that stands; empty when it may not."""
        lacking = self.may_lack_output(block_of(name))
        if name not in lacking:
            return ""
        site = self.outline.sites[name]
        reasons = {
            "when": "is skipped when its condition does not hold",
            "on_failure": "may fail without ending the run",
        }
        for key, ends in reasons.items():
            if getattr(site.step, key, None) not in (None, "true", "stop"):
                line = self.findings.source.spot((*site.path, key), key=True).line
                return f"`{short_names([name])[0]}` {ends} (line {line})"
        cause = next((one for one in self.order(block_of(name)) if one in self.certain(name) & lacking), None)
        if cause is None:
            return "a `stop` may end the run before it"
        reason = self.why_lacking(cause)
        return reason if " needs it" in reason else f"{reason}, and `{short_names([name])[0]}` needs it"

    def order(self, block: str) -> Sequence[str]:
        """The steps of a block, each after all that it needs; members of a circle come last, as in the file."""
        names = self.outline.within(block)
        left = {name: {edge.step for edge in self.edges(name)} & set(names) for name in names}
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
        """Every step beside it that this one comes after."""
        seen: set[str] = set()
        pending = [name]
        while pending:
            for edge in self.edges(pending.pop()):
                if edge.step in self.needs and edge.step not in seen:
                    seen.add(edge.step)
                    pending.append(edge.step)
        return frozenset(seen)

    def before(self, name: str) -> frozenset[str]:
        """Every step that this one comes after, beside it or beside the blocks around it."""
        found: set[str] = set()
        while name:
            found |= self.above(name)
            name = block_of(name)
        return frozenset(found)

    def below(self, name: str) -> frozenset[str]:
        """The step and every step beside it that comes after it."""
        beside = self.outline.within(block_of(name))
        return frozenset(one for one in beside if one == name or name in self.above(one))

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
        for start in self.needs:
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
        return iter([edge.step for edge in self.edges(name) if edge.step in self.needs])


def _beside(owner: str, target: str) -> str:
    """The step that stands beside the target: the owner itself, or a block around it."""
    while owner and block_of(owner) != block_of(target):
        owner = block_of(owner)
    return owner


def _edge_of(use: Use, target: str) -> Edge:
    if use.part in ("status", "error", "items"):
        return Edge(target, "end")
    return Edge(target, "success", guarded=use.reference.guarded)


def _strictest(edges: Sequence[Edge]) -> Edge:
    """A step that is needed in several ways is needed in the hardest of them."""
    step = edges[0].step
    if any(edge.accepts == "success" and not edge.guarded for edge in edges):
        return Edge(step)
    if any(edge.accepts == "end" for edge in edges):
        return Edge(step, "end")
    return Edge(step, "success", guarded=True)
