"""The survivors that are accepted, each with the reason why nobody can suffer from it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

OPEN = "open"  # the reason of those that nobody has judged yet: a gap, and not a harmless change
SURVIVED = ("survived", "unreached")
ACCEPTED = Path(__file__).with_name("accepted.toml")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mutant that may survive."""

    module: str
    name: str
    reason: str


def read(file: Path) -> list[Accepted]:
    """The file holds a table for each module, with a list of mutants for each reason."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return [
        Accepted(f"engine.rules.{module}", name, reason)
        for module, reasons in tables.items()
        for reason, names in reasons.items()
        for name in names
    ]


def differences(found: Iterable[Mapping[str, str]], accepted: Iterable[Accepted], modules: Iterable[str]) -> list[str]:
    """What does not fit: survivors that nobody accepted, and accepted ones that are killed or exist no longer."""
    tried = set(modules)
    survived = {(one["module"], one["name"]): one for one in found if one["verdict"] in SURVIVED}
    kept = {(one.module, one.name) for one in accepted if one.module in tried}
    wrong = [
        f"{module.replace('.', '/')}.py:{one['line']}: {one['verdict']}: {name}"
        for (module, name), one in survived.items()
        if (module, name) not in kept
    ]
    gone = [f"{module}: accepted, but killed or gone: {name}" for module, name in sorted(kept - survived.keys())]
    broken = [f"{one['module']}: could not be tried: {one['name']}" for one in found if one["verdict"] == "broken"]
    return wrong + gone + broken
