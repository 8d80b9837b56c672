"""Marking of answers: what must be said, what must not, and how it compares with the last time."""

from __future__ import annotations

import json
from pathlib import Path

from typing_extensions import TypedDict

from engine.kit import NonRetryable, effect

HERE = Path(__file__).resolve().parent
BAR = 20  # characters of a full bar


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
    chart: str


@effect("pure")
def load(file: str) -> list[Case]:
    """The questions of a file, each with what a good answer needs and what it must never say."""
    path = (HERE / file).resolve()
    if not path.is_relative_to(HERE) or not path.is_file():
        raise NonRetryable(f"there is no file {file} in the workflows folder")
    cases = [Case(**{"never": [], **case}) for case in json.loads(path.read_text("utf-8"))]
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
    """Both scores, the questions that the candidate answers worse, and a chart that stands well in a message."""
    if not marks:
        raise NonRetryable("no question was answered by both models, so there is nothing to compare")
    scores: Scores = {
        "current": round(sum(one["current"] for one in marks) / len(marks), 3),
        "candidate": round(sum(one["candidate"] for one in marks) / len(marks), 3),
    }
    worse = [one["id"] for one in marks if one["candidate"] < one["current"]]
    return {"scores": scores, "worse": worse, "chart": _chart(marks, scores, before)}


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
