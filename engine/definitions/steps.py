"""What a step of each kind must say beyond its shape, and the template that its attempts will fill."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path as FilePath

from pydantic_core import PydanticCustomError

from engine.definitions.calls import ANYTHING, NotCallable, Signature, signature_of
from engine.definitions.files import NotReadable, read_text
from engine.definitions.problem import Aside, Findings, suggestion
from engine.definitions.shape import AnyStep, ApprovalStep, HttpStep, ModelStep, PythonStep, WaitStep
from engine.definitions.source import Path
from engine.definitions.words import given, positive_length_ms
from store.model import Json

_OPENS = "${{"


def with_of(
    findings: Findings, name: str, step: AnyStep, raw: Json, folder: FilePath, shown_folder: str
) -> tuple[Json, dict[Path, Aside]]:
    """The step's `with` as the plan keeps it: texts from files in place, the policy of a gate left out."""
    base: Path = ("steps", name, "with")
    if isinstance(step, ApprovalStep):
        kept = {"question": step.with_.question}
        kept |= {"show": step.with_.show} if step.with_.show is not None else {}
        card = step.with_.card
        return kept | ({"card": {"fields": card.fields, "body": card.body}} if card.fields or card.body else {}), {}
    if not isinstance(step, ModelStep):
        return raw, {}
    filled, asides = dict(raw), {}
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


def check_step(findings: Findings, name: str, step: AnyStep, models: frozenset[str] | None) -> None:
    """What the shape alone cannot say."""
    base: Path = ("steps", name, "with")
    match step:
        case HttpStep():
            _one_body(findings, base, step)
        case ModelStep():
            _question(findings, base, step)
            _models(findings, base, step, models)
        case WaitStep():
            _wait(findings, base, step)
    if step.when is not None and step.when.strip("${} ") == "false":
        path = ("steps", name, "when")
        findings.warning(path, "never_runs", f"step `{name}` never runs", "delete it, or write a condition")
    attempt, whole = getattr(step, "attempt_timeout", None), getattr(step, "timeout", None)
    if attempt is not None and whole is not None and attempt > whole:
        path = ("steps", name, "attempt_timeout")
        message = "one attempt may take longer than all of them together"
        findings.error(path, "attempt_longer_than_step", message, "make `attempt_timeout:` shorter than `timeout:`")


def signature(findings: Findings, name: str, step: AnyStep, folder: FilePath) -> Signature:
    """The signature of what a python step calls; anything goes where it cannot be told."""
    if not isinstance(step, PythonStep):
        return ANYTHING
    try:
        return signature_of(folder, step.call)
    except NotCallable as error:
        report = findings.error if error.certain else findings.warning
        report(("steps", name, "call"), "call_not_found", str(error), error.hint)
    return ANYTHING


def _one_body(findings: Findings, base: Path, step: HttpStep) -> None:
    written = [key for key in ("json", "form", "body") if (*base, key) in findings.source.keys]
    if len(written) > 1:
        message = f"a request has one body, and here are {' and '.join(written)}"
        findings.error((*base, written[1]), "several_bodies", message, "keep one of them", key=True)
    elif written and step.with_.method in ("GET", "HEAD"):
        message = f"a {step.with_.method} request has no body"
        hint = "write method: POST, or put the data under `query:`"
        findings.error((*base, written[0]), "body_without_use", message, hint, key=True)


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
    length, until = step.with_.for_, step.with_.until
    if (length is None) == (until is None):
        hint = 'write {for: 2h}, or {until: "2026-11-02T09:00:00+01:00"}'
        findings.error(base, "bad_wait", "a wait says either `for:` or `until:`", hint)
        return
    if length is not None and _OPENS not in str(length):
        try:
            positive_length_ms(length)
        except PydanticCustomError as error:
            context: Mapping[str, Json] = error.context or {}
            findings.error((*base, "for"), context["code"], context["said"], context["hint"])
    if until is not None and _OPENS not in str(until) and not _is_moment(until):
        hint = 'write it with its zone, in quotes: "2026-11-02T09:00:00+01:00"'
        findings.error((*base, "until"), "bad_moment", f"a moment is needed here, not {given(until)}", hint)


def _is_moment(text: Json) -> bool:
    if not isinstance(text, str) or not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text):
        return False
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False
