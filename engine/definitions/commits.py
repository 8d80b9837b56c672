"""The git commit of a file, when it stands in a repository: asked once for a folder, and never waited for long."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

CHANGED = "+changes"  # follows the commit when the file is not as it was committed
PATIENCE_SECONDS = 1.0  # for each of three questions
_CHUNK = 65_536
_COMMIT = "\x02"  # stands before a commit, and in no name of a file
# Git only looks: no index is refreshed, no program of the repository's choice is run, nothing is fetched.
_OPTIONS = ("--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false")
_ENVIRONMENT = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_OF_ANOTHER_PLACE = frozenset(  # git sets them for its hooks; from there a reload may be asked for
    f"GIT_{name}"
    for name in ("DIR", "WORK_TREE", "INDEX_FILE", "OBJECT_DIRECTORY", "COMMON_DIR", "NAMESPACE", "PREFIX")
)


class _NoAnswer(Exception):
    """Git failed, or took too long."""


def of(files: Iterable[Path]) -> dict[Path, str]:
    """The commit that last touched each file, abbreviated. Files of which git knows none are left out."""
    folders: dict[Path, dict[str, list[Path]]] = {}
    for file in files:
        real = file.resolve()
        folders.setdefault(real.parent, {}).setdefault(real.name, []).append(file)
    found: dict[Path, str] = {}
    for folder, inside in folders.items():
        with suppress(_NoAnswer, OSError):
            for name, commit in _commits(folder, list(inside)).items():
                found |= dict.fromkeys(inside[name], commit)
    return found


def _commits(folder: Path, names: list[str]) -> dict[str, str]:
    # Where no repository begins above there is none, and git need not be started to say so.
    if not any((above / ".git").exists() for above in (folder, *folder.parents)):
        return {}
    with _asked(folder, "ls-tree", "-z", "--name-only", "HEAD", "--", *names) as told:
        committed = set(told)
    if not committed:
        return {}
    with _asked(folder, "diff", "-z", "--name-only", "--relative", "--no-ext-diff", "HEAD", "--", *committed) as told:
        changed = set(told)
    latest = _latest(folder, committed)
    return {name: f"{commit}{CHANGED}" if name in changed else commit for name, commit in latest.items()}


def _latest(folder: Path, names: set[str]) -> dict[str, str]:
    """The newest commit of each, read from the newest on, no further than to the last file that is looked for."""
    words = ("log", "-z", "-c", "--name-only", "--relative", "--no-renames", f"--format=tformat:{_COMMIT}%h", "--")
    found: dict[str, str] = {}
    commit = ""
    with suppress(_NoAnswer), _asked(folder, *words, *names) as told:
        for one in told:
            word = one.strip("\n")
            if word.startswith(_COMMIT):
                commit = word[1:]
            elif word in names:
                found.setdefault(word, commit)
                if len(found) == len(names):
                    break
    return found


@contextmanager
def _asked(folder: Path, *words: str) -> Iterator[Iterator[str]]:
    """The parts of git's answer, as they come. It may be left before its end."""
    git = shutil.which("git")
    if git is None:
        raise _NoAnswer
    environment = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_PLACE} | _ENVIRONMENT
    with subprocess.Popen(  # noqa: S603  (git itself, with words of ours and names of files after `--`)
        [git, *_OPTIONS, *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        patience = Timer(PATIENCE_SECONDS, _kill, [process])
        patience.start()
        try:
            yield _parts(process)
        finally:
            patience.cancel()
            _kill(process)


def _parts(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None
    rest = b""
    while chunk := os.read(process.stdout.fileno(), _CHUNK):
        *whole, rest = (rest + chunk).split(b"\0")
        yield from map(os.fsdecode, whole)
    if process.wait() != 0:
        raise _NoAnswer


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it with all that it started, which would hold its answer open."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
