"""What Slack delivers, as the few things we listen to, each with the key that makes it one. Pure.

Slack delivers at least once and in any order. A key says "this is the same gesture": a retry, a second socket, or the
`message` event beside the `app_mention` of the same words.

    command           trigger id
    click             message or view, action, block, person, moment
    submission        view and its hash
    words             channel and client_msg_id, else ts
    shortcut          trigger id
    other events      event id
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from bot.attached import Attached, as_json, attached
from store import codec
from store.model import Json, Millis
from store.receipts import Receipt

Body: TypeAlias = Mapping[str, Any]

WORDS_SUBTYPES = frozenset({None, "file_share", "thread_broadcast"})  # the others are edits, joins, bots …
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class Ourselves:
    """Who we are in Slack, so that we listen neither to ourselves nor to what is meant for others."""

    app_id: str
    bot_user_id: str
    bot_id: str


@dataclass(frozen=True, slots=True)
class Said:
    """Words: after the slash command, after a mention, or bare in a direct message."""

    surface: Literal["slash", "mention", "dm"]
    text: str
    user: str
    channel: str
    ts: str = ""
    thread_ts: str = ""  # set only when the words stand in a thread
    external: bool = False  # the channel is shared with another organisation, as far as the event says so
    trigger_id: str = ""
    response_url: str = ""
    files: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True)
class Clicked:
    """A button was pressed. `value` is our own echo and proves nothing."""

    action_id: str
    value: str
    user: str
    container: Literal["message", "ephemeral", "home", "modal"]
    channel: str = ""
    message_ts: str = ""
    thread_ts: str = ""
    trigger_id: str = ""
    response_url: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form was sent. `values` holds what was typed or chosen, by block id; of choices their values, of files
    what Slack says of them."""

    callback_id: str
    private_metadata: str
    values: Mapping[str, Json]
    user: str
    trigger_id: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that somebody wrote; `text` is Slack's own markup."""

    channel: str
    ts: str
    text: str = ""
    user: str = ""  # empty for most apps
    thread_ts: str = ""  # set only when it stands in a thread
    files: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True)
class Posted:
    """A message in a channel that we are in, written by a person and not to us."""

    message: Message
    user: str
    external: bool = False  # the channel is shared with another organisation, as far as the event says so


@dataclass(frozen=True, slots=True)
class Chosen:
    """One of our shortcuts was chosen; in the menu of a message it is about that message."""

    callback_id: str
    user: str
    trigger_id: str
    response_url: str = ""
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class OpenedHome:
    """Somebody looks at the app's Home."""

    user: str


@dataclass(frozen=True, slots=True)
class Invited:
    """We were added to a channel, by this user when Slack says who it was."""

    channel: str
    user: str = ""


Heard: TypeAlias = Said | Clicked | Submitted | Posted | Chosen | OpenedHome | Invited
KINDS: dict[str, type[Heard]] = {
    kind.__name__: kind for kind in (Said, Clicked, Submitted, Posted, Chosen, OpenedHome, Invited)
}


def receipt(body: Body, ourselves: Ourselves, now: Millis) -> Receipt | None:
    """The receipt of a delivery; None when it is nothing that we listen to."""
    read = _read(body, ourselves)
    if read is None:
        return None
    key, kind, heard = read
    payload: Json = {"heard": type(heard).__name__, **codec.plain(heard)}
    return Receipt(_writable(key), kind, _whole(payload), received_at=now)


def heard(receipt: Receipt) -> Heard:
    """What a receipt is about."""
    fields = {name: value for name, value in receipt.payload.items() if name != "heard"}
    return codec.load(KINDS[receipt.payload["heard"]], fields)


_Kind: TypeAlias = Literal["command", "action", "view", "shortcut", "event"]
_Read: TypeAlias = tuple[str, _Kind, Heard] | None


def _read(body: Body, ourselves: Ourselves) -> _Read:
    app_id = body.get("api_app_id")
    if app_id and ourselves.app_id and app_id != ourselves.app_id:
        return None
    if "command" in body:
        return _command(body)
    match body.get("type"):
        case "event_callback":
            return _event(body, ourselves)
        case "block_actions":
            return _click(body)
        case "view_submission":
            return _submission(body)
        case "shortcut" | "message_action":
            return _shortcut(body)
    return None  # closing a form decides nothing, and the rest is not for us


