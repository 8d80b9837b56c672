"""Who sits at the terminal: a user of this machine, as an actor."""

from __future__ import annotations

import pwd

from store.model import Actor


def operator(uid: int) -> Actor:
    """A user of this machine; one without a name is called by number."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Actor("operator", f"uid-{uid}", f"uid {uid}")
    return Actor("operator", entry.pw_name, entry.pw_gecos.split(",")[0] or entry.pw_name)
