"""The steps of a file in their places: which stand side by side, which in blocks, and what each is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from engine.definitions.problem import Findings
from engine.definitions.shape import DefaultsShape, WorkflowFile
from engine.definitions.slots import Shape
from engine.definitions.source import Path
from engine.definitions.step_shapes import AnyStep, BlockStep, StepShape, UndoStep
from engine.definitions.stepping import plan_name, step_in
from engine.definitions.words import EACH, name_fault
from store.model import Json, block_of

Phase: TypeAlias = Literal["main", "finally", "undo"]
NESTING_MAX = 3  # blocks within each other: more cannot be followed on a phone
EACH_OUTPUT = "${{ steps.each.output }}"
_LIST_KEYS = ("as", "key", "concurrency", "tolerate")
_TAKEN = ("inputs", "steps", "settings", "vars", "run", "secrets", "previous", "review", "output", "response", "event")
_NOT_LAST = {
    "approval": "a run that is over waits for nobody; ask before it ends",
    "form": "a run that is over waits for nobody; ask before it ends",
    "wait": "a run that is over does not wait",
    "workflow": "start it as a step of its own, with `after:` the others",
    "stop": "the run has ended already",
}
_OF_SUGAR = ("when", "needs", "after", "on_failure", "foreach", "as_", "key", "concurrency", "tolerate")


@dataclass(frozen=True, slots=True)
class Site:
    """One step in its place. A step with `foreach:` stands in two: as a block, and as what is done for one element."""

    name: str  # in the plan: checks.verify, publish:undo
    path: Path  # in the file
    step: AnyStep | UndoStep
    raw: Mapping[str, Json]  # as it is written
    phase: Phase = "main"
    sugar: bool = False  # one of the two places of a step with `foreach:`

    @property
    def block(self) -> str:
        """The block it stands in; "" for the workflow itself."""
        return block_of(self.name)

    @property
    def called(self) -> str:
        """How messages call it."""
        name = self.name.removesuffix(":undo").removesuffix(f".{EACH}" if self.sugar else "")
        return f"{name}: undo" if self.phase == "undo" else name

    @property
    def loops(self) -> bool:
        return isinstance(self.step, BlockStep) and self.step.foreach is not None


@dataclass(slots=True)
class Outline:
    """All steps of a file. Names are those of the plan; a short name is what expressions and `needs:` say."""

    sites: dict[str, Site] = field(default_factory=dict)  # in the order of the plan: a block before what is in it
    undos: dict[str, Site] = field(default_factory=dict)
    unclear: frozenset[str] = frozenset()  # steps that stand in the file and could not be read

    def all(self) -> Iterator[Site]:
        yield from self.sites.values()
        yield from self.undos.values()

    def within(self, block: str, phase: Phase | None = None) -> tuple[str, ...]:
        """The steps that stand directly in a block."""
        return tuple(name for name, site in self.sites.items() if site.block == block and phase in (None, site.phase))

    def resolve(self, short: str, block: str) -> str | None:
        """The step that a short name means where it is written: next to it, then further out."""
        while True:
            name = f"{block}.{short}" if block else short
            if name in self.sites or name in self.unclear:
                return name
            if not block:
                return None
            block = block_of(block)

    def visible(self, block: str) -> list[str]:
        """The short names that mean something in a block."""
        found: list[str] = []
        while True:
            for name in (*self.sites, *sorted(self.unclear)):
                short = name.rpartition(".")[2]
                if block_of(name) == block and short not in found:
                    found.append(short)
            if not block:
                return found
            block = block_of(block)

    def around(self, block: str) -> Iterator[Site]:
        """The block and those around it, from the inside out."""
        while block:
            if block in self.sites:
                yield self.sites[block]
            block = block_of(block)

    def elements(self, block: str) -> dict[str, str]:
        """What the elements of the lists around are called there, and the block of each list."""
        found: dict[str, str] = {}
        for site in self.around(block):
            if site.loops and isinstance(site.step, BlockStep):
                found.setdefault(site.step.as_, site.name)
        return found

    def inside(self, name: str) -> Iterator[Site]:
        """The step itself and all that stands in it."""
        for other, site in self.sites.items():
            if other == name or other.startswith(f"{name}."):
                yield site


def outlined(findings: Findings, file: WorkflowFile, data: Mapping[str, Json], unclear: frozenset[Path]) -> Outline:
    """The outline of a file, after reporting steps that stand where they cannot."""
    names = frozenset(plan_name(path) for path in unclear if step_in(path) == path and path[-1] != "undo")
    outline = Outline(unclear=names)
    drawing = _Drawing(findings, outline, file.defaults)
    for key, steps in (("steps", file.steps), ("finally", file.finally_)):
        drawing.draw(steps, data.get(key) or {}, (key,), "", "main" if key == "steps" else "finally")
    return outline


class _Drawing:
    def __init__(self, findings: Findings, outline: Outline, defaults: DefaultsShape) -> None:
        self.findings = findings
        self.outline = outline
        self.defaults = defaults

    def draw(self, steps: Mapping[str, Any], raw: Json, home: Path, block: str, phase: Phase) -> None:
        for short, written in steps.items():
            path = (*home, short)
            name = f"{block}.{short}" if block else short
            self._name(short, block, path, phase)
            step = with_defaults(written, self.defaults)
            self._list(step, path, block)
            if phase == "finally" and not self._may_be_last(step, path):
                continue
            site = Site(name, path, step, raw[short], phase)
            if isinstance(step, BlockStep):
                self._block(site, step)
            elif step.foreach is not None:
                self._sugar(site, step)
            else:
                self._add(site)

    def _add(self, site: Site) -> None:
        self.outline.sites[site.name] = site
        undo = getattr(site.step, "undo", None)
        if undo is not None:
            step = with_defaults(undo, self.defaults)
            name = f"{site.name}:undo"
            raw = site.raw.get("undo") or {}
            self.outline.undos[name] = Site(name, (*site.path, "undo"), step, raw, "undo", site.sugar)

    def _block(self, site: Site, step: BlockStep) -> None:
        self._depth(site)
        self.outline.sites[site.name] = site
        self.draw(step.steps, site.raw["steps"], (*site.path, "steps"), site.name, site.phase)

    def _sugar(self, site: Site, step: AnyStep) -> None:
        self._depth(site)
        of_list = {key: getattr(step, key) for key in (*_OF_SUGAR, "title")}
        block = BlockStep.model_construct(**of_list, steps={}, output=EACH_OUTPUT)
        plain = {key: StepShape.model_fields[key].get_default(call_default_factory=True) for key in _OF_SUGAR}
        leaf = step.model_copy(update=plain)
        self.outline.sites[site.name] = Site(site.name, site.path, block, site.raw, site.phase, sugar=True)
        self._add(Site(f"{site.name}.{EACH}", site.path, leaf, site.raw, site.phase, sugar=True))

    def _depth(self, site: Site) -> None:
        if site.name.count(".") >= NESTING_MAX:
            message = f"blocks within blocks within blocks: {NESTING_MAX} are allowed, and this is one more"
            hint = "move it to a workflow of its own, and use it with `uses: workflow`"
            self.findings.error(site.path, "nested_too_deep", message, hint, key=True)

    def _name(self, short: str, block: str, path: Path, phase: Phase) -> None:
        """A short name means one step wherever it is written."""
        outer = self.outline.resolve(short, block)
        if outer is None or outer in self.outline.unclear:
            return
        if phase == "finally" and not block:
            message = f"there is a step `{short}` already, and both could be meant"
        else:
            message = f"`{short}` is also a step outside of this block, and both could be meant"
        self.findings.error(path, "name_shadows", message, f"write for instance `{short}_too`", key=True)

    def _list(self, step: StepShape, path: Path, block: str) -> None:
        """`as`, `key` and the others belong to a list, and an element has a name of its own."""
        if step.foreach is None:
            for key in _LIST_KEYS:
                if (*path, key) in self.findings.source.keys:
                    message = f"`{key}` belongs to `foreach`, and there is none here"
                    self.findings.error(
                        (*path, key), "list_missing", message, "add `foreach:`, or leave it out", key=True
                    )
            return
        as_, place = step.as_, (*path, "as" if (*path, "as") in self.findings.source.keys else "foreach")
        fault = name_fault(as_, "an element")
        if fault is not None:
            self.findings.error(place, *fault)
        elif as_ in _TAKEN:
            message = f"`{as_}` means something else in expressions already"
            self.findings.error(place, "name_shadows", message, "write for instance `as: item`")
        elif as_ in self.outline.elements(block):
            outer = self.outline.elements(block)[as_]
            message = f"the elements of `{outer}` around it are called `{as_}` too"
            self.findings.error(place, "name_shadows", message, "give these another name with `as:`")

    def _may_be_last(self, step: StepShape, path: Path) -> bool:
        kind: str = getattr(step, "uses", "")
        if isinstance(step, BlockStep) or step.foreach is not None:
            hint = "write the steps side by side"
            key = "steps" if isinstance(step, BlockStep) else "foreach"
            self.findings.error(
                (*path, key), "not_at_the_end", "there are no blocks and lists in `finally`", hint, key=True
            )
            return False
        if kind in _NOT_LAST:
            message = f"a step that uses {kind} cannot stand in `finally`"
            self.findings.error((*path, "uses"), "not_at_the_end", message, _NOT_LAST[kind])
            return False
        if getattr(step, "undo", None) is not None:
            message = "a last step is not taken back"
            self.findings.error((*path, "undo"), "not_at_the_end", message, "leave `undo:` out", key=True)
        return True


def with_defaults(step: Any, defaults: DefaultsShape) -> Any:
    """The step with what `defaults:` says of its kind where it says nothing itself."""
    usual: Shape | None = getattr(defaults, getattr(step, "uses", ""), None)
    if usual is None:
        return step
    target = step.with_ if step.uses in ("approval", "form") else step
    said = {name: getattr(usual, name) for name in usual.model_fields_set if name in type(target).model_fields}
    missing = {name: value for name, value in said.items() if name not in target.model_fields_set}
    if "retry" in said and "retry" in target.model_fields_set:
        own = {name: getattr(target.retry, name) for name in target.retry.model_fields_set}
        missing["retry"] = said["retry"].model_copy(update=own)
    changed = target.model_copy(update=missing)
    return changed if target is step else step.model_copy(update={"with_": changed})


def short_names(names: Sequence[str]) -> list[str]:
    """The last parts of names."""
    return [name.rpartition(".")[2] for name in names]
