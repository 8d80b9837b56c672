"""Who keeps the installation: the user at the terminal, as an actor, and those whom the operator's file names."""

from __future__ import annotations

import pwd
from dataclasses import dataclass

from store.model import Actor


@dataclass(slots=True)
class Operators:
    """Who keeps it, as Slack knows them; another reading of the operator's file changes it."""

    people: tuple[str, ...] = ()  # people and groups who may do what concerns all workflows
    channel: str = ""  # where they hear what is wrong with more than one run

    def become(self, fresh: Operators) -> None:
        """Be as they are named from here on."""
        self.people, self.channel = fresh.people, fresh.channel


def operator(uid: int) -> Actor:
    """A user of this machine; one without a name is called by number."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Actor("operator", f"uid-{uid}", f"uid {uid}")
    return Actor("operator", entry.pw_name, entry.pw_gecos.split(",")[0] or entry.pw_name)
