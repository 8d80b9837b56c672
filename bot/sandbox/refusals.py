"""How Slack says no: an error code, and what it adds to explain it."""

from typing import Any

Json = dict[str, Any]


class SlackRefusal(Exception):
    """A Web API call that Slack answers with `ok: false`; `code` is Slack's own word for it."""

    def __init__(self, code: str, *, status: int = 200, headers: dict[str, str] | None = None, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.headers = headers or {}
        self.extra = extra

    def body(self) -> Json:
        return {"ok": False, "error": self.code, **self.extra}


def refused_arguments(*messages: str) -> SlackRefusal:
    """The refusal for arguments that are missing or malformed, naming each."""
    return SlackRefusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {one}" for one in messages]})
