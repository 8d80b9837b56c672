"""What a step of each kind must say beyond its shape, and the template that its attempts will fill."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path as FilePath
from typing import Any

from pydantic_core import PydanticCustomError

from engine.definitions.calls import ANYTHING, NotCallable, Signature, signature_of
from engine.definitions.files import NotReadable, read_text
from engine.definitions.outline import Site
from engine.definitions.problem import Aside, Findings, suggestion
from engine.definitions.source import Path
from engine.definitions.step_shapes import (
    ApprovalStep,
    BlockStep,
    FormStep,
    HttpDeed,
    MessageDeed,
    ModelStep,
    PythonDeed,
    WaitStep,
)
from engine.definitions.words import given, name_fault, positive_length_ms
from store.model import Json

_OPENS = "${{"
_POLLED_EVERY = "10s"
_POLLED_FOR = "1h"


def with_of(findings: Findings, site: Site, folder: FilePath, shown_folder: str) -> tuple[Json, dict[Path, Aside]]:
    """The step's `with` as the plan keeps it: texts from files in place, the policy of a gate left out."""
    match site.step:
        case ApprovalStep() | FormStep():
            return _asked(site.step), {}
        case BlockStep(output=output):
            return output, {}
        case ModelStep():
            return _with_files(findings, site, folder, shown_folder)
    raw = site.raw.get("with")
    raw = {} if raw is None else raw
    match site.step:
        case HttpDeed() if isinstance(raw, dict):
            return {key: value for key, value in raw.items() if key != "poll"}, {}
        case WaitStep() if isinstance(raw, dict) and "event" in raw:
            length = raw.get("timeout", raw.get("for"))
            kept = {"until": raw["until"]} if "until" in raw else {}
            return kept | ({"for": length} if length is not None else {}), {}
    return raw, {}


def poll_of(step: HttpDeed) -> dict[str, Json] | None:
    """How often and until when an http step asks again, in the words of the file."""
    poll = step.with_.poll
    if poll is None:
        return None
    told: dict[str, Json] = {"every": f"{poll.every}ms" if poll.every else _POLLED_EVERY, "until": poll.until}
    told["timeout"] = f"{poll.timeout}ms" if poll.timeout else _POLLED_FOR
    told |= {"url": poll.url} if poll.url else {}
    return told | ({"fail_when": poll.fail_when} if poll.fail_when is not None else {})


def event_of(step: WaitStep) -> dict[str, Json]:
    """What a step waits for; empty when it is only time."""
    match step.with_.event:
        case None:
            return {}
        case str() as name:
            return {"event": name, "on_timeout": step.with_.on_timeout}
        case event if hasattr(event, "webhook"):
            return {"event": event.webhook, "webhook": event.webhook, "on_timeout": step.with_.on_timeout}
        case event:
            told = {"event": "message", "message": event.message, "matches": event.matches}
            return {**told, "on_timeout": step.with_.on_timeout}


def _asked(step: ApprovalStep | FormStep) -> dict[str, Json]:
    said = step.with_
    kept: dict[str, Json] = {"question": said.question}
    kept |= {"show": said.show} if said.show is not None else {}
    kept |= {"card": {"fields": said.card.fields, "body": said.card.body}} if said.card.fields or said.card.body else {}
    kept |= {} if isinstance(said.approvers, tuple) else {"approvers": said.approvers.from_}
    if isinstance(step, ApprovalStep):
        auto = step.with_.auto
        policies = (("reject", auto.reject), ("changes", auto.changes), ("approve", auto.approve))
        told = [
            {"verdict": verdict, "when": _computed(policy.when), "comment": policy.comment}
            for verdict, policy in policies
            if policy is not None
        ]
        kept |= {"auto": told} if told else {}
    return kept


def _computed(condition: str) -> Json:
    """A condition as a template, which gives true or false."""
    bare = condition.strip()
    if bare in ("true", "false"):
        return bare == "true"
    return condition if bare.startswith(_OPENS) else f"${{{{ {bare} }}}}"


def _with_files(
    findings: Findings, site: Site, folder: FilePath, shown_folder: str
) -> tuple[dict[str, Json], dict[Path, Aside]]:
    filled, asides = dict(site.raw["with"]), {}
    base: Path = (*site.path, "with")
    for key in ("prompt", "system"):
        value = filled.get(key)
        if isinstance(value, dict):
            try:
                filled[key] = read_text(folder, value["file"])
            except NotReadable as error:
                findings.error((*base, key, "file"), "file_not_found", str(error), error.hint)
                filled[key] = ""
            else:
                asides[(*base, key)] = Aside(f"{shown_folder}{value['file']}", filled[key])
    return filled, asides


def check_step(findings: Findings, site: Site, models: frozenset[str] | None) -> None:
    """What the shape alone cannot say."""
    step, base = site.step, (*site.path, "with")
    match step:
        case HttpDeed():
            _one_body(findings, base, step)
        case ModelStep():
            _question(findings, base, step)
            _models(findings, base, step, models)
        case WaitStep():
            _wait(findings, base, step)
        case MessageDeed():
            if not step.with_.text.strip():
                findings.error((*base, "text"), "no_value", "there is nothing to say", "write a text")
    when = getattr(step, "when", None)
    if when is not None and when.strip("${} ") == "false":
        path = (*site.path, "when")
        findings.warning(path, "never_runs", f"step `{site.called}` never runs", "delete it, or write a condition")
    attempt, whole = getattr(step, "attempt_timeout", None), getattr(step, "timeout", None)
    if attempt is not None and whole is not None and attempt > whole:
        path = (*site.path, "attempt_timeout")
        message = "one attempt may take longer than all of them together"
        findings.error(path, "attempt_longer_than_step", message, "make `attempt_timeout:` shorter than `timeout:`")


