"""Numbers for monitoring, as Prometheus reads them: what has happened since the start, and how things stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from engine.api import Engine
from store import pulse
from store.events import AttemptStarted, Event, RunFinished, RunStarted, StepFailed, StepSucceeded
from store.model import Millis, Run
from store.pulse import Pulse

ENDED = {StepSucceeded: "succeeded", StepFailed: "failed"}


@dataclass(slots=True)
class Tally:
    """Counts what was committed since the start."""

    runs_started: int = 0
    attempts: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    runs_ended: Counter[str] = field(default_factory=Counter)

    def note(self, run: Run, events: tuple[Event, ...]) -> None:
        """Hear of a commit. Called for every one: it looks at types and at nothing else."""
        for event in events:
            kind = type(event)
            if kind is AttemptStarted:
                self.attempts += 1
            elif kind is StepSucceeded or kind is StepFailed:
                self.steps[ENDED[kind]] += 1
            elif kind is RunStarted:
                self.runs_started += 1
            elif kind is RunFinished:
                self.runs_ended[run.status.value] += 1


class Metrics:
    """Measures an engine."""

    def __init__(self, engine: Engine, unsent: Callable[[], int]) -> None:
        self._engine = engine
        self._unsent = unsent
        self._tally = Tally()
        told = engine.committed

        def committed(run: Run, events: tuple[Event, ...]) -> None:
            self._tally.note(run, events)
            told(run, events)

        engine.committed = committed

    async def text(self) -> str:
        now = self._engine.clock.now()
        found = await self._engine.database.read(lambda tx: pulse.pulse(tx, now, self._engine.held))
        return "".join(_lines(self._tally, found, self._unsent(), now))


def _lines(tally: Tally, found: Pulse, unsent: int, now: Millis) -> Iterable[str]:
    yield from _one("info", "gauge", "Which version serves.", {f'{{version="{version("pointsman")}"}}': 1})
    yield from _one("runs_started_total", "counter", "Runs started since the service began.", {"": tally.runs_started})
    yield from _one("runs_ended_total", "counter", "Runs ended since then.", _by("status", tally.runs_ended))
    yield from _one("attempts_started_total", "counter", "Attempts at steps since then.", {"": tally.attempts})
    yield from _one("steps_ended_total", "counter", "Steps done since then.", _by("status", tally.steps))
    yield from _one("runs_open", "gauge", "Runs that have not ended.", _by("status", found.runs))
    yield from _one("gates_open", "gauge", "Questions that wait for people.", {"": found.gates})
    yield from _one("outbox_runs", "gauge", "Runs of which Slack does not show the latest.", {"": found.untold})
    yield from _one("messages_waiting", "gauge", "Messages that wait for Slack.", {"": unsent})
    late = 0 if found.due_at is None else max(0, now - found.due_at) / 1_000
    yield from _one("due_lateness_seconds", "gauge", "How long the step waits that is longest overdue.", {"": late})
    yield from _one("events_total", "counter", "Events in the record.", {"": found.events})


def _by(label: str, counts: Mapping[str, int]) -> dict[str, float]:
    return {f'{{{label}="{name}"}}': count for name, count in sorted(counts.items())}


def _one(name: str, kind: str, help_: str, values: Mapping[str, float]) -> Iterable[str]:
    yield f"# HELP pointsman_{name} {help_}\n# TYPE pointsman_{name} {kind}\n"
    for labels, value in values.items():
        yield f"pointsman_{name}{labels} {value}\n"
