"""A picture of a workflow, or of a run of it, as SVG: what needs what, and how far it has come.

A state is told by a word and a mark besides its colour. Steps stand in columns: each right of all that it needs. A
block is a frame around its steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from store.model import Plan, StepPlan

BOX_WIDTH, BOX_HEIGHT = 168, 46
GAP_X, GAP_Y, MARGIN, FRAME_TOP = 56, 18, 20, 26
LABEL_CHARS = 22

# fill, line and mark of each state; the colours keep 4.5:1 against the text in both schemes of most mail programs
LOOKS: Mapping[str, tuple[str, str, str]] = {
    "": ("#ffffff", "#8d99ae", ""),
    "pending": ("#ffffff", "#8d99ae", "○"),
    "ready": ("#eef4ff", "#3b6fd4", "…"),
    "running": ("#eef4ff", "#3b6fd4", "▶"),
    "waiting": ("#fff6e0", "#b7791f", "‖"),
    "succeeded": ("#eaf7ee", "#2f855a", "✓"),
    "failed": ("#fdecec", "#c53030", "✗"),
    "unknown": ("#fdecec", "#c53030", "?"),
    "skipped": ("#f4f4f5", "#8d99ae", "–"),
    "cancelled": ("#f4f4f5", "#8d99ae", "■"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A step or a block with its place in the picture; `x` and `y` are those of the frame it stands in."""

    spec: StepPlan
    x: int
    y: int
    width: int
    height: int
    parts: tuple[Part, ...] = ()


def picture(plan: Plan, states: Mapping[str, str] | None = None) -> str:
    """The picture of a plan; with `states` (by step) that of a run."""
    parts, width, height = _laid_out(plan, "")
    body = "".join(_drawn(plan, part, MARGIN, MARGIN, states or {}) for part in parts)
    size = f'width="{width + 2 * MARGIN}" height="{height + 2 * MARGIN}"'
    title = escape(f"{plan.workflow}: {_told(plan, states)}" if states else plan.workflow)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width + 2 * MARGIN} {height + 2 * MARGIN}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="13"><title>{title}</title>'
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#6b7280"/></marker></defs>'
        f'<rect width="100%" height="100%" fill="#ffffff"/>{body}</svg>'
    )


def _told(plan: Plan, states: Mapping[str, str] | None) -> str:
    return ", ".join(f"{spec.name} {state}" for spec in plan.steps if (state := (states or {}).get(spec.name)))


def _laid_out(plan: Plan, block: str) -> tuple[tuple[Part, ...], int, int]:
    """The parts of a block, or of the whole workflow, and the room that they take."""
    specs = plan.within(block)
    columns: dict[int, list[StepPlan]] = {}
    for spec in specs:
        columns.setdefault(_column(plan, spec, {one.name for one in specs}), []).append(spec)
    parts: list[Part] = []
    x = height = 0
    for n in sorted(columns):
        y = width = 0
        for spec in columns[n]:
            inner, inner_width, inner_height = _laid_out(plan, spec.name) if spec.uses == "block" else ((), 0, 0)
            wide, high = (inner_width + 24, inner_height + FRAME_TOP + 12) if inner else (BOX_WIDTH, BOX_HEIGHT)
            parts.append(Part(spec, x, y, wide, high, inner))
            y, width = y + high + GAP_Y, max(width, wide)
        x, height = x + width + GAP_X, max(height, y - GAP_Y)
    return tuple(parts), max(0, x - GAP_X), height


def _column(plan: Plan, spec: StepPlan, names: set[str]) -> int:
    """One more than the furthest of what a step needs; the last steps stand right of everything else."""
    needed = [_column(plan, plan.step(edge.step), names) for edge in spec.needs if edge.step in names]
    column = max(needed, default=-1) + 1
    if spec.phase == "finally":
        others = [_column(plan, one, names) for one in plan.within("") if one.phase == "main"]
        return max(others, default=-1) + 1 + column
    return column


def _drawn(plan: Plan, part: Part, left: int, top: int, states: Mapping[str, str]) -> str:
    x, y, spec = left + part.x, top + part.y, part.spec
    state = states.get(spec.name, "")
    fill, line, mark = LOOKS.get(state, LOOKS[""])
    dash = ' stroke-dasharray="5 4"' if spec.when is not None else ""
    corner = 18 if spec.uses in ("approval", "form") else 8
    box = (
        f'<rect x="{x}" y="{y}" width="{part.width}" height="{part.height}" rx="{corner}" fill="{fill}" '
        f'stroke="{line}" stroke-width="1.5"{dash}/>'
    )
    name = escape(_short(spec.title or spec.name.rpartition(".")[2].replace("_", " ")))
    under = escape(f"{spec.uses}{' each' if spec.fanout else ''}{' · ' + state if state else ''}")
    if part.parts:
        label = f'<text x="{x + 12}" y="{y + 18}" font-weight="600" fill="#1f2937">{mark} {name}</text>'
        inner = "".join(_drawn(plan, one, x + 12, y + FRAME_TOP, states) for one in part.parts)
        return box + label + inner + _arrows(plan, part, left, top)
    words = (
        f'<text x="{x + 12}" y="{y + 19}" font-weight="600" fill="#1f2937">{mark} {name}</text>'
        f'<text x="{x + 12}" y="{y + 36}" font-size="11" fill="#4b5563">{under}</text>'
    )
    return box + words + _arrows(plan, part, left, top)


def _arrows(plan: Plan, part: Part, left: int, top: int) -> str:
    from_parts = {one.spec.name: one for one in _laid_out(plan, part.spec.name.rpartition(".")[0])[0]}
    arrows = ""
    for edge in part.spec.needs:
        other = from_parts.get(edge.step)
        if other is None:
            continue
        x1, y1 = left + other.x + other.width, top + other.y + min(other.height, BOX_HEIGHT) // 2
        x2, y2 = left + part.x, top + part.y + min(part.height, BOX_HEIGHT) // 2
        bend = (x1 + x2) // 2
        arrows += (
            f'<path d="M{x1} {y1} C{bend} {y1} {bend} {y2} {x2 - 2} {y2}" fill="none" stroke="#6b7280" '
            'stroke-width="1.3" marker-end="url(#tip)"/>'
        )
    return arrows


def _short(text: str) -> str:
    return text if len(text) <= LABEL_CHARS else f"{text[: LABEL_CHARS - 1]}…"