def _command(body: Body) -> _Read:
    said = Said(
        surface="slash",
        text=_writable(body.get("text")),
        user=str(body["user_id"]),
        channel=str(body.get("channel_id") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        response_url=str(body.get("response_url") or ""),
    )
    return f"command:{said.trigger_id or said.response_url}", "command", said


def _event(body: Body, ourselves: Ourselves) -> _Read:
    event: Body = body.get("event") or {}
    match event.get("type"):
        case "app_mention":
            return _words(body, event, ourselves, "mention")
        case "message" if event.get("channel_type") == "im":
            return _words(body, event, ourselves, "dm")
        case "message" if event.get("channel_type") in ("channel", "group"):
            return _posted(body, event, ourselves)
        case "app_home_opened" if event.get("tab") == "home" and event.get("user"):
            return f"event:{body.get('event_id')}", "event", OpenedHome(str(event["user"]))
        case "member_joined_channel" if event.get("user") == ourselves.bot_user_id and event.get("channel"):
            invited = Invited(str(event["channel"]), str(event.get("inviter") or ""))
            return f"event:{body.get('event_id')}", "event", invited
    return None


def _words(body: Body, event: Body, ourselves: Ourselves, surface: Literal["mention", "dm"]) -> _Read:
    author = _author(event, ourselves)
    if not author:
        return None
    channel, ts = str(event["channel"]), str(event["ts"])
    said = Said(
        surface=surface,
        text=_addressed(_writable(event.get("text")), ourselves.bot_user_id),
        user=author,
        channel=channel,
        ts=ts,
        thread_ts=_thread(event.get("thread_ts"), ts),
        external=bool(body.get("is_ext_shared_channel")),
        files=attached(event.get("files")),
    )
    return f"words:{channel}:{event.get('client_msg_id') or ts}", "event", said


def _author(event: Body, ourselves: Ourselves) -> str:
    """The person who wrote it; empty for what apps say, we among them, and for edits, joins and the like."""
    author = str(event.get("user") or "")
    automatic = event.get("bot_id") or event.get("hidden") or event.get("subtype") not in WORDS_SUBTYPES
    return "" if automatic or author in (ourselves.bot_user_id, SLACKBOT) else author


def _posted(body: Body, event: Body, ourselves: Ourselves) -> _Read:
    author = _author(event, ourselves)
    if not author or _mention(ourselves.bot_user_id).search(str(event.get("text") or "")):
        return None  # what is said to us comes as a mention as well
    posted = Posted(_message(event, str(event["channel"])), author, bool(body.get("is_ext_shared_channel")))
    return f"posted:{posted.message.channel}:{event.get('client_msg_id') or posted.message.ts}", "event", posted


def _shortcut(body: Body) -> _Read:
    told: Body | None = body.get("message")
    chosen = Chosen(
        callback_id=str(body.get("callback_id") or ""),
        user=str(body["user"]["id"]),
        trigger_id=str(body.get("trigger_id") or ""),
        response_url=str(body.get("response_url") or ""),
        message=None if told is None else _message(told, str((body.get("channel") or {}).get("id") or "")),
    )
    return f"shortcut:{chosen.trigger_id}", "shortcut", chosen


def _message(told: Body, channel: str) -> Message:
    ts = str(told["ts"])
    return Message(
        channel,
        ts,
        _writable(told.get("text")),
        str(told.get("user") or ""),
        _thread(told.get("thread_ts"), ts),
        attached(told.get("files")),
    )


def _mention(bot_user_id: str) -> re.Pattern[str]:
    return re.compile(rf"\s*<@{re.escape(bot_user_id)}(?:\|[^<>]*)?>[\s,:]*")


def _addressed(text: str, bot_user_id: str) -> str:
    """The words without the mention that made us listen."""
    return _mention(bot_user_id).sub(" ", text).strip()


def _thread(thread_ts: object, ts: str) -> str:
    return str(thread_ts) if thread_ts and thread_ts != ts else ""


def _click(body: Body) -> _Read:
    actions: list[Body] = body.get("actions") or []
    if not actions:
        return None
    action, container, channel = actions[0], body.get("container") or {}, body.get("channel") or {}
    clicked = Clicked(
        action_id=str(action.get("action_id") or ""),
        value=str(action.get("value") or ""),
        user=str(body["user"]["id"]),
        container=_container(body, container),
        channel=str(channel.get("id") or container.get("channel_id") or ""),
        message_ts=str(container.get("message_ts") or ""),
        thread_ts=str(container.get("thread_ts") or (body.get("message") or {}).get("thread_ts") or ""),
        trigger_id=str(body.get("trigger_id") or ""),
        response_url=str(body.get("response_url") or ""),
    )
    where = clicked.message_ts or (body.get("view") or {}).get("id") or container.get("view_id")
    key = ":".join(("click", str(where), clicked.action_id, str(action.get("block_id")), clicked.user))
    return f"{key}:{action.get('action_ts')}", "action", clicked


def _container(body: Body, container: Body) -> Literal["message", "ephemeral", "home", "modal"]:
    view = body.get("view")
    if view is not None:
        return "home" if view.get("type") == "home" else "modal"
    return "ephemeral" if container.get("is_ephemeral") else "message"


def _submission(body: Body) -> _Read:
    view: Body = body["view"]
    submitted = Submitted(
        callback_id=str(view.get("callback_id") or ""),
        private_metadata=str(view.get("private_metadata") or ""),
        values=dict(_typed(view)),
        user=str(body["user"]["id"]),
        trigger_id=str(body.get("trigger_id") or ""),
    )
    return f"submission:{view.get('id')}:{view.get('hash')}", "view", submitted


def _typed(view: Body) -> Iterator[tuple[str, Json]]:
    """What was typed and chosen, by block id; elements that we never use and empty fields are left out."""
    values: Mapping[str, Mapping[str, Body]] = (view.get("state") or {}).get("values") or {}
    for block_id, fields in values.items():
        for state in fields.values():
            entered = _entered(state)
            if entered is not None:
                yield block_id, entered


def _entered(state: Body) -> Json:
    match state.get("type"):
        case "plain_text_input" | "number_input" if isinstance(state.get("value"), str):
            return _writable(state["value"])
        case "datepicker" if isinstance(state.get("selected_date"), str):
            return _writable(state["selected_date"])
        case "static_select" | "external_select" | "radio_buttons" if isinstance(state.get("selected_option"), dict):
            return _writable(state["selected_option"].get("value"))
        case "multi_static_select" | "checkboxes" if state.get("selected_options"):
            return [_writable(option.get("value")) for option in state["selected_options"]]
        case "file_input" if state.get("files"):
            return as_json(attached(state["files"]))
    return None


def _whole(value: Json) -> Json:
    """The same with text in it that can be written, whatever it is the text of."""
    if isinstance(value, dict):
        return {_writable(name): _whole(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(inner) for inner in value]
    return _writable(value) if isinstance(value, str) else value


def _writable(text: object) -> str:
    """The text without halves of surrogate pairs: JSON may escape them, but no encoding can write them."""
    return str(text or "").encode("utf-8", "replace").decode()
