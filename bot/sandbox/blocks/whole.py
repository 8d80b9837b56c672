"""Rules about a whole message or view: unique ids, one plan, one table, sums of characters, view titles."""

import json
from collections.abc import Iterator
from typing import Any

from bot.sandbox.blocks.elements import ELEMENTS
from bot.sandbox.blocks.kinds import HOME, MESSAGE, MODAL, Bool, Items, Kind, Problem, Shape, Str, Text
from bot.sandbox.blocks.walk import Walk, walk_blocks

MARKDOWN_MAX = 12_000
TABLE_MAX = 10_000
DATA_TABLE_MAX = 20_000
VIEW_BYTES_MAX = 250_000
METADATA_BYTES_MAX = 8_000

_TITLE = Text(24, plain_only=True)
_VIEW: dict[str, Kind] = {
    "private_metadata": Str(3000),
    "callback_id": Str(255),
    "external_id": Str(255),
}
_MODAL = Shape(
    fields={
        **_VIEW,
        "title": _TITLE,
        "submit": _TITLE,
        "close": _TITLE,
        "clear_on_close": Bool(),
        "notify_on_close": Bool(),
        "submit_disabled": Bool(),
    },
    required=("title", "blocks"),
)
_HOME = Shape(fields=_VIEW, required=("blocks",))


def problems(blocks: Any, surface: str = MESSAGE, pointer: str = "/blocks") -> list[Problem]:
    """Everything Slack would refuse about these blocks on a `message`, `modal` or `home`; empty when all is well."""
    found = walk_blocks(blocks, surface, pointer)
    if not isinstance(blocks, list):
        return found
    dicts = [(f"{pointer}/{n}", block) for n, block in enumerate(blocks) if isinstance(block, dict)]
    found += _repeated_ids(dicts)
    found += _one_of_each(dicts, pointer)
    found += _sums(dicts, pointer)
    return found


def view_problems(view: Any, pointer: str = "/view") -> list[Problem]:
    """Everything Slack would refuse about a modal or a Home."""
    if not isinstance(view, dict):
        return [Problem(pointer, "wrong_type", "must provide an object")]
    kind = view.get("type")
    if kind not in (MODAL, HOME):
        return [Problem(f"{pointer}/type", "unsupported_type", f"unsupported type: {kind}")]
    walk = Walk(kind)
    own = {name: value for name, value in view.items() if name != "blocks"}
    shape = _MODAL if kind == MODAL else _HOME
    walk.shape({**own, **({"blocks": None} if "blocks" not in view else {})}, _without_blocks(shape, view), pointer)
    found = walk.found + (problems(view["blocks"], kind, f"{pointer}/blocks") if "blocks" in view else [])
    if kind == MODAL and not view.get("submit") and _has_input(view.get("blocks")):
        found.append(Problem(pointer, "missing_field", "missing required field: submit (there are input blocks)"))
    return found


def view_too_large(view: dict[str, Any]) -> bool:
    return len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES_MAX


def metadata_problems(metadata: Any, pointer: str = "/metadata") -> list[Problem]:
    """What is wrong with the shape of message metadata; its size is asked separately."""
    if not isinstance(metadata, dict):
        return [Problem(pointer, "wrong_type", "must provide an object")]
    found = []
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        found.append(Problem(pointer, "missing_field", "missing required field: event_type"))
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict):
        return [*found, Problem(pointer, "missing_field", "missing required field: event_payload")]
    for name, value in payload.items():
        if not _flat_enough(value):
            where = f"{pointer}/event_payload/{name}"
            found.append(Problem(where, "failed_constraint", "must be a scalar, a flat object or an array of those"))
    return found


def metadata_too_large(metadata: dict[str, Any]) -> bool:
    return len(json.dumps(metadata).encode()) > METADATA_BYTES_MAX


