"""A person at the keyboard: speaks, types commands, opens the Home; windows and buttons are in `clicking`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bot.sandbox import answers, composing, hearing, speech
from bot.sandbox.delivery import Outcome
from bot.sandbox.entering import NotPossible
from bot.sandbox.parts import Parts
from bot.sandbox.people import Channel, User
from bot.sandbox.refusals import Json, SlackRefusal

NOT_A_COMMAND = (
    '`{command}` is not a valid command. In Slack, all messages that start with the "/" character are interpreted '
    'as commands.\n\nIf you are trying to send a message and not run a command, try preceding the "/" with an empty '
    "space."
)
NOT_HERE = "You mentioned <@{user}>, but they’re not in this channel."
TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswer:
    """What a person sees at once after a command: the text of the ack, or Slack's error."""

    acked: bool
    text: str = ""
    payload: Any = None
    error: str | None = None


class Actor:
    """What every doing of a person needs: who it is, what they may see, and how Slack warns them."""

    def __init__(self, parts: Parts, user_id: str) -> None:
        self._parts = parts
        self.id = user_id
        self.warnings: list[str] = []

    @property
    def user(self) -> User:
        return self._parts.workspace.users[self.id]

    @property
    def open_views(self) -> list[Json]:
        """The modals on this person's screen, the top one last."""
        return list(self._parts.views.stack(self.id))

    @property
    def home(self) -> Json | None:
        """The Home that the app published for this person."""
        return self._parts.views.home(self.id)

    @property
    def ephemerals(self) -> list[Json]:
        """What only this person saw, oldest first."""
        return list(self._parts.workspace.ephemerals(self.id))

    def channel(self, name: str) -> Channel:
        """A channel this person is in; `dm` and `@flow` mean the conversation with the bot."""
        workspace = self._parts.workspace
        if name in ("dm", f"@{workspace.app.handle}", workspace.app.bot_user_id):
            return workspace.open_direct_message(self.user)
        channel = workspace.channel(name)
        if self.id not in channel.members:
            raise NotPossible(f"{self.user.handle} is not in #{channel.name}")
        return channel

    def warn(self, code: str, text: str) -> None:
        """Show an error of Slack's own; `code` is Slack's word for it."""
        self.warnings.append(code)
        item = {"type": "warning", "code": code, "text": text}
        self._parts.feed.publish(item, only=frozenset({self.id}))


