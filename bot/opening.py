"""From settings to what the engine needs: read once, the same for a service, a command and the doctor."""

from __future__ import annotations

from dataclasses import dataclass

from bot import operator_file
from bot.folder import Folder
from bot.operator_file import OperatorFile
from bot.settings import Settings
from engine.models import Models
from engine.secrets import Redactor
from engine.service import Options
from engine.tape import Recording


@dataclass(frozen=True, slots=True)
class Opening:
    """Everything that was read before anything is opened."""

    settings: Settings
    operator: OperatorFile
    models: Models | None
    redactor: Redactor
    folder: Folder

    def options(self) -> Options:
        key = self.settings.audit_key
        return Options(
            database=self.settings.db,
            synchronous=self.settings.synchronous,
            allowed_hosts=(*self.operator.hosts, *(() if self.models is None else self.models.hosts)),
            calendars=self.operator.calendars,
            models=self.models,
            python_workers=self.operator.limits.python_workers,
            python_memory_bytes=self.operator.limits.python_memory,
            audit_key=b"" if key is None else key.get_secret_value().encode(),
            redactor=self.redactor,
            record=self.settings.record,
        )


def _models(settings: Settings) -> Models | None:
    """The endpoints of the models file; all of them answer from the recording, when there is one to answer from."""
    models = None if settings.models_file is None else Models.load(settings.models_file)
    if settings.replay is None:
        return models
    return (models or Models()).replaying(settings.replay, Recording.load(settings.replay).models)


def opening(settings: Settings, *, running: bool = True) -> Opening:
    """Read the operator's file and the models file. Raises SettingsFault.

    Unless something is to be `running`, settings of workflows that no file gives are simply not known here.
    """
    operator = operator_file.read(settings.settings_file)
    models = _models(settings)
    redactor = Redactor()
    for value in settings.secrets():
        redactor.add(value)
    for secret in models.secrets() if models is not None else ():
        redactor.add(secret)
    known = operator if settings.settings_file is not None or running else None
    return Opening(settings, operator, models, redactor, Folder(settings.workflows, known, models))
