"""Figures: every number by name, with its unit and its goal, and how samples become one number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a figure says. `goal` is the most it should be, or the least where more is better."""

    unit: str
    what: str
    goal: float | None = None
    better: Literal["less", "more"] = "less"


MEANINGS: dict[str, Meaning] = {
    "condition_us": Meaning("µs", "processor time of a condition, from its text to true or false, in a large run", 5),
    "w3_steps_per_second": Meaning("steps/s", "runs of three no-op steps, all started at once", 10_000, "more"),
    "w3_cpu_us_per_step": Meaning("µs", "processor time of the whole process for one of these steps"),
    "w3_idle_ms_p50": Meaning("ms", "one such run on an idle engine, start to end", 5),
    "w3_idle_ms_p99": Meaning("ms", "the same, the slowest of a hundred"),
    "file_bytes_per_run": Meaning("bytes", "what a finished run of three steps adds to the file"),
    "decision_to_step_ms_p50": Meaning("ms", "a decision handed in, until the next step's activity is entered", 3),
    "decision_to_step_ms_p99": Meaning("ms", "the same, the slowest of a hundred", 20),
    "fanout_100_ms": Meaning("ms", "a hundred steps side by side and their join, start to end", 50),
    "receipt_under_load_ms_p99": Meaning("ms", "a delivery is on disk, while 1,000 runs a minute come in", 150),
    "parked_1k_mb": Meaning("MB", "memory that 1,000 runs parked at gates add"),
    "parked_10k_mb": Meaning("MB", "memory that 10,000 runs parked at gates add", 20),
    "parked_10k_restarted_mb": Meaning("MB", "memory that they hold after a restart"),
    "parked_10k_cpu_percent": Meaning("%", "of one processor, that they use by waiting", 1),
    "restart_1k_s": Meaning("s", "1,000 parked, kill -9: process start to first decision acted on", 1.5),
    "restart_100k_s": Meaning("s", "the same with 100,000 parked", 2),
    "start_up_s": Meaning("s", "pointsman serve: process start to serving, imports included", 1.5),
    "start_up_engine_s": Meaning("s", "the same without Slack: only the engine"),
    "version_s": Meaning("s", "pointsman --version", 0.3),
    "status_1m_ms": Meaning("ms", "one run looked up by name among 1,000,000 finished", 10),
    "list_1m_ms": Meaning("ms", "the newest 50 runs among 1,000,000 finished"),
    "file_bytes_per_run_1m": Meaning("bytes", "size of the file with 1,000,000 finished runs, for each"),
    "w3_steps_per_second_1m_finished": Meaning("steps/s", "W3 beside 1,000,000 finished runs", None, "more"),
    "decision_to_step_ms_p50_1m_finished": Meaning("ms", "a decision beside 1,000,000 finished runs"),
    "w3_steps_per_second_100k_parked": Meaning("steps/s", "W3 beside 100,000 parked runs", None, "more"),
    "decision_to_step_ms_p50_100k_parked": Meaning("ms", "a decision beside 100,000 parked runs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of ours beside the limit and the peers. Low and high are the quartiles of the samples."""

    name: str
    ours: float
    limit: float | None
    repetitions: int
    low: float
    high: float
    synchronous: str
    note: str = ""
    peers: Mapping[str, float] = field(default_factory=dict)

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[self.name]

    @property
    def ratio(self) -> float | None:
        """Ours over the limit; None when there is no limit to speak of."""
        return self.ours / self.limit if self.limit else None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        goal = self.meaning.goal
        if goal is None:
            return None
        return self.ours >= goal if self.meaning.better == "more" else self.ours < goal

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ours": rounded(self.ours),
            "unit": self.meaning.unit,
            "limit": None if self.limit is None else rounded(self.limit),
            "peers": {peer: rounded(value) for peer, value in self.peers.items()},
            "repetitions": self.repetitions,
            "spread": rounded(self.high - self.low),
            "synchronous": self.synchronous,
            "low": rounded(self.low),
            "high": rounded(self.high),
            "ratio": None if self.ratio is None else rounded(self.ratio),
            "goal": self.meaning.goal,
            "reached": self.reached,
            "what": self.meaning.what,
            "note": self.note,
        }


def figure(
    name: str,
    samples: Sequence[float],
    limits: Sequence[float] = (),
    *,
    synchronous: str,
    at: float = 0.5,
    note: str = "",
) -> Figure:
    """A figure from samples of ours and of the limit, both at the same quantile (0.5 is the median)."""
    if name not in MEANINGS:
        raise KeyError(f"{name} has no meaning yet: add it to MEANINGS")
    return Figure(
        name=name,
        ours=quantile(samples, at),
        limit=quantile(limits, at) if limits else None,
        repetitions=len(samples),
        low=quantile(samples, 0.25),
        high=quantile(samples, 0.75),
        synchronous=synchronous,
        note=note,
    )


def quantile(samples: Sequence[float], at: float) -> float:
    """The sample below which this share of all samples lies; the median is the middle one."""
    if at == 0.5:
        return median(samples)
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(at * len(ordered)))]


def rounded(value: float) -> float:
    """Four significant digits: more would only be noise."""
    return float(f"{value:.4g}")