class Speaking(Actor):
    """Messages, commands, the Home."""

    async def say(
        self,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        files: Iterable[tuple[str, bytes] | str] = (),
        *,
        reply_broadcast: bool = False,
    ) -> Json:
        """Post a message; the app hears of it beside. Gives the stored message.

        `files` are (name, content), or ids of files uploaded before.
        """
        place = self.channel(channel)
        if place.is_archived:
            raise NotPossible(f"#{place.name} is archived")
        root = self._root(place, thread_ts)
        records = [self._file(one) for one in files]
        for record in records:
            self._parts.files.share(record["id"], place)
        if not text and not records:
            raise NotPossible("an empty message cannot be sent")
        message = composing.by_person(self._parts, self.user, text, thread_ts=root, files=records)
        if root and reply_broadcast:
            message["subtype"] = "thread_broadcast"
        self._parts.workspace.post(place.id, message)
        for record in records:
            hearing.shared(self._parts, place, record, self.user)
        hearing.said(self._parts, place, message)
        self._offer_invitation(place, message)
        return message

    async def edit(self, channel: str, ts: str, text: str) -> Json:
        """Change a message of one's own; the app hears of it beside. Gives the stored message."""
        place = self.channel(channel)
        message = self._parts.workspace.said(place.id).get(ts)
        if message is None or message.get("user") != self.id:
            raise NotPossible(f"{self.user.handle} has written no message {ts} in #{place.name}")
        mark = {"user": self.id, "ts": self._parts.workspace.mint_ts()}
        written = composing.by_person(self._parts, self.user, text)
        message.update({name: written[name] for name in ("text", "blocks") if name in written} | {"edited": mark})
        self._parts.workspace.change(place.id, message)
        hearing.edited(self._parts, place, message)
        return message

    async def command(self, command: str, rest: str = "", channel: str = "#general") -> CommandAnswer:
        """Type a slash command and wait for the app's ack."""
        place = self.channel(channel)
        if command == "/invite":
            return self._invite(place, rest)
        known = self._parts.workspace.app.command(command)
        if known is None or self.user.team_id != self._parts.workspace.team_id:
            return self._refused(place, "invalid_command", NOT_A_COMMAND.format(command=command))
        text = speech.command_text(self._parts.workspace, rest.strip(), escape=known.should_escape)
        url = self._parts.response_urls.mint(user_id=self.id, channel_id=place.id)
        payload = self._parts.payloads.command(
            self.user,
            place,
            command=command,
            text=text,
            trigger_id=self._parts.triggers.mint(self.id),
            response_url=url,
        )
        outcome = await self._parts.delivery.command(payload)
        return self._command_answer(place, command, url, outcome)

    async def open_home(self, tab: str = "home") -> None:
        """Click on the app in the sidebar; the app hears of it beside."""
        hearing.home_opened(self._parts, self.user, tab)

    def _command_answer(self, place: Channel, command: str, url: str, outcome: Outcome) -> CommandAnswer:
        if not outcome.acked:
            error = outcome.error or "dispatch_failed"
            self.warn(error, f'{command} failed with the error "{error}"')
            return self._refused(place, error, f'{command} failed with the error "{error}"')
        payload = outcome.payload
        text = str(payload.get("text") or "") if isinstance(payload, dict) else ""
        if isinstance(payload, dict) and (text or payload.get("blocks")):
            try:
                answers.put(self._parts, self._parts.response_urls.peek(url), payload)
            except SlackRefusal as refusal:
                self.warn("invalid_command_response", f"{command} answered with {refusal.code}")
                return self._refused(
                    place, "invalid_command_response", f'{command} failed with the error "invalid_command_response"'
                )
        return CommandAnswer(acked=True, text=text, payload=payload)

    def _refused(self, place: Channel, error: str, text: str) -> CommandAnswer:
        answers.whisper(self._parts, self.id, place.id, composing.by_slackbot(self._parts, text))
        return CommandAnswer(acked=False, error=error, text=text)

    def _invite(self, place: Channel, rest: str) -> CommandAnswer:
        try:
            invited = self._parts.workspace.user(rest.split()[0].strip("<@>").partition("|")[0])
        except (LookupError, IndexError):
            return self._refused(place, "user_not_found", f"We couldn’t find {rest.strip() or 'anybody'}.")
        if place.kind == "dm" or invited.id in place.members:
            return self._refused(place, "already_in_channel", f"<@{invited.id}> is already in this channel.")
        join(self._parts, place, invited, self.user)
        return CommandAnswer(acked=True)

    def _file(self, wanted: tuple[str, bytes] | str) -> Json:
        if not isinstance(wanted, str):
            return self._parts.files.add(*wanted, self.id)
        try:
            return self._parts.files.get(wanted)
        except SlackRefusal as refusal:
            raise NotPossible(f"there is no uploaded file {wanted}") from refusal

    def _root(self, place: Channel, thread_ts: str | None) -> str | None:
        try:
            return composing.checked_thread(self._parts, place.id, thread_ts)
        except SlackRefusal as refusal:
            raise NotPossible(f"there is no thread {thread_ts} in #{place.name}") from refusal

    def _offer_invitation(self, place: Channel, message: Json) -> None:
        app = self._parts.workspace.app
        if app.bot_user_id in place.members or not speech.mentions(message["text"], app.bot_user_id):
            return
        text = NOT_HERE.format(user=app.bot_user_id)
        answers.whisper(self._parts, self.id, place.id, composing.by_slackbot(self._parts, text))


def join(parts: Parts, place: Channel, user: User, inviter: User | None) -> None:
    """Make someone a member; the channel is told, and the app if it listens."""
    joined = parts.workspace.change_channel(place.id, members=place.members | {user.id})
    message = {
        "type": "message",
        "subtype": "channel_join",
        "user": user.id,
        "ts": parts.workspace.mint_ts(),
        "text": f"<@{user.id}> has joined the channel",
        **({"inviter": inviter.id} if inviter else {}),
    }
    parts.workspace.post(place.id, message)
    hearing.joined(parts, joined, user, inviter)
    hearing.said(parts, joined, message)
