"""The operator's settings file (POINTSMAN_SETTINGS): values for workflows, groups of people, hosts that may be reached.

settings: {publish_post: {cms_url: https://cms.example}}   # by workflow
groups: {editors: [U012ABCDE, ada@meadow.example]}
hosts: ["cms.internal:8443", "10.1.0.0/16"]                # private addresses that steps may reach
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.faults import SettingsFault
from store.model import Json, Plan


class OperatorFile(BaseModel):
    """What stands in the file; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    settings: dict[str, dict[str, Any]] = {}
    groups: dict[str, list[str]] = {}
    hosts: list[str] = []

    def for_workflow(self, plan: Plan) -> Mapping[str, Json]:
        """The settings of one workflow: the author's defaults, and over them what stands in the file."""
        defaults = {name: schema["default"] for name, schema in plan.settings.items() if "default" in (schema or {})}
        return defaults | self.settings.get(plan.workflow, {})

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


_KNOWN = "It may hold settings, groups and hosts; see docs/operating.md."


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"{where} is not known here."
    return f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}." if where else f"{first['msg']}."
