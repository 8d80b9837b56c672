"""What the operator sets: environment variables and `.env` in, checked settings out.

A missing or wrong setting is a `SettingsFault`: one sentence that names the variable, and the cure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.faults import SettingsFault

SLACK_API = "https://slack.com/api/"
ENV_FILE = Path(".env")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _address(value: object) -> object:
    """Read `host:port`, `:port` (this machine only) or `[::1]:port`."""
    if not isinstance(value, str):
        return value
    host, separator, port = value.rpartition(":")
    if not separator or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError("is not host:port")
    return Address(host.strip("[]") or "127.0.0.1", int(port))


def _slack_url(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("is not an http(s) address")
    return value.rstrip("/") + "/"


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Settings(BaseSettings):
    """Everything that can be set from outside, with the names of the variables as aliases."""

    model_config = SettingsConfigDict(
        env_file=None, extra="ignore", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    slack_bot_token: SecretStr | None = Field(None, validation_alias="SLACK_BOT_TOKEN")
    slack_app_token: SecretStr | None = Field(None, validation_alias="SLACK_APP_TOKEN")
    slack_signing_secret: SecretStr | None = Field(None, validation_alias="SLACK_SIGNING_SECRET")
    slack_api_url: Annotated[str, BeforeValidator(_slack_url)] = Field(SLACK_API, validation_alias="SLACK_API_URL")
    http: Annotated[Address | None, BeforeValidator(_address)] = Field(None, validation_alias="POINTSMAN_HTTP")
    api_token: SecretStr | None = Field(None, validation_alias="POINTSMAN_API_TOKEN")
    db: Path = Field(Path("pointsman.db"), validation_alias="POINTSMAN_DB")
    workflows: Path = Field(Path("workflows"), validation_alias="POINTSMAN_WORKFLOWS")
    settings_file: Path | None = Field(None, validation_alias="POINTSMAN_SETTINGS")
    models_file: Path | None = Field(None, validation_alias="POINTSMAN_MODELS")
    record: Path | None = Field(None, validation_alias="POINTSMAN_RECORD")
    replay: Path | None = Field(None, validation_alias="POINTSMAN_REPLAY")
    log: Annotated[Literal["json", "console"], BeforeValidator(_lower)] = Field(
        "console", validation_alias="POINTSMAN_LOG"
    )
    synchronous: Annotated[Literal["full", "normal"], BeforeValidator(_lower)] = Field(
        "full", validation_alias="POINTSMAN_SYNCHRONOUS"
    )
    audit_key: SecretStr | None = Field(None, validation_alias="POINTSMAN_AUDIT_KEY")

    @property
    def slack_mode(self) -> Literal["socket", "http"]:
        """How Slack reaches us; only meaningful once `require_slack` has passed."""
        return "socket" if self.slack_app_token else "http"

    def secrets(self) -> tuple[str, ...]:
        """Every secret value among the settings, for the redactor."""
        held = (self.slack_bot_token, self.slack_app_token, self.slack_signing_secret, self.api_token, self.audit_key)
        return tuple(one.get_secret_value() for one in held if one is not None)


VARIABLES: dict[str, str] = {
    str(field.validation_alias): name for name, field in Settings.model_fields.items() if field.validation_alias
}

CURES = {
    "SLACK_API_URL": "Write a full address such as https://slack.com/api/, or leave it out for Slack's own.",
    "POINTSMAN_HTTP": "Write host:port, for example 127.0.0.1:8080 or 0.0.0.0:8080.",
    "POINTSMAN_LOG": "Set it to json (for machines) or console (for people).",
    "POINTSMAN_SYNCHRONOUS": "Set it to full (the default) or normal.",
}


def load(environment: Mapping[str, str] | None = None, *, env_file: Path | None = ENV_FILE) -> Settings:
    """The settings of this process; values of `.env` also become environment variables unless they are set already."""
    if environment is None:
        adopt_env_file(env_file)
        environment = os.environ
    given = {name: environment[name] for name in VARIABLES if environment.get(name)}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise _fault(error) from None
    _check_tokens(settings)
    _check_files(settings)
    return settings


def adopt_env_file(path: Path | None) -> None:
    """Make the lines of a `.env` file part of the environment, where `env:` references of workflows look too."""
    if path is None or not path.is_file():
        return
    from dotenv import dotenv_values

    for name, value in dotenv_values(path).items():
        if value is not None:
            os.environ.setdefault(name, value)


def _fault(error: ValidationError) -> SettingsFault:
    """The first thing that is wrong. Values stay out of the text: they may be secrets."""
    first: dict[str, Any] = dict(error.errors(include_input=False, include_url=False)[0])
    variable = str(first["loc"][0])
    said = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "literal_error":
        said = f"must be {first['ctx']['expected'].replace(chr(39), '')}"
    return SettingsFault(
        f"{variable} {said[:1].lower()}{said[1:]}.", hint=CURES.get(variable, "Correct it and start again.")
    )


_PREFIXES = {
    "SLACK_BOT_TOKEN": ("xoxb-", "the Bot User OAuth Token, under OAuth & Permissions"),
    "SLACK_APP_TOKEN": ("xapp-", "an app-level token with connections:write, under Basic Information"),
}


def _check_tokens(settings: Settings) -> None:
    """The two tokens are easily swapped; say so before Slack says `invalid_auth`."""
    for variable, (prefix, where) in _PREFIXES.items():
        secret = getattr(settings, VARIABLES[variable])
        if secret is None or secret.get_secret_value().startswith(prefix):
            continue
        raise SettingsFault(
            f"{variable} does not start with {prefix}, so it is not the token that belongs there.",
            hint=f"Use {where} of your Slack app.",
        )


def _check_files(settings: Settings) -> None:
    for variable in ("POINTSMAN_SETTINGS", "POINTSMAN_MODELS", "POINTSMAN_REPLAY"):
        path = getattr(settings, VARIABLES[variable])
        if path is not None and not path.is_file():
            raise SettingsFault(
                f"{variable} names {path}, which is not a file here ({Path.cwd()}).",
                hint="Correct the path, or leave the variable out.",
            )
    if settings.record is not None and settings.replay is not None:
        raise SettingsFault(
            "POINTSMAN_RECORD and POINTSMAN_REPLAY are both set, but what comes from a recording is not recorded.",
            hint="Leave one of them out.",
        )


def require_slack(settings: Settings) -> None:
    """`serve` needs to speak with Slack and to be reached by it, by Socket Mode or by signed HTTP."""
    if settings.slack_bot_token is None:
        raise SettingsFault(
            "SLACK_BOT_TOKEN is not set, so there is no Slack to serve.",
            hint="Create the app from manifest.yml, install it, and set the Bot User OAuth Token (xoxb-…); "
            "or try `pointsman demo`, which needs no account.",
        )
    if settings.slack_app_token is not None:
        return
    if settings.slack_signing_secret is not None and settings.http is not None:
        return
    if settings.slack_signing_secret is not None:
        raise SettingsFault(
            "SLACK_SIGNING_SECRET is set but POINTSMAN_HTTP is not, so Slack has no address to send to.",
            hint="Set POINTSMAN_HTTP=host:port for HTTP mode, or SLACK_APP_TOKEN for Socket Mode.",
        )
    raise SettingsFault(
        "SLACK_APP_TOKEN is not set, so Slack cannot reach this service.",
        hint="Set it to an app-level token (xapp-…, scope connections:write) for Socket Mode, "
        "or SLACK_SIGNING_SECRET and POINTSMAN_HTTP=host:port for HTTP mode.",
    )


def warnings(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Things that are allowed but probably not meant: (what, cure)."""
    found = []
    if environment.get("SLACK_CLIENT_ID") and environment.get("SLACK_CLIENT_SECRET"):
        found.append(
            (
                "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are set; they belong to apps that many workspaces install "
                "and are ignored here.",
                "Unset both: this service uses SLACK_BOT_TOKEN.",
            )
        )
    for name in sorted(environment):
        if name.startswith("POINTSMAN_") and name not in VARIABLES:
            close = get_close_matches(name, VARIABLES, n=1)
            found.append((f"{name} is not a setting.", f"Did you mean {close[0]}?" if close else "Remove it."))
    return found
