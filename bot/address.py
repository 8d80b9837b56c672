"""Where the service that owns a database can be reached: a Unix socket beside the file."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

SHARED = "pointsman-"  # begins the name of a user's folder in the temporary folder that all share
PATH_MAX = 100  # bytes; the system's own limit is 104 to 108 and gives an error that names nothing


def socket_path(database: Path) -> Path:
    """`<db>.sock`; for a path too long for a socket, a name made from it in this user's folder for such names."""
    beside = Path(f"{database.absolute()}.sock")
    name = f"{SHARED}{os.getuid()}/{hashlib.sha256(os.fsencode(beside)).hexdigest()[:24]}.sock"
    places = (beside, Path(tempfile.gettempdir()) / name)
    return next((one for one in places if len(os.fsencode(one)) <= PATH_MAX), Path("/tmp") / name)  # noqa: S108


def bound(path: Path) -> socket.socket:
    """A socket bound to this path, for this user only; one left by a crash is replaced.

    Only the holder of the database's lock may call this: its socket is then nobody else's.
    """
    folder = path.parent
    if folder.name.startswith(SHARED):
        folder.mkdir(mode=0o700, exist_ok=True)
        if not is_ours(path):
            raise PermissionError(f"{folder} belongs to somebody else")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def given_up(path: Path) -> None:
    """Take the socket away, so that nobody knocks in vain."""
    path.unlink(missing_ok=True)
    if path.parent.name.startswith(SHARED):
        with suppress(OSError):  # others of ours may still be in there
            path.parent.rmdir()


def is_ours(path: Path) -> bool:
    """May this socket be trusted? In the shared temporary folder only a folder of ours is."""
    folder = path.parent
    if not folder.name.startswith(SHARED):
        return True
    try:
        found = folder.stat(follow_symlinks=False)
    except OSError:
        return False
    return found.st_uid == os.getuid() and not found.st_mode & 0o077
