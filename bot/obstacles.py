"""What can stand in the way of a message: what Slack's refusals mean for us, and how we try again."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bot.message import Message
from bot.slack import SlackFault
from bot.views.simple import simplified
from store.model import Millis

PLACE = frozenset(
    {
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "messages_tab_disabled",
        "user_not_found",
        "no_channel",
    }
)
"""We may not speak there."""

EDIT = frozenset(
    {"edit_window_closed", "cant_update_message", "block_mismatch", "is_inactive", "streaming_state_conflict"}
)
"""The message stands, but may not be changed into this."""

MISSING = frozenset({"message_not_found"})
"""The message is not there any more."""

THREAD = frozenset({"thread_not_found", "cannot_reply_to_message", "invalid_thread_ts"})
"""There is nothing to reply to."""

DUPLICATE = frozenset({"duplicate_message_not_found", "duplicate_channel_not_found"})
"""The id that we gave the message leads nowhere."""

BLOCKS = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_too_long",
        "invalid_attachments",
        "slack_file_not_found",
    }
)
"""Slack does not take what the message looks like."""

TOKEN = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "org_login_required",
        "ekm_access_denied",
        "team_access_not_granted",
        "access_denied",
    }
)
"""Slack does not let us speak at all."""

BLIND = frozenset(
    {"unknown_method", "missing_scope", "not_allowed_token_type", "method_not_supported_for_channel_type"}
)
"""This installation cannot look back, today or tomorrow."""

REFUSALS_MAX = 3  # tries with an answer that we do not know
LEVEL_MAX = 2
BACKOFF_MIN_MS = 2_000
BACKOFF_MAX_MS = 60_000


@dataclass(slots=True)
class Trouble:
    """What stands in the way of one message."""

    tries: int = 0
    not_before: Millis = 0
    not_sent: bool = False  # the last try did certainly not reach Slack
    level: int = 0  # how plain it has become: 0 as rendered, 1 simple blocks, 2 text alone

    def put_off(self, key: str, now: Millis) -> None:
        """Try again later: longer each time, and spread by the key, so that many do not come back at once."""
        self.tries += 1
        wait_ms = min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * int(2 ** min(self.tries - 1, 10)))
        self.not_before = now + wait_ms + sha256(key.encode()).digest()[0] * wait_ms // 1_024

    def patient(self, fault: SlackFault) -> bool:
        """Whether to try again: a pause or an outage is waited out, an answer that we do not know a few times."""
        return fault.retryable or fault.code in TOKEN or self.tries < REFUSALS_MAX


def said(message: Message, level: int) -> dict[str, Any]:
    """Text and blocks of a message at this degree of plainness."""
    match level:
        case 0:
            return {"text": message.rendering.text, "blocks": list(message.blocks)}
        case 1:
            return {"text": message.rendering.text, "blocks": list(simplified(message.blocks))}
        case _:
            return {"text": message.rendering.text}
