"""Marking of answers: what must be said, what must not, and how it compares with the last time."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from typing_extensions import TypedDict

from engine.kit import NonRetryable, effect

HERE = Path(__file__).resolve().parent
BAR = 20  # characters of a full bar
LEFT, WIDE, ROW = 120, 320, 40  # of the picture, in pixels: before the bars, a full bar, from one question to the next
BLUE, GREY = "#2456b8", "#9aa5b4"


class Case(TypedDict):
    id: str
    question: str
    needs: list[str]
    never: list[str]


class Mark(TypedDict):
    id: str
    current: float
    candidate: float
    missing: list[str]


class Scores(TypedDict):
    current: float
    candidate: float


class Comparison(TypedDict):
    scores: Scores
    worse: list[str]
    chart: str  # for messages
    picture: str  # the same as SVG, for pages


@effect("pure")
def load(file: str) -> list[Case]:
    """The questions of a file, each with what a good answer needs and what it must never say."""
    path = (HERE / file).resolve()
    if not path.is_relative_to(HERE) or not path.is_file():
        raise NonRetryable(f"there is no file {file} in the workflows folder")
    written: list[Case] = json.loads(path.read_text("utf-8"))
    cases = [
        Case(id=one["id"], question=one["question"], needs=one["needs"], never=one.get("never", [])) for one in written
    ]
    if not cases:
        raise NonRetryable(f"{file} holds no questions")
    return cases


@effect("pure")
def mark(case: Case, current: str, candidate: str) -> Mark:
    """The share of what each answer needs and has; nothing at all for one that says what must never be said."""
    return {
        "id": case["id"],
        "current": _share(case, current),
        "candidate": _share(case, candidate),
        "missing": [need for need in case["needs"] if need.lower() not in candidate.lower()],
    }


def _share(case: Case, answer: str) -> float:
    said = answer.lower()
    if any(word.lower() in said for word in case["never"]):
        return 0.0
    return sum(need.lower() in said for need in case["needs"]) / len(case["needs"])


@effect("pure")
def compare(marks: list[Mark], before: Scores | None = None) -> Comparison:
    """Both scores, the questions that the candidate answers worse, and charts for messages and for pages."""
    if not marks:
        raise NonRetryable("no question was answered by both models, so there is nothing to compare")
    scores: Scores = {
        "current": round(sum(one["current"] for one in marks) / len(marks), 3),
        "candidate": round(sum(one["candidate"] for one in marks) / len(marks), 3),
    }
    worse = [one["id"] for one in marks if one["candidate"] < one["current"]]
    chart = _chart(marks, scores, before)
    return {"scores": scores, "worse": worse, "chart": chart, "picture": _picture(marks, scores, before)}


def _chart(marks: list[Mark], scores: Scores, before: Scores | None) -> str:
    width = max(len("candidate"), *(len(one["id"]) for one in marks))
    lines = [f"{'':{width}}  {'candidate':{BAR}}        today"]
    lines += [_line(one["id"], one["candidate"], one["current"], width) for one in marks]
    lines += ["", _line("all", scores["candidate"], scores["current"], width)]
    if before is None:
        return "\n".join([*lines, "There is no last time to compare with."])
    return "\n".join(
        [*lines, f"Last time: {_change(scores, before, 'candidate')}, {_change(scores, before, 'current')}."]
    )


def _line(name: str, candidate: float, current: float, width: int) -> str:
    filled = round(candidate * BAR)
    return f"{name:{width}}  {'█' * filled}{'░' * (BAR - filled)}  {candidate:4.0%}  {current:4.0%}"


def _change(scores: Scores, before: Scores, which: str) -> str:
    now, then = scores[which], before[which]  # type: ignore[literal-required]
    arrow = "→" if now == then else "↑" if now > then else "↓"
    return f"{'candidate' if which == 'candidate' else 'today'} {then:.0%} {arrow} {now:.0%}"


def _picture(marks: list[Mark], scores: Scores, before: Scores | None) -> str:
    """Two bars for each question and for all of them; a line in the last two stands where they ended the last time."""
    rows: list[tuple[str, Scores]] = [
        (one["id"], {"current": one["current"], "candidate": one["candidate"]}) for one in marks
    ]
    parts = ['<rect width="100%" height="100%" fill="#ffffff"/>']
    for left, what, colour in ((LEFT, "candidate", BLUE), (LEFT + 100, "today", GREY)):
        parts.append(f'<rect x="{left}" y="14" width="11" height="11" fill="{colour}"/>')
        parts.append(f'<text x="{left + 17}" y="24">{what}</text>')
    for number, (name, of) in enumerate([*rows, ("all", scores)]):
        top = 42 + ROW * number + (10 if name == "all" else 0)
        parts.append(f'<text x="{LEFT - 10}" y="{top + 18}" text-anchor="end">{escape(name)}</text>')
        parts.append(_bar(top, of["candidate"], BLUE) + _bar(top + 14, of["current"], GREY))
        if name == "all" and before is not None:
            parts.append(_last_time(top, before["candidate"]) + _last_time(top + 14, before["current"]))
    height = 42 + ROW * (len(rows) + 1) + 30
    note = "The dark lines show where they ended the last time." if before else "There is no last time to compare with."
    parts.append(f'<text x="{LEFT}" y="{height - 10}" fill="#4b5563">{note}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDE + 70}" height="{height}" fill="#1f2937" '
        f'font-family="DejaVu Sans, Verdana, sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


def _bar(top: int, share: float, colour: str) -> str:
    return (
        f'<rect x="{LEFT}" y="{top}" width="{max(1, round(share * WIDE))}" height="11" fill="{colour}"/>'
        f'<text x="{LEFT + round(share * WIDE) + 8}" y="{top + 10}" font-size="11">{share:.0%}</text>'
    )


def _last_time(top: int, share: float) -> str:
    return f'<rect x="{LEFT + round(share * WIDE) - 1}" y="{top - 2}" width="3" height="15" fill="#111827"/>'
