"""What this workspace was found not to allow: kept for the doctor, said once in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from engine.faults import Fault

log = structlog.get_logger()


INCAPABLE = frozenset({"unknown_method", "missing_scope", "plan_upgrade_required", "not_allowed_token_type"})
"""Answers that do not change by asking again: this workspace, plan or installation cannot do it."""

NO_IDENTITY = "Nobody's identity can be checked, so every start and every decision in Slack is refused."

# Asked without arguments at the start, so that nothing happens: name of the capability, and what its absence means.
PROBES: Mapping[str, tuple[str, str]] = {
    "users.info": ("people", f"{NO_IDENTITY} Give the app users:read on a server that offers users.info."),
    "usergroups.list": (
        "usergroups",
        "Nobody is in any Slack group. Give the app usergroups:read on a plan with user groups, or write the groups "
        "into the settings file.",
    ),
    "conversations.history": (
        "read back",
        "After a lost connection a message is sent again, so that it may stand twice.",
    ),
}


class Calls(Protocol):
    """The part of the Slack client that is tried out."""

    capabilities: Capabilities

    async def call(self, method: str, **arguments: Any) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that we would use if it were there, and what its absence means."""

    name: str
    code: str  # Slack's word for it
    consequence: str


class Capabilities:
    """Remembers each lack once."""

    def __init__(self) -> None:
        self._lacks: dict[str, Lack] = {}

    def lacks(self, name: str) -> bool:
        return name in self._lacks

    def note(self, name: str, code: str, consequence: str) -> None:
        """Something is not there. Said in the log the first time."""
        if name in self._lacks:
            return
        self._lacks[name] = Lack(name, code, consequence)
        log.warning("slack.capability_missing", capability=name, code=code, consequence=consequence)

    def found(self, name: str) -> None:
        """It is there after all."""
        self._lacks.pop(name, None)

    def all(self) -> tuple[Lack, ...]:
        return tuple(self._lacks.values())


async def probe(slack: Calls) -> None:
    """Find out at the start what this workspace does not allow; a passing trouble says nothing about it."""
    for method, (name, consequence) in PROBES.items():
        try:
            await slack.call(method)
        except Fault as fault:
            if fault.code in INCAPABLE:
                slack.capabilities.note(name, fault.code, consequence)


def note_scopes(capabilities: Capabilities, held: frozenset[str], optional: Mapping[str, str]) -> None:
    """Scopes that are left out, or that Slack does not tell of. What is required is checked elsewhere."""
    if not held:
        capabilities.note(
            "scopes", "no x-oauth-scopes", "Slack does not say which scopes the token has; compare with manifest.yml."
        )
        return
    for scope in sorted(optional.keys() - held):
        capabilities.note(scope, "missing_scope", f"We cannot {optional[scope]}.")
