"""What starts runs besides people asking for one: schedules, webhooks, messages and shortcuts, proved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from engine.definitions import fitting, scope
from engine.definitions.places import Place
from engine.definitions.problem import Findings
from engine.definitions.references import NameCheck
from engine.definitions.schemas import FILE_SCHEMA
from engine.definitions.shape import WorkflowFile
from engine.definitions.slots import Shape
from engine.definitions.source import Path
from engine.definitions.trigger_shapes import MessageShape, ScheduleShape, ShortcutShape, VerifyShape, WebhookShape
from engine.rules.expressions import Type, list_of, map_of, object_of
from store.model import MessageTrigger, Schedule, Shortcut, Trigger, Webhook

_TEXT = scope.TEXT
_MESSAGE = object_of(
    {**dict.fromkeys(("text", "user", "channel", "ts", "thread", "permalink"), _TEXT), "files": list_of(FILE_SCHEMA)}
)
EVENTS: dict[type[Shape], Type] = {
    ScheduleShape: object_of({"slot": _TEXT, "schedule": _TEXT}),
    WebhookShape: object_of({"body": scope.ANY, "headers": map_of(_TEXT), "query": map_of(_TEXT)}),
    MessageShape: _MESSAGE,
    ShortcutShape: object_of({"message": _MESSAGE, "user": _TEXT, "channel": _TEXT}),
}
_ONE_SECRET = re.compile(r"\$\{\{\s*secrets\.([a-z][a-z0-9_]*)\s*\}\}")


def check_triggers(findings: Findings, file: WorkflowFile, names: scope.Names, check: NameCheck) -> tuple[Trigger, ...]:
    """The triggers of a file, after reporting what is wrong with them."""
    _named_twice(findings, file.on)
    return tuple(_Trigger(findings, names, check, ("on", index), one).checked() for index, one in enumerate(file.on))


def _named_twice(findings: Findings, triggers: Sequence[Any]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for index, one in enumerate(triggers):
        for key in ("schedule", "webhook", "shortcut"):
            name = getattr(one, key, None)
            if name is not None and seen.setdefault((key, name), index) != index:
                message = f"there are two with the name {name}, and nobody could tell which of them started a run"
                findings.error(("on", index, key), "trigger_twice", message, "give one of them another name")


class _Trigger:
    def __init__(self, findings: Findings, names: scope.Names, check: NameCheck, path: Path, said: Any) -> None:
        self.findings = findings
        self.names = names
        self.check = check
        self.path = path
        self.said = said

    def checked(self) -> Trigger:
        self._inputs()
        match self.said:
            case ScheduleShape() as one:
                return Schedule(one.schedule, one.cron, one.timezone, one.overlap, one.catch_up, one.inputs)
            case WebhookShape() as one:
                how, secret = self._verify(one.verify)
                return Webhook(one.webhook, how, secret, one.dedupe, one.inputs)
            case MessageShape() as one:
                return MessageTrigger(one.message, one.matches, one.from_, one.replies, one.inputs)
        assert isinstance(self.said, ShortcutShape)
        return Shortcut(self.said.shortcut, self.said.inputs)

    def _inputs(self) -> None:
        place = Place("", self.path, roots=frozenset(), extra={"event": EVENTS[type(self.said)]})
        for name, value in self.said.inputs.items():
            place.template((*self.path, "inputs", name), value, self.findings)
        place.value((*self.path, "dedupe"), getattr(self.said, "dedupe", None), self.findings)
        self.check.look(place)
        types = fitting.expression_types(self.findings, place, place.extra)
        given = {name: types.get((*self.path, "inputs", name), scope.ANY) for name in self.said.inputs}
        # From the menu of a message a person is asked for what is missing; the others have nobody to ask.
        written = self.findings.source.nodes.get((*self.path, "inputs"))
        asks = isinstance(self.said, ShortcutShape) or (written is not None and written.kind != "map")
        optional = self.names.optional_inputs | self.names.defaulted_inputs
        fitting.fit_inputs(self.findings, (*self.path, "inputs"), given, self.names.inputs, optional, complete=not asks)

    def _verify(self, said: VerifyShape | None) -> tuple[Any, str]:
        path: Path = (*self.path, "verify")
        if said is None:
            message = "whoever knows this address can start runs"
            hint = 'add verify: {hmac_sha256: "${{ secrets.NAME }}"} or {token: "${{ secrets.NAME }}"}'
            self.findings.warning((*self.path, "webhook"), "webhook_open", message, hint)
            return "", ""
        written = [key for key in ("hmac_sha256", "token") if getattr(said, key)]
        if not written and any(key[: len(path)] == path and key != path for key in self.findings.source.keys):
            return "", ""  # something is written, and what is wrong with it was told
        if len(written) != 1:
            message = "a delivery is verified in one way" if written else "it is not said how a delivery is verified"
            hint = 'write {hmac_sha256: "${{ secrets.NAME }}"} or {token: "${{ secrets.NAME }}"}'
            self.findings.error(path, "bad_verify", message, hint)
            return "", ""
        how, text = written[0], getattr(said, written[0])
        match = _ONE_SECRET.fullmatch(text.strip())
        if match is None:
            # Never repeat the text: somebody may have put the secret itself here.
            hint = 'name it under `secrets:` and write "${{ secrets.NAME }}"'
            message = "this is a reference to a secret, never the value itself"
            self.findings.error((*path, how), "bad_secret", message, hint)
            return how, ""
        place = Place("", self.path, "webhook", roots=frozenset({"secrets"}))
        place.template((*path, how), text, self.findings)
        self.check.look(place)
        return how, match.group(1)
