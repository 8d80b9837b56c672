"""Imports point down, and the contracts that say so fail when they are broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")

BROKEN = {
    "store/names.py": ("import engine.clock", "Imports point down"),
    "engine/bell.py": ("import slack_sdk", "Only bot speaks Slack"),
    "engine/rules/graph.py": ("import anyio", "The rules are pure"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache"], cwd=folder, check=False, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )


@pytest.mark.parametrize("file", BROKEN)
def test_a_contract_fails_when_it_is_broken(tmp_path: Path, file: str) -> None:
    for package in ("bot", "engine", "store"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "page"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    line, contract = BROKEN[file]
    broken = tmp_path / file
    broken.write_text(broken.read_text() + f"\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode != 0
    assert re.search(rf"{re.escape(contract)}\s+BROKEN", done.stdout), done.stdout + done.stderr


def test_httpx_is_imported_in_one_module() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for top in ("bot", "engine", "store")
        for path in (ROOT / top).rglob("*.py")
        if re.search(r"^\s*(import|from) httpx\b", path.read_text(), re.MULTILINE)
    ]
    assert found == ["engine/http.py"]


def test_sql_stands_only_in_the_store() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for top in ("bot", "engine")
        for path in (ROOT / top).rglob("*.py")
        if re.search(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM)\b .*\b(FROM|SET|VALUES|WHERE)\b", path.read_text())
    ]
    assert found == []


def test_only_the_clock_asks_what_time_it_is() -> None:
    homes = {"engine/clock.py", "bot/sandbox/clock.py"}
    pattern = re.compile(r"\btime\.time\(|\btime\.time_ns\(|datetime\.now\(|utcnow\(|date\.today\(")
    found = {
        path.relative_to(ROOT).as_posix()
        for top in ("bot", "engine", "store")
        for path in (ROOT / top).rglob("*.py")
        if pattern.search(path.read_text())
    }
    assert found <= homes, sorted(found - homes)


def test_rules_can_be_imported_with_the_standard_library_alone() -> None:
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "import engine.rules.lifecycle, engine.rules.expressions\n"
        "ours = ('engine', 'store')\n"
        "found = {n.split('.')[0] for n in sys.modules} - set(sys.stdlib_module_names) - set(ours) - {'__main__'}\n"
        "print(sorted(n for n in found if not n.startswith('_')))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
