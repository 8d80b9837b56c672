"""The proofs: what each says about Pointsman, which tests it is, and how much of it a short and a long run do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SHORT, LONG = "short", "long"


@dataclass(frozen=True)
class Proof:
    """Something that is shown by trying it, again and again, with chances drawn from a seed."""

    name: str
    says: str
    tests: tuple[str, ...]
    short: Mapping[str, str] = field(default_factory=dict)  # environment variables that set how much is done
    long: Mapping[str, str] = field(default_factory=dict)

    def measure(self, length: str) -> Mapping[str, str]:
        return self.long if length == LONG else self.short


PROOFS = (
    Proof(
        "everything",
        "Killed around any commit, call or answer, a run with every kind of step ends as if nothing had happened: "
        "effects once, threads whole, nothing acknowledged lost.",
        ("tests/crash/test_everything_killed.py",),
        {"CRASH_POINTS": "12"},
        {"CRASH_ALL": "1"},
    ),
    Proof(
        "service",
        "Killed at any point between Slack, its people and the record, the service tells everybody everything once.",
        ("tests/crash/test_kill_service.py",),
        {},
        {"CRASH_ALL": "1"},
    ),
    Proof(
        "engine",
        "Killed before and after every commit, again and again, the engine ends what it began.",
        ("tests/crash/test_kill_anywhere.py",),
    ),
    Proof(
        "soak",
        "With many runs in flight and many deaths, each effect takes place once and each run ends.",
        ("tests/crash/test_soak.py",),
        {"SOAK_RUNS": "100", "SOAK_KILLS": "8"},
        {"SOAK_RUNS": "10000", "SOAK_KILLS": "60"},
    ),
    Proof(
        "power",
        "When the power goes, only whole commits are lost, none of them answered, and no value that a commit names.",
        ("tests/crash/test_power_loss.py",),
        {"POWER_RUNS": "4"},
        {"POWER_RUNS": "20", "POWER_CUTS": "20"},
    ),
    Proof(
        "races",
        "Of two things at the same moment one wins, and whoever lost is told what is so.",
        ("tests/crash/test_races.py",),
    ),
    Proof(
        "clients",
        "Whoever asks the service from another process, and is killed over it, has asked once or not at all.",
        ("tests/crash/test_kill_clients.py",),
    ),
    Proof(
        "sandbox",
        "A sandbox that is killed in the middle of a run comes back, and no message is missing or doubled.",
        ("tests/crash/test_kill_sandbox.py",),
    ),
)
