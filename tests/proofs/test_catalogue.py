"""The list of proofs is whole, and what it prints can be believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.__main__ import Tried, counted, table
from tests.proofs.catalogue import LONG, PROOFS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")


def test_each_proof_has_tests_of_its_own() -> None:
    named = [path for proof in PROOFS for path in proof.tests]
    assert len(named) == len(set(named))
    assert [path for path in named if not (ROOT / path).is_file()] == []
    assert len({proof.name for proof in PROOFS}) == len(PROOFS)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_what_a_proof_sets_is_read_by_its_tests_and_the_page_tells_of_it(proof) -> None:
    read = "".join((ROOT / path).read_text() for path in proof.tests)
    for name in {*proof.short, *proof.long}:
        assert f'"{name}"' in read, f"{name} is read nowhere"
    assert f"| `{proof.name}` |" in PAGE


@pytest.mark.parametrize(
    ("said", "numbers"),
    [
        (".. [100%]\n2 passed in 61.60s (0:01:01)\n", (2, 0)),
        ("FAILED tests/a.py::test_b\n1 failed, 3 passed in 2s\n", (3, 1)),
        ("ERROR tests/a.py\n1 error in 0.2s\n", (0, 1)),
        ("no tests ran in 0.01s\n", (0, 0)),
    ],
)
def test_what_pytest_said_last_is_counted(said: str, numbers: tuple[int, int]) -> None:
    assert counted(said) == numbers


@pytest.mark.parametrize(
    ("passed", "failed", "code", "result"),
    [(3, 0, 0, "holds"), (3, 1, 1, "FAILED"), (0, 0, 5, "did not run"), (0, 0, 0, "did not run")],
)
def test_a_proof_that_did_not_run_does_not_hold(passed: int, failed: int, code: int, result: str) -> None:
    tried = Tried(PROOFS[0], passed, failed, 1.0, code)
    assert tried.result == result
    shown = table([tried], LONG, 5917)
    assert f"| everything | 5917 | CRASH_ALL=1 | {passed + failed} | 1 | {result} |" in shown
    assert shown.endswith("python -m tests.proofs --seed 5917 --long")
