"""How people, groups and channels are written: as ids, e-mail addresses, @handles and #names."""

from __future__ import annotations

import re
from typing import Literal

USER_ID = re.compile(r"[UW][A-Z0-9]{2,}")
GROUP_ID = re.compile(r"S[A-Z0-9]{2,}")
CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{2,}")


def is_id(reference: str) -> bool:
    """Whether it is Slack's own id, which never comes to mean anything else."""
    return any(kind.fullmatch(reference) for kind in (USER_ID, GROUP_ID, CHANNEL_ID))


def normal(reference: str) -> str:
    """A reference as it is compared: names in lower case, ids as they are."""
    return reference if is_id(reference) else reference.lower()


def kind(reference: str) -> Literal["channel", "person", "group"]:
    """What a reference stands for, by how it is written."""
    if reference.startswith("#") or CHANNEL_ID.fullmatch(reference):
        return "channel"
    return "person" if USER_ID.fullmatch(reference) or "@" in reference[1:] else "group"
