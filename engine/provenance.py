"""Where a URL's host comes from: from the author and the operator, or from what people, models and callers wrote.

Authors may reach any public host. Whoever merely fills in an input may not: a host that data names has to be one that
the operator lists. What a service of the author's choice answered counts as the author's, as its redirects do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from engine.rules.expressions import ExpressionError, Reference, parse_template
from store.model import Json, Plan, StepPlan, block_of

_WITH_HOST = re.compile(r"https?://[^/?#\\\s]+[/?#]", re.IGNORECASE)  # the host is written out, and ends here
_OPEN = len("${{")
_AUTHORS = frozenset(("settings", "vars", "secrets", "run"))
_ANSWERS = frozenset(("http",))
_COMPUTED = frozenset(("transform", "python", "command", "block"))


def named_by(plan: Plan, spec: StepPlan, url: Json, scope: Mapping[str, Json]) -> str:
    """What in the data names the host of this URL, as it is written there; empty when nothing does.

    `scope` is what the URL is filled with: a setting may hold the whole beginning of it.
    """
    if not isinstance(url, str):
        return ""
    for placed in parse_template(url).expressions:
        found = next((one for one in placed.expression.references if _is_data(plan, spec.name, one, set())), None)
        if found is None:
            continue
        return "" if _WITH_HOST.match(_filled(url[: placed.offset - _OPEN], scope)) else ".".join(found.path)
    return ""


def named_in_file(plan: Plan, spec: StepPlan, url: Json, settings: Mapping[str, Json]) -> tuple[str, int]:
    """The same as far as the file alone proves it, and where in the URL it stands; empty when that hangs on a run."""
    if not isinstance(url, str):
        return "", 0
    for placed in parse_template(url).expressions:
        found = next((one for one in placed.expression.references if _is_data(plan, spec.name, one, set())), None)
        if found is None:
            continue
        offset = placed.offset - _OPEN
        beginning = parse_template(url[:offset])
        if any(one.path[0] not in ("settings", "vars") for one in beginning.references):
            return "", 0
        unset = dict.fromkeys(plan.settings, "https://set.by.operator") | dict(settings)
        named = _WITH_HOST.match(_filled(url[:offset], {"settings": unset, "vars": dict(plan.vars)}))
        return ("", 0) if named else (".".join(found.path), placed.offset)
    return "", 0


def _filled(beginning: str, scope: Mapping[str, Json]) -> str:
    try:
        return str(parse_template(beginning).fill(scope))
    except ExpressionError:
        return ""


def _is_data(plan: Plan, at: str, reference: Reference, seen: set[str]) -> bool:
    """Whether somebody else than author and operator wrote what is referred to; `at` is the step it stands in."""
    root, *rest = reference.path
    if root in _AUTHORS:
        return False
    if root == "inputs":
        return not rest or _is_free(plan.inputs.get(str(rest[0])))
    if root == "steps":
        return not rest or (rest[1:2] != ["status"] and _is_from_data(plan, _step(plan, at, str(rest[0])), seen))
    if root in ("review", "previous"):
        return True
    return any(_is_data(plan, block, one, seen) for block, one in _of_lists(plan, at, root))


def _is_free(schema: Json) -> bool:
    """Whether an input may be anything: not where the author lists what it may be."""
    if not isinstance(schema, Mapping):
        return True
    return not ("enum" in schema or "const" in schema or schema.get("type") == "boolean")


def _is_from_data(plan: Plan, spec: StepPlan | None, seen: set[str]) -> bool:
    """Whether the result of a step is made of what somebody else wrote."""
    if spec is None:
        return True
    if spec.uses in _ANSWERS or spec.name in seen:
        return False
    if spec.uses not in _COMPUTED:
        return True  # people, models and other runs write what they like
    seen.add(spec.name)
    within = (_is_from_data(plan, one, seen) for one in plan.within(spec.name))
    return any(_is_data(plan, spec.name, one, seen) for one in _reads(spec)) or any(within)


def _reads(spec: StepPlan) -> Iterable[Reference]:
    each = () if spec.fanout is None else parse_template(_marked(spec.fanout.each)).references
    return (*parse_template(spec.with_).references, *each)


def _marked(text: str) -> str:
    return text if "${{" in text else f"${{{{ {text} }}}}"


def _step(plan: Plan, at: str, name: str) -> StepPlan | None:
    """The step of this name as it is seen from a step: beside it, or further out."""
    block = at if plan.knows(at) and plan.step(at).uses == "block" else block_of(at)
    while True:
        path = f"{block}.{name}" if block else name
        if plan.knows(path):
            return plan.step(path)
        if not block:
            return None
        block = block_of(block)


def _of_lists(plan: Plan, at: str, name: str) -> Iterator[tuple[str, Reference]]:
    """What the list is made from whose elements have this name where a step stands."""
    block = at
    while block:
        spec = plan.step(block) if plan.knows(block) else None
        if spec is not None and spec.fanout is not None and spec.fanout.as_ == name:
            yield from ((block_of(block), one) for one in parse_template(_marked(spec.fanout.each)).references)
            return
        block = block_of(block)
