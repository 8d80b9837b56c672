"""Mounts: whether a file lies on another machine, where neither locks nor memory are shared as SQLite needs it."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")  # of Linux; where there is none nothing is known
ELSEWHERE = frozenset(
    [
        "9p",
        "acfs",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "gfs2",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "orangefs",
        "smb2",
        "smb3",
        "smbfs",
        "sshfs",
        "vboxsf",
    ]
)
ELSEWHERE_BY_PROGRAM = frozenset(
    [
        "ceph",
        "ceph-fuse",
        "davfs",
        "davfs2",
        "gcsfuse",
        "glusterfs",
        "goofys",
        "juicefs",
        "mount.glusterfs",
        "rclone",
        "s3fs",
        "smbnetfs",
        "sshfs",
        "vmhgfs-fuse",
    ]
)
_OCTAL = re.compile(r"\\([0-7]{3})")  # how a space or a tab in the name of a folder is written there


def network_kind(path: Path, mounts: Path | None = None) -> str | None:
    """The kind of network file system that a file lies on, or would; None for a local one, or when nobody can tell."""
    try:
        lines = (mounts or MOUNTS).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    wanted, best, kind = path.resolve(), -1, ""
    for line in lines:
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        at = Path(_OCTAL.sub(lambda found: chr(int(found[1], 8)), parts[1]))
        if wanted.is_relative_to(at) and len(at.parts) >= best:  # what was mounted over another comes later
            best, kind = len(at.parts), parts[2]
    program = kind.removeprefix("fuse.") if kind.startswith("fuse.") else ""
    return kind if kind in ELSEWHERE or program in ELSEWHERE_BY_PROGRAM else None
