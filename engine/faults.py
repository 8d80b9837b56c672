"""Faults, as a tree: what outside failed, and what may be done about it.

Fault                     something outside failed
├─ ActivityFault          a step's attempt failed                          retryable unless it says otherwise
├─ Interrupted            an attempt was cut off through no fault of its own; it does not use up a try
└─ SettingsFault          a setting is missing or wrong                    not retryable

What the database cannot do is told by store.faults, since nothing there may know the engine.
A refusal (a legal "no") is a value and never raised; a bug is any other exception.

Codes of ActivityFault, by who raises them:

every kind   input_invalid · output_invalid · output_too_large · timeout
http         http_status · http_timeout · http_connection · http_refused · http_protocol ·
             poll_failed · poll_invalid · poll_timeout
python       python_error · python_not_found
command      command_failed · command_not_found
model        model_refused · model_length · model_filtered · model_overloaded · model_quota · model_denied ·
             model_request_invalid · model_output_invalid · model_unreachable · model_unknown ·
             model_held · model_limited · model_not_recorded · budget_used_up
Interrupted  python_exit · python_crashed
"""

from collections.abc import Mapping

from store.model import Json


class Fault(Exception):
    """Something outside failed."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        retryable: bool = True,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class SettingsFault(Fault):
    """A setting is missing or wrong: the message names it, the hint tells the cure."""

    def __init__(self, message: str, *, hint: str = "", code: str = "setting_invalid") -> None:
        super().__init__(code, message, hint=hint, retryable=False)


class ActivityFault(Fault):
    """A step's attempt failed.

    `maybe_happened` says that the effect of a `once` step may have taken place although no good answer came back.
    `anew` says that work which had been given away has failed, so that asking for it again makes no sense.
    `usage` and `receipt` tell what the failed attempt cost and saw: a model's tokens are paid for, good answer or bad.
    `waited_ms` is for how long it waited for its turn, which is put down by who had it wait.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = True,
        retry_after_ms: int | None = None,
        maybe_happened: bool = False,
        hint: str = "",
        detail: Json = None,
        usage: Mapping[str, int] | None = None,
        receipt: Mapping[str, Json] | None = None,
        anew: bool = False,
    ) -> None:
        super().__init__(code, message, hint=hint, retryable=retryable, retry_after_ms=retry_after_ms)
        self.maybe_happened = maybe_happened
        self.anew = anew
        self.detail = detail
        self.usage: Mapping[str, int] = usage or {}
        self.receipt: Mapping[str, Json] = receipt or {}
        self.waited_ms = 0


class Interrupted(Fault):
    """An attempt was cut off through no fault of its own, as when its worker process died.

    `maybe_happened` is False only when the step's own code had certainly not begun.
    """

    def __init__(
        self, code: str, message: str, *, hint: str = "", maybe_happened: bool = True, detail: Json = None
    ) -> None:
        super().__init__(code, message, hint=hint, retryable=True)
        self.maybe_happened = maybe_happened
        self.detail = detail


class Later(Exception):
    """The work was given away and goes on elsewhere: the attempt ends well, and another asks for it later.

    `memo` is all that the next attempt needs to go on; JSON, without secrets.
    """

    def __init__(self, memo: Json, wait_ms: int) -> None:
        super().__init__("asked again later")
        self.memo = memo
        self.wait_ms = wait_ms