def elements_of(value: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every element with an action id, with its pointer, in order."""
    if isinstance(value, dict):
        if value.get("type") in ELEMENTS:
            yield pointer, value
        for name, inner in value.items():
            yield from elements_of(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from elements_of(inner, f"{pointer}/{n}")


def _without_blocks(shape: Shape, view: dict[str, Any]) -> Shape:
    required = tuple(name for name in shape.required if name != "blocks" or "blocks" not in view)
    return Shape(fields={**shape.fields, "blocks": Items(Bool())}, required=required)


def _has_input(blocks: Any) -> bool:
    return any(isinstance(one, dict) and one.get("type") == "input" for one in blocks or [])


def _repeated_ids(blocks: list[tuple[str, dict[str, Any]]]) -> list[Problem]:
    found: list[Problem] = []
    block_ids: set[str] = set()
    task_ids: set[str] = set()
    for pointer, block in _flattened(blocks):
        found += _note(block_ids, block.get("block_id"), f"{pointer}/block_id", "block_id")
        if block.get("type") == "task_card":
            found += _note(task_ids, block.get("task_id"), f"{pointer}/task_id", "task_id")
        if block.get("type") in ("plan", "container", "carousel"):
            continue
        action_ids: set[str] = set()
        for where, element in elements_of(block, pointer):
            found += _note(action_ids, element.get("action_id"), f"{where}/action_id", "action_id")
    return found


def _note(seen: set[str], value: Any, pointer: str, name: str) -> list[Problem]:
    if not isinstance(value, str):
        return []
    if value in seen:
        return [Problem(pointer, "duplicate", f"{name} already exists: {value}")]
    seen.add(value)
    return []


def _flattened(blocks: list[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Blocks and the blocks inside them."""
    for pointer, block in blocks:
        yield pointer, block
        for name in ("child_blocks", "tasks", "elements"):
            inner = block.get(name)
            if block.get("type") not in ("container", "plan", "carousel") or not isinstance(inner, list):
                continue
            children = [(f"{pointer}/{name}/{n}", one) for n, one in enumerate(inner) if isinstance(one, dict)]
            yield from _flattened(children)


_MOST = {"plan": 1, "table": 1, "data_visualization": 2}


def _one_of_each(blocks: list[tuple[str, dict[str, Any]]], pointer: str) -> list[Problem]:
    kinds = [block.get("type") for _, block in _flattened(blocks)]
    return [
        Problem(pointer, "failed_constraint", f"no more than {most} {kind} block{'s'[: most - 1]} allowed per message")
        for kind, most in _MOST.items()
        if kinds.count(kind) > most
    ]


def _sums(blocks: list[tuple[str, dict[str, Any]]], pointer: str) -> list[Problem]:
    """Sums of characters over all blocks of a kind."""
    limits = {"markdown": MARKDOWN_MAX, "table": TABLE_MAX, "data_table": DATA_TABLE_MAX}
    totals = dict.fromkeys(limits, 0)
    for _, block in _flattened(blocks):
        kind = block.get("type")
        if kind == "markdown" and isinstance(block.get("text"), str):
            totals["markdown"] += len(block["text"])
        elif kind in ("table", "data_table"):
            totals[kind] += _characters(block.get("rows"))
    return [
        Problem(pointer, "failed_constraint", f"{kind} blocks must have less than {limit + 1} characters in all")
        for kind, limit in limits.items()
        if totals[kind] > limit
    ]


def _characters(value: Any) -> int:
    if isinstance(value, dict):
        return sum(
            len(inner) if name == "text" and isinstance(inner, str) else _characters(inner)
            for name, inner in value.items()
        )
    if isinstance(value, list):
        return sum(_characters(inner) for inner in value)
    return 0


def _flat_enough(value: Any, depth: int = 0) -> bool:
    if value is None or isinstance(value, str | int | float | bool):
        return True
    if isinstance(value, dict):
        return depth < 2 and all(not isinstance(one, dict | list) for one in value.values())
    if isinstance(value, list):
        return depth == 0 and all(_flat_enough(one, 1) for one in value)
    return False
