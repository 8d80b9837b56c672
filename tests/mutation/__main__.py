"""`python -m tests.mutation [MODULE…]`: changes the rules in thousands of small ways and sees whether a test notices.

Done in a copy of the tree, so that nobody is disturbed and nothing is left behind. Each survivor must stand in
`accepted.toml` with the reason; the exit code is 1 when one does not, or when one stands there that is killed.

    mutants      every change of a module
    changes      what may become of an expression
    trial        the tests judge mutant after mutant
    swapping     how a mutant is put in place
    accepted     the survivors that may be
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.mutation.accepted import ACCEPTED, OPEN, SURVIVED, Accepted, differences, read

ROOT = Path(__file__).parents[2]
COPIED = ("bot", "docs", "engine", "store", "tests", "workflows", "manifest.yml", "pyproject.toml", "README.md")
PACKAGE = "engine/rules"
# Laws over whole runs are no judges: they are slow, and what only chance meets deserves a story that says who suffers.
NO_JUDGES = (
    "test_every_rule_has_a_story.py",
    "test_language_laws.py",
    "test_lifecycle_laws.py",
    "test_redoing_laws.py",
)
JUDGES = {
    "engine.rules": [
        "tests/rules",
        *(f"--ignore=tests/rules/{name}" for name in NO_JUDGES),
        "--deselect=tests/rules/test_item_stories.py::test_ten_thousand_items_are_gone_through",
    ],
    "engine.rules.expressions": ["tests/expressions"],
}
EVALUATION = ("compiler", "dates", "functions", "lists", "loops", "numbers", "operators", "texts")
READING = (
    "parser",
    "patterns",
    "regexes",
    "templates",
    "tokens",
)  # both are held against another implementation of CEL
LEFT_OUT = {f"engine.rules.expressions.{name}" for name in (*EVALUATION, *READING)}


def main() -> int:
    asked = _arguments()
    wanted = {f"engine.rules.{name}" for name in asked.modules}
    modules = [name for name in _modules() if not wanted or name in wanted]
    with tempfile.TemporaryDirectory(prefix="pointsman-mutation-") as folder:
        copy = Path(folder) / "tree"
        for name in COPIED:
            _copy(ROOT / name, copy / name)
        found = [one for package, tests in JUDGES.items() for one in _tried(copy, _of(modules, package), tests)]
    if asked.json is not None:
        asked.json.write_text("".join(json.dumps(one) + "\n" for one in found))
    accepted = read(ACCEPTED)
    if not found:
        raise SystemExit(f"no such module of {PACKAGE}: {' '.join(asked.modules)}")
    print(table(found, accepted))
    wrong = differences(found, accepted, modules)
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


def table(found: list[dict[str, str]], accepted: list[Accepted]) -> str:
    """How many mutants each module has, and what became of them."""
    reasons = {(one.module, one.name): one.reason for one in accepted}
    rows = ["| module | mutants | killed | harmless | open | new |", "|---|---:|---:|---:|---:|---:|"]
    counts: dict[str, Counter[str]] = {}
    for one in found:
        verdict = one["verdict"]
        if verdict in SURVIVED:
            reason = reasons.get((one["module"], one["name"]))
            verdict = "new" if reason is None else "open" if reason == OPEN else "harmless"
        counts.setdefault(one["module"].removeprefix("engine.rules."), Counter())[verdict] += 1
    for module, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        tried = count.total() - count["unchanged"]
        kinds = " | ".join(f"{count[kind]:,}" for kind in ("killed", "harmless", "open", "new"))
        rows.append(f"| {module} | {tried:,} | {kinds} |")
    return "\n".join(rows)


def _tried(copy: Path, modules: list[str], tests: list[str]) -> list[dict[str, str]]:
    """What became of every mutant of these modules."""
    if not modules:
        return []
    out = copy.parent / "verdicts.jsonl"
    command = [sys.executable, "-m", "tests.mutation.trial", str(out), *modules, "--", *tests]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    found = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    if not found:
        raise SystemExit(done.stdout)
    return found


def _modules() -> list[str]:
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.name != "__init__.py"]
    return [name for name in names if name not in LEFT_OUT]


def _of(modules: list[str], package: str) -> list[str]:
    """The modules right in a package."""
    return [name for name in modules if name.rpartition(".")[0] == package]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutate", description="Changes the rules and sees whether a test notices.")
    parser.add_argument(
        "modules", nargs="*", help="of engine/rules, as `deciding` or `expressions.types`; all when none"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what became of each mutant there, a line each")
    return parser.parse_args()


if __name__ == "__main__":
    os.nice(19)
    sys.exit(main())
