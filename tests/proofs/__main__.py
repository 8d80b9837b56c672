"""`python -m tests.proofs [--long] [--seed N] [PROOF…]`: tries to break what must never break, and tells how it went.

Each proof draws its chances from the seed, which stands in the table: the same seed tries the same again. The exit code
is 1 when a proof fails.

    catalogue    the proofs, and what each says
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.proofs.catalogue import LONG, PROOFS, SHORT, Proof

ROOT = Path(__file__).parents[2]
SEED_MAX = 2**24


@dataclass(frozen=True)
class Tried:
    """What became of a proof."""

    proof: Proof
    passed: int
    failed: int
    seconds: float
    code: int

    @property
    def result(self) -> str:
        if self.code == 0 and self.passed:
            return "holds"
        return "FAILED" if self.failed else "did not run"


def main() -> int:
    asked = _arguments()
    length = LONG if asked.long else SHORT
    seed = asked.seed if asked.seed is not None else int.from_bytes(os.urandom(3))
    found = []
    for proof in [one for one in PROOFS if not asked.proofs or one.name in asked.proofs]:
        print(f"\n{proof.name}: {proof.says}", flush=True)
        found.append(tried(proof, length, seed))
    print(f"\n{table(found, length, seed)}")
    return int(any(one.result != "holds" for one in found))


def tried(proof: Proof, length: str, seed: int) -> Tried:
    """Run the tests of a proof in a process of their own; what they print is passed on."""
    environment = {**os.environ, **proof.measure(length), "PROOF_SEED": str(seed)}
    command = [sys.executable, "-m", "pytest", *proof.tests, "-p", "no:cacheprovider", "--tb=short"]
    began, said = time.monotonic(), ""
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            said = f"{said[-2_000:]}{line}"
    return Tried(proof, *counted(said), time.monotonic() - began, process.returncode)


def counted(said: str) -> tuple[int, int]:
    """How many tests passed and failed, by the last words of pytest."""

    def number(word: str) -> int:
        found = re.findall(rf"(\d+) {word}", said)
        return int(found[-1]) if found else 0

    return number("passed"), number("failed") + number("error")


def table(found: list[Tried], length: str, seed: int) -> str:
    """The proofs with what was done and what came of it, and how to do the same again."""
    rows = [f"| proof ({length}) | seed | what was done | tests | seconds | result |", "|---|---:|---|---:|---:|---|"]
    for one in found:
        done = ", ".join(f"{name}={value}" for name, value in one.proof.measure(length).items()) or "as in the suite"
        tests = one.passed + one.failed
        rows.append(f"| {one.proof.name} | {seed} | {done} | {tests} | {one.seconds:.0f} | {one.result} |")
    again = f"Again: python -m tests.proofs --seed {seed}{' --long' if length == LONG else ''}"
    return "\n".join([*rows, "", again])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="prove", description="Try to break what must never break.")
    parser.add_argument("proofs", nargs="*", metavar="PROOF", help=f"of {', '.join(one.name for one in PROOFS)}")
    parser.add_argument("--long", action="store_true", help="everything, which takes hours")
    parser.add_argument("--seed", type=int, help=f"below {SEED_MAX:,}; another one each time when left out")
    asked = parser.parse_args()
    unknown = set(asked.proofs) - {one.name for one in PROOFS}
    if unknown:
        parser.error(f"there is no proof {', '.join(sorted(unknown))}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
