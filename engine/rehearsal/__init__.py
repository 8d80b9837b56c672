"""rehearsal: a workflow run for real, in a world that is made up.

The engine, its file and its rules are the real ones. Made up are the clock, which stands still until it is moved, what
steps outside would do, and who the people are. Nothing is sent anywhere.

    setting     a workflow put on stage
    stage       what people, programs and the clock do to a run
    standing    how it stands
    world       what outlives the engine: clock, fakes, people, and what was done so far
    fakes       what comes of attempts that would reach outside
    company     who somebody is, and whom a gate means
    moments     is anything under way, and when does the clock have something to say
    crashes     the same scenario again, with a crash at every commit
    story       a run's history in words
"""

from engine.rehearsal.crashes import Crashed, every_crash
from engine.rehearsal.fakes import Call, Given, Outcome, fails, gives, interrupted
from engine.rehearsal.setting import Unsound, rehearsal
from engine.rehearsal.stage import Rehearsal

__all__ = [
    "Call",
    "Crashed",
    "Given",
    "Outcome",
    "Rehearsal",
    "Unsound",
    "every_crash",
    "fails",
    "gives",
    "interrupted",
    "rehearsal",
]
