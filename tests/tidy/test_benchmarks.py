"""The benchmarks run, and what they write can be read by who compares figures. No figure is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import MEANINGS, figure

ROOT = Path(__file__).parents[2]
PROMISED = {
    "w3_steps_per_second",
    "w3_idle_ms_p50",
    "decision_to_step_ms_p50",
    "decision_to_step_ms_p99",
    "fanout_100_ms",
    "parked_1k_mb",
    "parked_10k_mb",
    "parked_10k_cpu_percent",
    "restart_1k_s",
    "start_up_s",
    "version_s",
    "status_1m_ms",
    "file_bytes_per_run",
}
KEYS = {"name", "ours", "unit", "limit", "peers", "repetitions", "spread", "synchronous"}
# The other areas start processes of their own.
IN_PROCESS = ("conditions", "w3", "gates", "fanout", "load", "finished", "growth")


def test_every_promised_figure_has_a_meaning() -> None:
    assert MEANINGS.keys() >= PROMISED


def test_the_benchmarks_run_and_write_one_object_for_each_figure(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    areas = [word for area in IN_PROCESS for word in ("--only", area)]
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--no-peers", "--json", str(file), *areas]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    written = {one["name"]: one for one in json.loads(file.read_text())}
    others = ("parked_1k", "parked_10k", "restart_", "start_up", "version_")
    assert written.keys() == {name for name in MEANINGS if not name.startswith(others)}
    for name, one in written.items():
        assert one.keys() >= KEYS, name
        assert one["unit"] == MEANINGS[name].unit
        assert one["synchronous"] == "full"
        assert one["ours"] > 0, name
        assert one["repetitions"] >= 1
        assert name in done.stdout
    assert written["w3_steps_per_second"]["limit"] > 0


def test_a_figure_is_the_median_with_its_quartiles_and_its_ratio_to_the_limit() -> None:
    told = figure("w3_idle_ms_p50", [9, 1, 2, 3, 4], [1, 2, 3], synchronous="full").as_json()
    assert (told["ours"], told["low"], told["high"], told["spread"]) == (3, 2, 4, 2)
    assert (told["limit"], told["ratio"], told["repetitions"]) == (2, 1.5, 5)
    assert told["goal"] == 5
    assert told["reached"] is True


def test_where_more_is_better_a_goal_is_a_least() -> None:
    slow = figure("w3_steps_per_second", [9_999], synchronous="full")
    fast = figure("w3_steps_per_second", [10_000], synchronous="full")
    assert (slow.reached, fast.reached) == (False, True)
    assert slow.as_json()["limit"] is None
