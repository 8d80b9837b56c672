"""The trial: tests that are collected once judge mutant after mutant, each in a process of its own.

Three things make it quick. A mutant is put in place by giving functions that are imported already another code, so
nothing is imported again. It is judged by the tests that reach its lines, the quickest first, until one fails. And a
fork starts with all tests collected. Run as `python -m tests.mutation.trial OUT MODULE… -- TEST…` in a copy.
"""

from __future__ import annotations

import ast
import functools
import gc
import json
import os
import resource
import signal
import sys
import time
import types
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.swapping import Swap, parsed

KILLED, SURVIVED, UNCHANGED, BROKEN = 10, 11, 12, 13  # exit codes of a judge
EXAMPLES = 5
SECONDS = 2  # of processor time that a test gets beyond what it took without a mutant; whoever needs more hangs
MEMORY = 1_500_000_000  # bytes that a judge may have


@dataclass
class Trial:
    """A pytest plugin: instead of running the tests, it tries every mutant with them."""

    root: Path
    modules: list[str]
    out: Path
    reached: dict[str, dict[int, set[int]]] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    killers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """Only whether it passed: nobody reads why a mutant was killed."""
        passed = call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception)
        outcome: Any = "passed" if passed else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when or "call")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for item in session.items:
            _few_examples(item)
        trees = {module: parsed(self.root, module) for module in self.modules}
        swap = Swap(self.root, self.modules)
        self._look(session.items, swap)
        _caches()
        gc.collect()
        gc.freeze()  # a fork shares what nobody touches
        with self.out.open("w") as out:
            for module, tree in trees.items():
                print(module, file=sys.stderr, flush=True)
                for one in mutants(module, tree):
                    verdict = self._judged(one, session.items, swap, trees)
                    out.write(
                        json.dumps({"module": module, "name": one.name, "line": one.lines.start, **verdict}) + "\n"
                    )
                    out.flush()
        return True

    # What the tests reach --------------------------------------------------------------------------------------------

    def _look(self, items: list[pytest.Item], swap: Swap) -> None:
        """Runs all tests once and notes the lines they reach; in a process of its own, so that nothing is warm."""
        file = self.out.with_suffix(".reached")
        if (child := os.fork()) == 0:
            _quiet()
            seen: dict[str, dict[int, list[int]]] = {name: defaultdict(list) for name in swap.files.values()}
            took, failed = [], []
            for index, item in enumerate(items):
                began = time.process_time()
                passed, lines = _traced(item, items[index + 1] if index + 1 < len(items) else None, swap.files)
                took.append(time.process_time() - began)
                if not passed:
                    failed.append(item.nodeid)
                for name, numbers in lines.items():
                    for number in numbers:
                        seen[name][number].append(index)
            file.write_text(json.dumps({"seen": seen, "took": took, "failed": failed}))
            os._exit(0)
        os.waitpid(child, 0)
        looked = json.loads(file.read_text())
        if looked["failed"]:
            raise pytest.UsageError("these tests fail without any mutant: " + ", ".join(looked["failed"]))
        self.took = looked["took"]
        self.reached = {
            name: {int(line): set(tests) for line, tests in lines.items()} for name, lines in looked["seen"].items()
        }

    def _judges(self, mutant: Mutant) -> list[int]:
        """The tests that reach it: the quickest first, and what killed its neighbours before its turn."""
        lines = self.reached[mutant.module]
        reaching = {test for line in mutant.lines for test in lines.get(line, ())}
        kills = self.killers[f"{mutant.module}.{mutant.function}"]
        return sorted(reaching, key=lambda test: (self.took[test] / (1 + 3 * kills[test]), test))

    # One mutant ------------------------------------------------------------------------------------------------------

    def _judged(
        self, mutant: Mutant, items: list[pytest.Item], swap: Swap, trees: dict[str, Any]
    ) -> dict[str, str | None]:
        judges = self._judges(mutant)
        if not judges:
            return {"verdict": "unreached", "by": None}
        reading, writing = os.pipe()
        if (child := os.fork()) == 0:
            code = BROKEN
            try:
                _quiet()
                code = self._judge(mutant, judges, items, swap, trees[mutant.module], writing)
            finally:
                os._exit(code)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        killer = os.read(reading, 20)
        os.close(reading)
        if os.WIFSIGNALED(status):
            return {"verdict": "killed", "by": "it hangs or crashes"}
        if killer:
            self.killers[f"{mutant.module}.{mutant.function}"][int(killer)] += 1
            return {"verdict": "killed", "by": items[int(killer)].nodeid}
        words = {SURVIVED: "survived", UNCHANGED: "unchanged"}
        return {"verdict": words.get(os.WEXITSTATUS(status), "broken"), "by": None}

    def _judge(
        self, mutant: Mutant, judges: list[int], items: list[pytest.Item], swap: Swap, tree: ast.Module, writing: int
    ) -> int:
        """In the process that ends with this code."""
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        gc.disable()
        mutant.apply()
        if not swap.put(mutant.module, tree):
            return UNCHANGED
        _forget()
        for place, test in enumerate(judges):
            following = items[judges[place + 1]] if place + 1 < len(judges) else None
            signal.setitimer(signal.ITIMER_PROF, self.took[test] + SECONDS)  # ends the process
            if not _passes(items[test], following):
                os.write(writing, str(test).encode())
                return KILLED
        return SURVIVED


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    return all(report.passed for report in runtestprotocol(item, log=False, nextitem=following))


def _traced(
    item: pytest.Item, following: pytest.Item | None, files: dict[str, str]
) -> tuple[bool, dict[str, set[int]]]:
    """Whether a test passes, and which lines of these files it reaches."""
    lines: dict[str, set[int]] = {name: set() for name in files.values()}

    def enter(frame: types.FrameType, event: str, argument: Any) -> Any:
        name = files.get(frame.f_code.co_filename)
        if name is None:
            return None
        add = lines[name].add

        def line(frame: types.FrameType, event: str, argument: Any) -> Any:
            add(frame.f_lineno)
            return line

        add(frame.f_lineno)
        return line

    sys.settrace(enter)
    try:
        return _passes(item, following), lines
    finally:
        sys.settrace(None)


def _few_examples(item: pytest.Item) -> None:
    """The same few examples each time, and none is made smaller: a mutant is killed or it is not."""
    test: Any = getattr(item, "obj", None)
    test = getattr(test, "__func__", test)
    if getattr(test, "is_hypothesis_test", False):
        own = test._hypothesis_internal_use_settings
        few = max(EXAMPLES, own.max_examples // 15)
        phases = (Phase.explicit, Phase.generate)
        test._hypothesis_internal_use_settings = settings(
            own, max_examples=few, derandomize=True, database=None, phases=phases, deadline=None
        )


def _forget() -> None:
    """Empties every cache of what was computed without the mutant."""
    for one in _caches():
        one.cache_clear()


@functools.cache
def _caches() -> tuple[Any, ...]:
    found: Iterator[Any] = (one for one in gc.get_objects() if isinstance(one, functools._lru_cache_wrapper))
    return tuple(one for one in found if str(one.__module__).startswith(("engine.", "store.", "tests.support")))


def _quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def main(out: str, *arguments: str) -> int:
    at = arguments.index("--")
    root = Path.cwd()
    trial = Trial(root, list(arguments[:at]), Path(out))
    options = ["-c", str(root / "tests/mutation/pytest.ini"), "--rootdir", str(root), "--assert=plain", "-s", "-q"]
    return int(pytest.main([*options, *arguments[at + 1 :]], plugins=[trial]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
