"""doctor: is everything as it should be, and if not, what to do about it.

finding    one line of the report
home       this machine: settings, database, runs that are not shown, endpoints that are down, workflows, disk
listening  whether messages that are to start workflows reach us
reach      the world: Slack, its scopes and methods, Socket Mode, models, the clock
"""

from __future__ import annotations

import os

import anyio

from bot import settings
from bot.doctor import home, reach
from bot.doctor.finding import Finding
from bot.opening import Opening, opening
from bot.settings import Settings
from engine.faults import SettingsFault

__all__ = ["Finding", "examine"]


def examine() -> list[Finding]:
    """Everything that can be found out, worst things included; never raises for what it finds."""
    try:
        given = settings.load()
    except SettingsFault as fault:
        return [Finding("settings", "fail", fault.message, fault.hint)]
    found = [*home.settings(given, os.environ), *home.database(given.db)]
    found += [*home.shown(given.db), *home.endpoints(given.db), *home.disk(given.db)]
    try:
        opened = opening(given)
    except SettingsFault as fault:
        return [*found, Finding("settings", "fail", fault.message, fault.hint)]
    return [*found, *home.workflows(opened), *anyio.run(_reached, given, opened)]


async def _reached(given: Settings, opened: Opening) -> list[Finding]:
    try:
        known = opened.folder.read().definitions
    except SettingsFault:
        known = {}  # the line on workflows says why
    told = await reach.slack(given, known, opened.operator.people(), home.pinned(given.db))
    return [*told, *await reach.models(opened.models)]
