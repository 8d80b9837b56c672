"""What can be seen on this machine: settings, database, runs that are not shown, workflows, disk."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot import closed
from bot import settings as settings_module
from bot.client import Client
from bot.doctor.finding import Finding, fail, ok, warn
from bot.folder import errors
from bot.opening import Opening
from bot.settings import Settings
from engine.faults import SettingsFault
from store import endpoints as endpoint_rows
from store import glance, handles, lookups, migrate, unshown
from store.faults import StoreFault
from store.handles import Handle
from store.mounts import network_kind

SQLITE_SOUND = (3, 51, 3)  # earlier ones can damage a WAL that two connections reset at once
CLOSED_MAX = 20
DISK_FAIL_BYTES = 100 * 1024 * 1024
DISK_WARN_BYTES = 1024 * 1024 * 1024


def settings(given: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    for what, cure in settings_module.warnings(environment):
        yield warn("settings", what, cure)
    try:
        settings_module.require_slack(given)
    except SettingsFault as fault:
        yield warn("settings", f"{fault.message} Runs can be carried out headless.", fault.hint)
    else:
        yield ok("settings", f"complete; Slack is reached by {given.slack_mode} mode")
    if given.http is not None and given.api_token is None:
        yield warn(
            "settings",
            f"POINTSMAN_HTTP={given.http} serves no API, because POINTSMAN_API_TOKEN is not set.",
            "Set it to a long random text, or leave it if only Slack and /healthz are wanted there.",
        )


def database(path: Path) -> Iterator[Finding]:
    if sqlite3.sqlite_version_info < SQLITE_SOUND:
        yield warn(
            "sqlite",
            f"This Python uses SQLite {sqlite3.sqlite_version}, which can damage a file that two programs write.",
            "Let nothing but Pointsman write or checkpoint the database; use a Python with SQLite 3.51.3 or later.",
        )
    else:
        yield ok("sqlite", f"version {sqlite3.sqlite_version}")
    folder = path.absolute().parent
    yield _volume(path)
    if not path.exists():
        if folder.is_dir() and os.access(folder, os.W_OK):
            yield ok("database", f"{path} does not exist yet; it is made at the first start")
        else:
            yield fail("database", f"{folder} cannot be written to.", "Name another place in POINTSMAN_DB.")
        return
    yield _soundness(path)
    yield _owner(path)


def _volume(path: Path) -> Finding:
    kind = network_kind(path)
    if kind is None:
        return ok("volume", f"{path} lies on this machine, as far as can be told")
    return warn(
        "volume",
        f"{path} lies on a network file system ({kind}), where locks do not hold and a commit may be lost or damaged.",
        "Name a file on a local disk in POINTSMAN_DB, and have `pointsman backup` copy it elsewhere.",
    )


def _soundness(path: Path) -> Finding:
    try:
        damage = glance.damage(path)
        found, known = 0 if damage else glance.schema_version(path), migrate.newest()
    except StoreFault as fault:
        return fail("database", fault.message, fault.hint)
    if damage:
        return fail("database", f"{path} is damaged: {damage}.", "Restore the latest backup.")
    if found > known:
        return fail(
            "database",
            f"{path} was written by a newer Pointsman (schema {found}).",
            "Install that version or a later one.",
        )
    if found < known:
        return warn(
            "database", f"{path} has schema {found}; this is {known}.", "It is brought up to date at the next start."
        )
    return ok("database", f"{path} is sound, schema {found}")


def _owner(path: Path) -> Finding:
    if Client(path).present():
        return ok("service", f"a service runs for {path}")
    lock = Path(f"{path}.lock")
    if not lock.exists():
        return ok("service", "none runs")
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            owner = file.read(32).decode(errors="replace").strip()
            return warn(
                "service",
                f"Process {owner or 'unknown'} holds {path} and does not answer on its socket.",
                "A command may be at work; if it is a service, look at its log.",
            )
    return ok("service", "none runs")


def pinned(path: Path) -> list[Handle]:
    """What a service has pinned; nothing when there is no file to ask."""
    try:
        with glance.glance(path) as reader:
            return handles.everything(reader)
    except StoreFault:
        return []  # the line on the database says why


def endpoints(path: Path) -> Iterator[Finding]:
    """The models and hosts that are left alone, as they were down when they were asked last."""
    try:
        with glance.glance(path) as reader:
            held = endpoint_rows.held(reader)
    except StoreFault:
        return  # the line on the database says why
    for one, waiting in held:
        steps = "1 step waits" if waiting == 1 else f"{waiting} steps wait"
        yield warn(
            one.name,
            f"It is down and left alone for the moment; {steps} for it. The last time: {one.message}",
            "It is tried again by itself, less often the longer it is down. Is it up, and is its address right?",
        )


def shown(path: Path) -> Iterator[Finding]:
    """The channels that are closed to runs under way."""
    try:
        with glance.glance(path) as reader:
            rows = unshown.closed(reader, CLOSED_MAX)
            names = {one.run_id: run.name for one, _ in rows if (run := lookups.run(reader, one.run_id)) is not None}
    except StoreFault:
        return
    for one, count in rows:
        more = f" and {count - 1} more" if count > 1 else ""
        verb = "are" if count > 1 else "is"
        message = f"{names.get(one.run_id, one.run_id)}{more} {verb} not shown in Slack: {closed.problem(one)}."
        if one.code != closed.NO_CHANNEL:
            yield warn("shown", message, closed.hint(one))


def workflows(opened: Opening) -> Iterator[Finding]:
    try:
        loaded = opened.folder.read()
    except SettingsFault as fault:
        yield fail("workflows", fault.message, fault.hint)
        return
    wrong, count = len(errors(loaded.problems)), len(loaded.definitions)
    if wrong:
        yield fail(
            "workflows", f"{opened.folder.path} has {wrong} problems; it would be refused.", "Run `pointsman check`."
        )
    elif loaded.problems:
        yield warn("workflows", f"{count} are sound, with {len(loaded.problems)} warnings.", "Run `pointsman check`.")
    else:
        yield ok("workflows", f"{count} are sound")


def disk(path: Path) -> Iterator[Finding]:
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    told = f"{free / 1024**3:.1f} GB are free at {folder}"
    if free < DISK_FAIL_BYTES:
        yield fail("disk", f"{told}.", "Free some space: nothing can be written soon.")
    elif free < DISK_WARN_BYTES:
        yield warn("disk", f"{told}.", "Free some space.")
    else:
        yield ok("disk", told)
