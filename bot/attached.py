"""Files that people have in Slack: which ones something names, and why one of them cannot be taken. Pure.

What an event says of a file may be little (files of other organisations) or old (they are deleted, or still being
processed): only its id is remembered, and Slack is asked about it when it is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from store.model import LIMITS, Json

FILES_MAX = 20  # of one message; Slack lets people attach ten
NAME_MAX = 80
UNSEEN = "00" * 32  # stands where the hash of a file will be, once it is fetched
_LINK = re.compile(r"https://[^\s/|<>]+/files/[UW][A-Z0-9]+/(F[A-Z0-9]{4,})(?:[/?#][^\s|<>]*)?")
_LOCAL_LINK = re.compile(r"http://(?:127\.0\.0\.1|localhost)(?::\d+)?/files/[UW][A-Z0-9]+/(F[A-Z0-9]{4,})(?:[/?#]\S*)?")
_MESSAGE = re.compile(
    r"https?://[^\s/|<>]+/archives/([CGD][A-Z0-9]{4,})/p(\d{10})(\d{6})(?:\?(?:thread_ts=(\d{10}\.\d{6}))?[^\s|<>]*)?"
)
_KEPT_MODES = frozenset({"hosted", "snippet", "email"})
_DOCUMENTS = {"space": "a post", "quip": "a canvas", "canvas": "a canvas", "list": "a list", "docs": "a document"}
_CLOUDS = {"gdrive": "Google Drive", "dropbox": "Dropbox", "box": "Box", "onedrive": "OneDrive"}


@dataclass(frozen=True, slots=True)
class Attached:
    """A file in Slack. Name and size as they were told; empty and 0 when they were not."""

    id: str
    name: str = ""
    size: int = 0
    linked: bool = False  # its address was written: whoever wrote it need not be somebody who may see it


Wanted: TypeAlias = Mapping[str, Attached | tuple[Attached, ...]]
"""Which file is to stand under each name, or which files."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a file cannot be taken, and what to do instead. `passes` when it may be different in a moment."""

    why: str
    cure: str = ""
    passes: bool = False


class NotTaken(Exception):
    """A file cannot be taken, for good."""

    def __init__(self, name: str, obstacle: Obstacle) -> None:
        super().__init__(obstacle.why)
        self.name = shown_name(name)
        self.why = obstacle.why
        self.cure = obstacle.cure


def attached(records: object) -> tuple[Attached, ...]:
    """The files of a message or a form, as Slack tells of them; what is no file is left out."""
    if not isinstance(records, list):
        return ()
    ids = [one for one in records if isinstance(one, Mapping) and isinstance(one.get("id"), str) and one["id"]]
    return tuple(_read(one) for one in ids[:FILES_MAX])


def as_json(files: Iterable[Attached]) -> Json:
    return [{"id": one.id, "name": one.name, "size": one.size} for one in files]


def linked(text: str) -> Attached | None:
    """The file that an address leads to; None when it is no address of a file in Slack."""
    found = _LINK.fullmatch(text.strip()) or _LOCAL_LINK.fullmatch(text.strip())
    return None if found is None else Attached(found[1], linked=True)


def message_at(address: str) -> tuple[str, str, str] | None:
    """The channel, ts and thread of the message that an address leads to; None when it leads to none."""
    found = _MESSAGE.fullmatch(address.strip())
    return None if found is None else (found[1], f"{found[2]}.{found[3]}", found[4] or "")


def stand_in(one: Attached) -> Json:
    """What an input says of a file that is still to be fetched."""
    return {"name": one.name, "media_type": "", "size": one.size, "hash": UNSEEN}


def stand_ins(wanted: Wanted) -> dict[str, Json]:
    """What inputs say of files that are still to be fetched."""
    return {
        name: [stand_in(one) for one in taken] if isinstance(taken, tuple) else stand_in(taken)
        for name, taken in wanted.items()
    }


def records(wanted: Wanted) -> dict[str, Json]:
    """What is remembered of files until they are fetched."""
    return {name: as_json(taken) if isinstance(taken, tuple) else as_json([taken])[0] for name, taken in wanted.items()}


