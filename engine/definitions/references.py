"""What a file's expressions refer to: every name must exist and be there where it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.definitions.outline import Outline
from engine.definitions.places import Place, Use
from engine.definitions.problem import Findings, did_you_mean, suggestion
from engine.definitions.scope import ITEM_PARTS, REVIEW_PARTS, RUN_FIELDS, STEP_PARTS, Names
from engine.definitions.step_shapes import BlockStep

# Where a secret may stand: in what is sent, never in what is stored, shown or computed with.
SECRET_PLACES = {
    "http": frozenset({"headers", "query", "json", "form", "body"}),
    "command": frozenset({"env"}),
    "webhook": frozenset({"verify"}),
}
_ELSEWHERE = {
    "item": ("`item` is an element of a list, and there is no list here", "it is there in a block with `foreach:`"),
    "review": (
        "`review` is only there in steps that are done again when people ask for changes",
        "write changes: {rerun: STEP} at the gate that reviews this",
    ),
    "event": ("`event` is only there in `on:`", "pass what is needed as an input: inputs: {topic: ${{ event.… }}}"),
    "response": ("`response` is only there in `poll:`", "write steps.NAME.output or steps.NAME.receipt"),
    "output": ("`output` is only there in `ensure:`", "write steps.NAME.output"),
}


class NameCheck:
    """Proves that every name in use stands for something."""

    def __init__(self, findings: Findings, names: Names, outline: Outline, whole: frozenset[str]) -> None:
        self.findings = findings
        self.outline = outline
        self.known: Mapping[str, Sequence[str]] = {
            "inputs": tuple(names.inputs),
            "settings": tuple(names.settings),
            "vars": tuple(names.vars),
            "secrets": names.secrets,
            "review": REVIEW_PARTS,
            "previous": ("outputs",),
        }
        self.whole = whole  # sections that could not be read at all: any name may be theirs

    def look(self, place: Place) -> None:
        for use in place.uses:
            strange = self._strange(place, use)
            if strange:
                place.strange.add(strange)

    def _strange(self, place: Place, use: Use) -> tuple[str, ...]:
        """The path that is wrong, once reported; empty when the name is good."""
        path = use.reference.path
        root = path[0]
        if root in place.extra or (place.roots and root in self.outline.elements(place.block)):
            return ()
        if root not in place.roots:
            self._no_root(place, use, root)
            return (root,)
        if root == "secrets":
            self._secret(place, use)
        if len(path) == 1:
            return self._whole_root(use, root)
        if root in self.whole:
            return path[:2]
        if root == "steps":
            return self._step(place, use)
        if root == "run":
            return self._run(place, use, path[1])
        return () if path[1] in self.known[root] else self._unknown(place, use, root, path[1])

    def _no_root(self, place: Place, use: Use, root: str) -> None:
        elements = self.outline.elements(place.block)
        own = [*elements, *sorted(place.extra)]
        site = self.outline.sites.get(place.owner)
        if site is not None and site.sugar and isinstance(site.step, BlockStep) and root == site.step.as_:
            message = f"this is asked once, before the list: there is no `{root}` yet"
            hint = (
                "to ask for each element, write a block: `steps:` below `foreach:`, and the condition at the step in it"
            )
        elif root == "item" and elements:
            message, hint = "there is no `item` here", f"elements are called `{next(iter(elements))}` here"
        elif "response" in place.extra:
            message, hint = f"there is no `{root}` here", "while it is asked again, only `response` is known"
        elif root in _ELSEWHERE:
            message, hint = _ELSEWHERE[root]
        elif (block := self._list_of(root)) is not None:
            message = f"`{root}` is an element of the list of `{block}`, and this stands outside"
            hint = f"outside, the results are there as a list: steps.{block.rpartition('.')[2]}.output"
        else:
            message, hint = f"there is no `{root}` here", self._root_hint(place, root, own)
        self._error(use, "unknown_name", message, hint)

    def _list_of(self, root: str) -> str | None:
        lists = (site for site in self.outline.sites.values() if site.loops)
        found = (site.name for site in lists if isinstance(site.step, BlockStep) and site.step.as_ == root)
        return next(found, None)

    def _root_hint(self, place: Place, root: str, own: Sequence[str]) -> str:
        if root in self.outline.visible(place.block) and "steps" in place.roots:
            return f"did you mean `steps.{root}.output`?"
        for owner in ("inputs", "vars", "settings"):
            if root in self.known[owner] and owner in place.roots:
                return f"did you mean `{owner}.{root}`?"
        order = [one for one in _ORDER if one in place.roots]
        return suggestion(root, [*order, *own], what="names")

    def _whole_root(self, use: Use, root: str) -> tuple[str, ...]:
        if root != "steps":
            return ()
        self._error(use, "step_not_named", "say which step", "write steps.NAME.output")
        return (root,)

    def _run(self, place: Place, use: Use, name: str) -> tuple[str, ...]:
        if name in RUN_FIELDS or (name == "outcome" and place.phase != "main"):
            return ()
        if name == "outcome":
            message = "how a run ends is known only when it is over: in `finally:` and `undo:`"
            self._error(use, "outcome_not_known", message, "use steps.NAME.status", 1)
        else:
            message = f"`run` has no field `{name}`"
            self._error(use, "unknown_run_field", message, suggestion(name, RUN_FIELDS, what="fields of `run`"), 1)
        return ("run", name)

    def _unknown(self, place: Place, use: Use, root: str, name: str) -> tuple[str, ...]:
        word = root.removesuffix("s")
        if root in ("review", "previous"):
            hint = suggestion(name, self.known[root], what=f"fields of `{root}`")
            self._error(use, f"unknown_{root}_field", f"`{root}` has no field `{name}`", hint, 1)
            return (root, name)
        steps = self.outline.visible(place.block) if "steps" in place.roots else []
        known = {**self.known, "steps": steps}
        hint = suggestion(name, known[root], what=root) if known[root] else _DECLARED[root].format(name)
        for other in ("inputs", "settings", "vars", "steps"):
            if other != root and name in known[other] and other in place.roots and "did you mean" not in hint:
                hint = f"there is `{other}.{name}`"
        self._error(use, f"unknown_{word}", f"there is no {_WORDS[root]} `{name}`", hint, 1)
        return (root, name)

    def _step(self, place: Place, use: Use) -> tuple[str, ...]:
        path = use.reference.path
        short = path[1]
        name = self.outline.resolve(short, place.block)
        if name is None:
            return self._no_step(place, use, short)
        owner = place.owner.removesuffix(":undo")
        if name == owner and place.phase != "undo" and place.block != owner:
            self._error(use, "self_reference", f"step `{short}` refers to itself", "name an earlier step")
            return path[:2]
        if owner.startswith(f"{name}.") or (name == owner and place.phase != "undo"):
            message = f"this stands inside of `{short}`, which ends only after it"
            self._error(use, "self_reference", message, "name a step of the same block, or one outside")
            return path[:2]
        site = self.outline.sites.get(name)
        if site is not None and site.phase == "finally" and place.phase != "finally":
            message = f"`{short}` is done when everything else is over"
            self._error(use, "not_done_yet", message, "name a step under `steps:`")
            return path[:2]
        if len(path) == 2:
            self._error(use, "step_part_missing", f"say which part of `{short}`", f"write steps.{short}.output")
            return ()
        return self._part(use, short, site.loops if site else True)

    def _no_step(self, place: Place, use: Use, short: str) -> tuple[str, ...]:
        inner = next((name for name in self.outline.sites if name.endswith(f".{short}")), None)
        if inner is None:
            return self._unknown(place, use, "steps", short)
        block = inner.rpartition(".")[0]
        message = f"`{short}` stands inside of `{block}`, and what is in a block is not seen from outside"
        outer = block.rpartition(".")[2]
        hint = f"give `{outer}` an `output:` that holds what is needed, and write steps.{outer}.output"
        self._error(use, "inside_of_block", message, hint, 1)
        return ("steps", short)

    def _part(self, use: Use, short: str, loops: bool) -> tuple[str, ...]:
        path = use.reference.path
        if use.part == "items" and not loops:
            message = f"`{short}` has no items: it is not done for the elements of a list"
            self._error(use, "unknown_step_part", message, f"write steps.{short}.output", 2)
            return path[:3]
        if use.part in STEP_PARTS or use.part == ITEM_PARTS:
            return ()
        near = did_you_mean(use.part, STEP_PARTS)
        rest = ".".join(path[2:])
        hint = near or f"write steps.{short}.output.{rest}"
        self._error(use, "unknown_step_part", f"a step has {', '.join(STEP_PARTS)}, and no `{use.part}`", hint, 2)
        return path[:3]

    def _secret(self, place: Place, use: Use) -> None:
        inner = use.path[len(place.base) :]
        where = inner[1] if inner[:1] == ("with",) and len(inner) > 1 else inner[0] if inner else ""
        if where in SECRET_PLACES.get(place.kind, ()):
            return
        hint = "secrets may stand in headers, query, json, form and body of http steps and in env of command steps"
        self._error(use, "secret_misplaced", "a secret would leak from here", hint)

    def _error(self, use: Use, code: str, message: str, hint: str, index: int = 0) -> None:
        self.findings.error(use.path, code, message, hint, offset=use.offset_of(index))


_DECLARED = {  # how the first of a section is written
    "inputs": "declare what a run is started with: inputs: {{{}: string}}",
    "steps": "there are no steps here",
    "settings": "declare what the operator is to give: settings: {{{}: string}}",
    "vars": "declare the constant: vars: {{{}: …}}",
    "secrets": 'declare where its value stands: secrets: {{{}: "env:NAME"}}',
}
_ORDER = ("inputs", "steps", "settings", "vars", "run", "secrets", "previous")
_WORDS = {
    "inputs": "input",
    "steps": "step",
    "settings": "setting",
    "vars": "constant",
    "secrets": "secret",
}