def check_undo(findings: Findings, site: Site, effect: str) -> None:
    """A step that changes nothing need not be taken back."""
    if effect == "pure" and getattr(site.step, "undo", None) is not None:
        message = f"`{site.called}` is pure, so there is nothing to take back"
        hint = "leave `undo:` out, or say what it does: effect: idempotent"
        findings.warning((*site.path, "undo"), "undo_without_use", message, hint, key=True)


def signature(findings: Findings, site: Site, folder: FilePath) -> Signature:
    """The signature of what a python step calls; anything goes where it cannot be told."""
    if not isinstance(site.step, PythonDeed):
        return ANYTHING
    try:
        return signature_of(folder, site.step.call)
    except NotCallable as error:
        report = findings.error if error.certain else findings.warning
        report((*site.path, "call"), "call_not_found", str(error), error.hint)
    return ANYTHING


def _one_body(findings: Findings, base: Path, step: HttpDeed) -> None:
    written = [key for key in ("json", "form", "body") if (*base, key) in findings.source.keys]
    if len(written) > 1:
        message = f"a request has one body, and here are {' and '.join(written)}"
        findings.error((*base, written[1]), "several_bodies", message, "keep one of them", key=True)
    elif written and step.with_.method in ("GET", "HEAD"):
        message = f"a {step.with_.method} request has no body"
        hint = "write method: POST, or put the data under `query:`"
        findings.error((*base, written[0]), "body_without_use", message, hint, key=True)
    poll = step.with_.poll
    if poll is not None and poll.every and poll.timeout and poll.every >= poll.timeout:
        message = "it would be given up before it is asked again"
        findings.error((*base, "poll", "every"), "poll_too_slow", message, "make `every:` shorter than `timeout:`")


def _question(findings: Findings, base: Path, step: ModelStep) -> None:
    said = step.with_
    if said.prompt is None and said.messages is None:
        findings.error(base, "missing_key", "`prompt` is missing: the model is asked nothing", "add `prompt:`")
    elif said.prompt is not None and said.messages is not None:
        findings.error(
            (*base, "messages"), "two_questions", "`prompt` and `messages` are both given", "keep one", key=True
        )


def _models(findings: Findings, base: Path, step: ModelStep, models: frozenset[str] | None) -> None:
    listed = isinstance(step.with_.model, list)
    names = step.with_.model if listed else [step.with_.model]
    for index, name in enumerate(names):
        path = (*base, "model", index) if listed else (*base, "model")
        if _OPENS in name:
            findings.error(path, "model_computed", "the model of a step is fixed", "write a name of the models file")
        elif models is not None and name not in models:
            hint = suggestion(name, sorted(models), what="models")
            findings.error(path, "unknown_model", f"the models file has no model `{name}`", hint)


def _wait(findings: Findings, base: Path, step: WaitStep) -> None:
    said = step.with_
    if said.event is None:
        for key in ("timeout", "on_timeout"):
            if (*base, key) in findings.source.keys:
                message, hint = f"`{key}` belongs to `event`, and there is none here", "add `event:`, or write `for:`"
                findings.error((*base, key), "event_missing", message, hint, key=True)
                return
        if (said.for_ is None) == (said.until is None):
            hint = 'write {for: 2h}, or {until: "2026-11-02T09:00:00+01:00"}, or {event: paid, timeout: 3d}'
            findings.error(base, "bad_wait", "a wait says `for:`, `until:` or `event:`", hint)
            return
    elif not _event(findings, base, step):
        return
    for key, length in (("for", said.for_), ("timeout", said.timeout)):
        if length is not None and _OPENS not in str(length):
            _length(findings, (*base, key), length)
    until = said.until
    if until is not None and _OPENS not in str(until) and not _is_moment(until):
        hint = 'write it with its zone, in quotes: "2026-11-02T09:00:00+01:00"'
        findings.error((*base, "until"), "bad_moment", f"a moment is needed here, not {given(until)}", hint)


def _event(findings: Findings, base: Path, step: WaitStep) -> bool:
    said: Any = step.with_
    clocks = [key for key, value in (("for", said.for_), ("timeout", said.timeout), ("until", said.until)) if value]
    if len(clocks) > 1:
        message = f"it ends either by `{clocks[0]}` or by `{clocks[1]}`"
        findings.error((*base, clocks[1]), "two_clocks", message, "keep one of them", key=True)
        return False
    if not clocks:
        message = "when it never happens, the step waits for as long as the run may take"
        findings.warning((*base, "event"), "event_without_end", message, "add for instance `timeout: 3d`", key=True)
    name = said.event if isinstance(said.event, str) else getattr(said.event, "webhook", None)
    path = (*base, "event") if isinstance(said.event, str) else (*base, "event", "webhook")
    if name is None:
        return True
    fault = name_fault(name, "an event")
    if fault is not None:
        findings.error(path, *fault)
    return True


def _length(findings: Findings, path: Path, length: Json) -> None:
    try:
        positive_length_ms(length)
    except PydanticCustomError as error:
        context: Mapping[str, Json] = error.context or {}
        findings.error(path, context["code"], context["said"], context["hint"])


def _is_moment(text: Json) -> bool:
    if not isinstance(text, str) or not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text):
        return False
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False
