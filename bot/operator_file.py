"""The operator's settings file (POINTSMAN_SETTINGS): values for workflows, groups of people, hosts that may be reached,
calendars, limits.

settings: {publish_post: {cms_url: https://cms.example}}   # by workflow
groups: {editors: [U012ABCDE, ada@meadow.example]}
hosts: ["cms.internal:8443", "10.1.0.0/16"]                # private addresses that steps may reach
calendars:                                                 # working hours, for `hours:` at gates
  office: {timezone: Europe/Berlin, days: [mon..fri], from: "09:00", to: "17:30", holidays: [2026-12-25]}
limits: {python_workers: 4, python_memory: 1GiB}           # processes for `python` steps, and what each may take
operators: ["@platform"]                                   # who may do in Slack what concerns all workflows
alerts: "#ops"                                             # where it is said that an endpoint is down
api:                                                       # who may ask over the network, and for what
  tokens: [{name: deploys, token: env:DEPLOY_TOKEN, may: [start, see]}]
  rate: 600/min                                            # of each token, and of each webhook
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationError,
    field_validator,
)

from bot.callers import RATE, Caller, Token
from bot.operators import Operators
from bot.requests import May
from engine.calendars import Calendar, calendar_from
from engine.faults import ActivityFault, SettingsFault
from engine.mapping import resolve
from engine.quantities import Rate, size_bytes
from engine.workers.pool import SIZE
from engine.workers.process import MEMORY_BYTES
from store.model import Actor, Json, Plan

UNLIMITED = "unlimited"
TOKEN_MIN = 16  # characters; fewer could be guessed
MEMORY_BYTES_MIN = 256 * 1024**2  # of addresses, which an interpreter takes generously before it does anything


def _memory(text: Any) -> int | None:
    """Read a size, or `unlimited`."""
    size = None if text == UNLIMITED else size_bytes(text)
    if size is not None and size < MEMORY_BYTES_MIN:
        raise ValueError(f"a worker process does not start with less than 256MiB, and here stands {text}")
    return size


Memory = Annotated[int | None, BeforeValidator(_memory), PlainSerializer(lambda size: size or UNLIMITED)]


WorkingHours = Annotated[InstanceOf[Calendar], BeforeValidator(calendar_from)]


class Limits(BaseModel):
    """What the service may take of the machine."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    python_workers: int = Field(SIZE, ge=1, le=64, strict=True)
    python_memory: Memory = MEMORY_BYTES


def _rate_text(rate: Rate) -> str:
    return f"{rate.count}/{_PERIODS[rate.period_ms]}"


_PERIODS = {1_000: "s", 60_000: "min", 3_600_000: "h", 86_400_000: "d"}
UseRate = Annotated[Rate, BeforeValidator(Rate.parse), PlainSerializer(_rate_text)]


class ApiToken(BaseModel):
    """A program that may ask over the network. Its token is a reference, never the value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")
    token: str
    may: frozenset[May] = Field(min_length=1)

    @field_validator("token")
    @classmethod
    def _reference(cls, value: str) -> str:
        if not value.startswith(("env:", "file:")):
            raise ValueError("write a reference such as env:DEPLOY_TOKEN, never the token itself")
        return value

    def read(self) -> Token:
        """The token with its value. Raises SettingsFault."""
        try:
            text = resolve(self.token, self.name).reveal()
        except ActivityFault:
            text = ""
        if len(text) < TOKEN_MIN:
            what = f"has fewer than {TOKEN_MIN} characters" if text else "is not set"
            raise SettingsFault(
                f"The token of `{self.name}` ({self.token}) {what}.",
                hint="Make one with `openssl rand -hex 32`, and set it for the service.",
            )
        return Token(Caller(Actor("operator", f"api:{self.name}", self.name), self.may), text)


class Api(BaseModel):
    """Who may ask over the network, and how often."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    tokens: list[ApiToken] = []
    rate: UseRate = RATE

    @field_validator("tokens")
    @classmethod
    def _names(cls, value: list[ApiToken]) -> list[ApiToken]:
        names = [one.name for one in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"there are two tokens called {twice}, and nobody could tell them apart")
        return value


class OperatorFile(BaseModel):
    """What stands in the file; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    settings: dict[str, dict[str, Any]] = {}
    groups: dict[str, list[str]] = {}
    hosts: list[str] = []
    calendars: dict[str, WorkingHours] = {}
    operators: list[str] = []
    alerts: str = ""
    limits: Limits = Limits()
    api: Api = Api()

    def for_workflow(self, plan: Plan) -> Mapping[str, Json]:
        """The settings of one workflow: the author's defaults, and over them what stands in the file."""
        defaults = {name: schema["default"] for name, schema in plan.settings.items() if "default" in (schema or {})}
        return defaults | self.settings.get(plan.workflow, {})

    def in_slack(self) -> Operators:
        """Who keeps the installation, and where they hear of it."""
        return Operators(tuple(self.operators), self.alerts)

    def people(self) -> dict[str, tuple[str, ...]]:
        """The operator's own groups, by their handle without the @."""
        return {name.removeprefix("@"): tuple(listed) for name, listed in self.groups.items()}


def read(path: Path | None) -> OperatorFile:
    """The operator's file; an empty one when there is none. Raises SettingsFault."""
    if path is None:
        return OperatorFile()
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
        return OperatorFile.model_validate({} if content is None else content)
    except OSError as error:
        raise SettingsFault(f"POINTSMAN_SETTINGS names {path}, which cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise SettingsFault(f"{path} is not YAML: {' '.join(str(error).split())}", hint="Correct the file.") from None
    except ValidationError as error:
        raise SettingsFault(f"{path}: {_sentence(error)}", hint=_KNOWN) from None


_KNOWN = "It may hold settings, groups, hosts, calendars, operators, alerts, limits and api; see docs/operating.md."


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"{where} is not known here."
    said = first["msg"].removeprefix("Value error, ")
    return f"{where}: {said[:1].lower()}{said[1:]}." if where else f"{said}."
