"""The switches of one sandbox, some of them changed while it runs."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Settings:
    """How strict the sandbox is and how it reaches the app.

    `deliver_by` is `socket` or `http`; `ack_deadline_ms` is real time, because it is about a connection;
    `edit_window_ms` is on the sandbox's clock, None lets messages be edited for ever. Without `strict` there
    are no rate limits, scopes and block limits.
    """

    bot_token: str
    app_token: str
    signing_secret: str
    verification_token: str = "sandbox-verification"  # noqa: S105
    strict: bool = True
    deliver_by: str = "socket"
    http_url: str | None = None
    ack_deadline_ms: int = 3_000
    edit_window_ms: int | None = None
    disabled_methods: set[str] = field(default_factory=set)
    banner: str | None = None