def takes_file(schema: Json) -> bool:
    """Whether a schema asks for a file."""
    return isinstance(schema, Mapping) and bool(schema.get("x-file"))


def takes_files(schema: Json) -> bool:
    """Whether a schema asks for a list of files."""
    return isinstance(schema, Mapping) and schema.get("type") == "array" and takes_file(schema.get("items"))


def too_large(one: Attached) -> Obstacle | None:
    """Why it will never be taken, known before Slack is asked."""
    if one.size <= LIMITS.file_bytes_max:
        return None
    return Obstacle(
        f"it has {one.size:,} bytes, and at most {LIMITS.file_bytes_max:,} are kept of a file",
        "Put it where the workflow can fetch it, and hand in its address.",
    )


def obstacle_of(record: Mapping[str, Any], user: str, channel: str, team: str, *, theirs: bool) -> Obstacle | None:
    """What stands in the way of a file, by what `files.info` says of it now.

    `theirs`: the asker attached it, so they may see it. A file that is only named must be theirs, public, or shared
    in the channel where they ask.
    """
    mode, access = str(record.get("mode") or ""), str(record.get("file_access") or "visible")
    if mode == "tombstone" or access == "file_not_found":
        return DELETED
    if access in ("access_denied", "check_file_info"):
        return OUTSIDE if access == "check_file_info" else UNSEEN_BY_US
    if not theirs and not _may_see(record, user, channel):
        return Obstacle(
            "I cannot tell whether you may see it: it is neither yours nor public nor shared in this channel",
            "Attach it to your message instead.",
        )
    if mode == "hidden_by_limit":
        return Obstacle("Slack hides it: the workspace's plan does not show files that old", "Attach it again.")
    if record.get("is_external") or mode == "external":
        place = _CLOUDS.get(str(record.get("external_type") or ""), "another service")
        return Obstacle(f"it lies at {place} and not in Slack", "Download it, and attach the file itself.")
    owner = str(record.get("user_team") or team)
    if team and owner != team:
        return OUTSIDE
    if mode not in _KEPT_MODES:
        what = _DOCUMENTS.get(mode, "something that only Slack can show")
        return Obstacle(f"it is {what} in Slack and no file", "Export it, and attach the exported file.")
    if not record.get("url_private_download") or not record.get("size"):
        return PROCESSING
    return too_large(_read(record))


def refused(code: str) -> Obstacle:
    """What a refusal of Slack's means for a file."""
    if code in ("missing_scope", "no_permission", "not_allowed_token_type"):
        return Obstacle("this app may not read files here", "Ask an operator to give the Slack app `files:read`.")
    if code == "file_deleted":
        return DELETED
    if code in ("file_not_found", "not_visible", "access_denied", "not_in_channel"):
        return UNSEEN_BY_US
    return Obstacle(f"Slack does not hand it over ({code})", "Try again in a moment, or attach it anew.")


def shown_name(name: str) -> str:
    """A name as a sentence shows it."""
    plain = " ".join(name.split())
    return (plain if len(plain) <= NAME_MAX else f"{plain[: NAME_MAX - 1]}…") or "the file"


DELETED = Obstacle("it has been deleted", "Attach it again.")
UNSEEN_BY_US = Obstacle(
    "I cannot see it: it was deleted, or it is in a channel that I am not in",
    "Attach it to a message to me, or invite me there.",
)
OUTSIDE = Obstacle(
    "it comes from another organisation, and only files of our own are taken",
    "Download it, look at it, and attach it yourself.",
)
PROCESSING = Obstacle("Slack is still processing it", "Try again in a minute.", passes=True)


def _may_see(record: Mapping[str, Any], user: str, channel: str) -> bool:
    shared = [*(record.get("channels") or ()), *(record.get("groups") or ()), *(record.get("ims") or ())]
    return record.get("user") == user or bool(record.get("is_public")) or (bool(channel) and channel in shared)


def _read(record: Mapping[str, Any]) -> Attached:
    size = record.get("size")
    return Attached(
        id=str(record["id"]),
        name=str(record.get("name") or record.get("title") or "").encode("utf-8", "replace").decode()[:500],
        size=size if type(size) is int and size > 0 else 0,
    )
