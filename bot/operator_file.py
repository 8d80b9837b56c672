"""The operator's settings file (POINTSMAN_SETTINGS): values for workflows, groups of people, hosts that may be reached,
limits.

settings: {publish_post: {cms_url: https://cms.example}}   # by workflow
groups: {editors: [U012ABCDE, ada@meadow.example]}
hosts: ["cms.internal:8443", "10.1.0.0/16"]                # private addresses that steps may reach
limits: {python_workers: 4, python_memory: 1GiB}           # processes for `python` steps, and what each may take
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from engine.faults import SettingsFault
from engine.quantities import size_bytes
from engine.workers.pool import SIZE
from engine.workers.process import MEMORY_BYTES
from store.model import Json, Plan

UNLIMITED = "unlimited"
MEMORY_BYTES_MIN = 256 * 1024**2  # of addresses, which an interpreter takes generously before it does anything


def _memory(text: Any) -> int | None:
    """Read a size, or `unlimited`."""
    size = None if text == UNLIMITED else size_bytes(text)
    if size is not None and size < MEMORY_BYTES_MIN:
        raise ValueError(f"a worker process does not start with less than 256MiB, and here stands {text}")
    return size


Memory = Annotated[int | None, BeforeValidator(_memory), PlainSerializer(lambda size: size or UNLIMITED)]


class Limits(BaseModel):
    """What the service may take of the machine."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    python_workers: int = Field(SIZE, ge=1, le=64, strict=True)
    python_memory: Memory = MEMORY_BYTES


class OperatorFile(BaseModel):
    """What stands in the file; all of it may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    settings: dict[str, dict[str, Any]] = {}
    groups: dict[str, list[str]] = {}
    hosts: list[str] = []
    limits: Limits = Limits()

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


_KNOWN = "It may hold settings, groups, hosts and limits; see docs/operating.md."


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"{where} is not known here."
    said = first["msg"].removeprefix("Value error, ")
    return f"{where}: {said[:1].lower()}{said[1:]}." if where else f"{said}."
