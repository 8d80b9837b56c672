"""Mapping: what a step is given, computed from the run's inputs and what earlier steps produced.

Secrets never take part in expressions. Each stands in the scope as a mark nobody can guess; after the template is
filled, every text that holds a mark becomes a wrapped secret, which only the activity reveals.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.faults import ActivityFault
from engine.provenance import named_by
from engine.rules.expressions import ExpressionError, Reference, Template, parse_template
from engine.rules.scope import Where, scope
from engine.secrets import Secret
from store.content import ContentFolder
from store.model import Facts, Json, Millis, Plan, Run, StepPlan, StepStatus

Resolve = Callable[[str, str], Secret]
"""The secret behind a reference, with its name."""

TEMPLATES_MAX = 4_096
_templates: dict[tuple[str, str], tuple[Json, Template, tuple[Reference, ...]]] = {}
_SESSION = os.urandom(9).hex()
_MARK = re.compile(f"⟦{_SESSION}:([a-z_][a-z0-9_]*)⟧")


@dataclass(frozen=True, slots=True)
class Mapped:
    """The filled template, and the secrets that were put into it."""

    value: Json
    secrets: tuple[Secret, ...] = ()
    host_from: str = ""  # what in the data names the host of the URL, when something does


def mapped(
    plan: Plan,
    spec: StepPlan,
    run: Run,
    content: ContentFolder,
    settings: Mapping[str, Json],
    where: Where,
    secret: Resolve | None = None,
) -> Mapped:
    """The step's `with`, filled, as seen from where the step stands; `secret` gives the value behind a reference.

    Raises ActivityFault with the place of the expression that failed.
    """
    if spec.with_ is None:
        return Mapped({})
    template, references = _read(plan.version, spec)
    if not references:
        return Mapped(template.fill({}))
    names = scope(plan, run, references, Facts(content=content.values, settings=settings), where)
    used = {r.path[1] for r in references if r.path[0] == "secrets" and len(r.path) > 1}
    if used:
        names["secrets"] = {name: f"⟦{_SESSION}:{name}⟧" for name in used}
    try:
        filled = template.fill(names)
    except ExpressionError as error:
        raise _unfilled(spec, run, where, error) from None
    host_from = named_by(plan, spec, spec.with_.get("url"), names) if spec.uses == "http" else ""
    if not used:
        return Mapped(filled, host_from=host_from)
    secrets = {name: (secret or resolve)(plan.secrets[name], name) for name in used}
    return Mapped(_wrapped(filled, secrets), tuple(secrets.values()), host_from)


def _unfilled(spec: StepPlan, run: Run, where: Where, error: ExpressionError) -> ActivityFault:
    undone = spec.name.removesuffix(":undo")
    row = run.steps.get(undone if where.item is None else f"{undone}[{where.item}]")
    if undone != spec.name and row is not None and row.status is not StepStatus.SUCCEEDED:
        return ActivityFault(
            "undo_without_output",
            f"Nobody knows whether {row.key} happened, so it has no output to take it back by: {error}",
            retryable=False,
            hint=f"Look whether it happened, and take it back by hand. In the workflow file has(steps.{undone}.output)"
            " provides for that.",
        )
    return ActivityFault(
        "mapping_failed",
        f"The input of {spec.name} could not be computed: {error}",
        retryable=False,
        hint="Mend the expression in the workflow file, then start a new run.",
    )


def _read(version: str, spec: StepPlan) -> tuple[Template, tuple[Reference, ...]]:
    """The step's template and what it refers to: read once, as a version never changes."""
    known = _templates.get((version, spec.name))
    if known is not None and known[0] is spec.with_:  # a rehearsal may put other steps in a version's place
        return known[1], known[2]
    template = parse_template(spec.with_)
    references = template.references
    if len(_templates) >= TEMPLATES_MAX:
        _templates.clear()
    _templates[version, spec.name] = (spec.with_, template, references)
    return template, references


def resolve(reference: str, name: str) -> Secret:
    """The secret behind `env:NAME` or `file:PATH`. Raises ActivityFault when there is none."""
    kind, _, where = reference.partition(":")
    if kind == "env" and os.environ.get(where):
        return Secret(os.environ[where], name)
    if kind == "file":
        try:
            return Secret(Path(where).read_text().strip(), name)
        except (OSError, UnicodeDecodeError):
            pass
    raise ActivityFault(
        "secret_missing",
        f"The secret {name} ({reference}) is not set where the service runs.",
        retryable=False,
        hint=f"Set {where} for the service, then start the run again.",
    )


def _wrapped(value: Json, secrets: Mapping[str, Secret]) -> Json:
    if isinstance(value, str):
        if "⟦" not in value or not _MARK.search(value):
            return value
        text = _MARK.sub(lambda found: secrets[found[1]].reveal(), value)
        return Secret(text, _MARK.search(value)[1])  # type: ignore[index]
    if isinstance(value, dict):
        return {key: _wrapped(part, secrets) for key, part in value.items()}
    if isinstance(value, list):
        return [_wrapped(part, secrets) for part in value]
    return value


def moment(value: Json) -> Millis:
    """Read a moment: milliseconds, or RFC 3339 text with an offset. ValueError with a sentence for anything else."""
    if type(value) is int:
        return value
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
            return int(at.timestamp() * 1000)
    raise ValueError(f"{value!r} is no moment; write it like 2026-11-02T17:00:00Z")
