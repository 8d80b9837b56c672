"""Sizes: how much of everything is measured. The names of figures speak of the full sizes; notes tell the real ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Counts are runs unless they say otherwise."""

    repetitions: int  # of what takes long as a whole
    w3_runs: int  # at once
    idle_runs: int  # one after the other
    decisions: int
    fanouts: int
    fan: int  # steps side by side
    parked_small: int
    parked_large: int
    idle_seconds: float  # for which the processor's use by parked runs is watched
    restarts: int
    restart_small: int
    restart_large: int
    originals: int  # that are lived through before they are copied
    finished: int
    looks: int
    grown_parked: int
    load_seconds: float
    peer_runs: int
    peer_singles: int
    peer_parked: int


FULL = Sizes(
    repetitions=5,
    w3_runs=1_000,
    idle_runs=500,
    decisions=500,
    fanouts=20,
    fan=100,
    parked_small=1_000,
    parked_large=10_000,
    idle_seconds=10,
    restarts=5,
    restart_small=1_000,
    restart_large=100_000,
    originals=1_000,
    finished=1_000_000,
    looks=500,
    grown_parked=100_000,
    load_seconds=15,
    peer_runs=1_000,
    peer_singles=50,
    peer_parked=1_000,
)

QUICK = Sizes(
    repetitions=3,
    w3_runs=1_000,
    idle_runs=100,
    decisions=100,
    fanouts=5,
    fan=100,
    parked_small=1_000,
    parked_large=10_000,
    idle_seconds=2,
    restarts=3,
    restart_small=1_000,
    restart_large=20_000,
    originals=1_000,
    finished=20_000,
    looks=100,
    grown_parked=20_000,
    load_seconds=3,
    peer_runs=100,
    peer_singles=10,
    peer_parked=0,
)

TINY = Sizes(
    repetitions=1,
    w3_runs=4,
    idle_runs=2,
    decisions=2,
    fanouts=1,
    fan=5,
    parked_small=2,
    parked_large=4,
    idle_seconds=0.05,
    restarts=1,
    restart_small=2,
    restart_large=4,
    originals=2,
    finished=8,
    looks=2,
    grown_parked=8,
    load_seconds=0.1,
    peer_runs=2,
    peer_singles=1,
    peer_parked=0,
)
"""Everything once: shows that it runs, and says nothing about speed."""
