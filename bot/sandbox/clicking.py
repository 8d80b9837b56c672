"""A person with the mouse: buttons, menus, modals, shortcuts."""

from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import entering
from bot.sandbox.acting import TROUBLE, Speaking
from bot.sandbox.blocks import reading
from bot.sandbox.blocks.reading import STATE_FIELDS
from bot.sandbox.entering import NotPossible
from bot.sandbox.people import Channel
from bot.sandbox.refusals import Json, SlackRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickOutcome:
    """Whether the app acknowledged in time, and else the error that Slack shows."""

    acked: bool
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOutcome:
    """What became of a submission: errors by block id, or the window closed or went on."""

    acked: bool
    errors: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    error: str | None = None


class Person(Speaking):
    """Someone who does in the sandbox what people do in Slack."""

    # Buttons and menus

    async def click(
        self,
        channel: str,
        ts: str,
        action_id: str,
        block_id: str | None = None,
        *,
        selected: Any = None,
        values: Any = None,
    ) -> ClickOutcome:
        """Use a button or menu of a message; `selected` is what is chosen in a menu.

        `values` is what stands in the message's other controls by now; what was chosen before is remembered.
        """
        place = self.channel(channel)
        message = self._visible(place, ts)
        block, element = _found(message.get("blocks") or [], action_id, block_id)
        action = self._action(block, element, selected)
        self._enter(place, message, values or {})
        if element["type"] in STATE_FIELDS:
            self._keep(place, message, block, element, _state_in(element, action))
        payload = self._message_payload("block_actions", place, message)
        return await self._deliver({**payload, "actions": [action]})

    async def click_view(
        self, view_id: str, action_id: str, block_id: str | None = None, *, selected: Any = None, values: Any = None
    ) -> ClickOutcome:
        """Use a button or menu of a modal or the Home; `values` is what stands in the form by now."""
        view = self._own_view(view_id)
        self._fill(view, values or {})
        block, element = _found(view["blocks"], action_id, block_id)
        action = self._action(block, element, selected)
        if element["type"] in STATE_FIELDS:
            view["state"]["values"][block["block_id"]][element["action_id"]] = _state_in(element, action)
        trigger_id = self._parts.triggers.mint(self.id, view_id=view_id if view["type"] == "modal" else None)
        payload = self._parts.payloads.interaction("block_actions", self.user, trigger_id)
        payload |= {"container": {"type": "view", "view_id": view_id}, "view": view, "actions": [action]}
        return await self._deliver(payload)

    async def suggest(self, typed: str, action_id: str, *, view_id: str = "", channel: str = "", ts: str = "") -> Json:
        """Type into an external select; gives the `options` or `option_groups` that the app offers."""
        payload = self._parts.payloads.interaction("block_suggestion", self.user)
        if view_id:
            view = self._own_view(view_id)
            block, element = _found(view["blocks"], action_id, None)
            payload |= {"container": {"type": "view", "view_id": view_id}, "view": view}
        else:
            place = self.channel(channel)
            message = self._visible(place, ts)
            block, element = _found(message.get("blocks") or [], action_id, None)
            payload |= {"container": _container(place, message), "channel": {"id": place.id}, "message": message}
        payload |= {"action_id": element["action_id"], "block_id": block["block_id"], "value": typed}
        outcome = await self._parts.delivery.interaction(payload)
        answer = outcome.payload if isinstance(outcome.payload, dict) else {}
        if not outcome.acked:
            self.warn(outcome.error or "dispatch_failed", TROUBLE)
        return answer if entering.offered(answer) else {"options": []}

    # Modals

    async def submit(self, view_id: str, values: dict[str, dict[str, Any]] | None = None) -> SubmitOutcome:
        """Fill in a modal and press its submit button."""
        view = self._own_view(view_id)
        self._fill(view, values or {})
        complaints = entering.complaints(view)
        if complaints:
            return SubmitOutcome(acked=False, errors=complaints)
        trigger_id = self._parts.triggers.mint(self.id, view_id=view_id)
        payload = self._parts.payloads.interaction("view_submission", self.user, trigger_id)
        payload |= {"view": view, "response_urls": self._response_urls(view)}
        outcome = await self._parts.delivery.interaction(payload)
        if not outcome.acked:
            error = outcome.error or "dispatch_failed"
            self.warn(error, TROUBLE)
            return SubmitOutcome(acked=False, error=error)
        return self._respond(view, outcome.payload if isinstance(outcome.payload, dict) else {})

    async def close(self, view_id: str, *, all_of_them: bool = False) -> ClickOutcome:
        """Press Cancel, or with `all_of_them` the cross that closes the whole stack."""
        view = self._own_view(view_id)
        closed = self._parts.views.close(self.id, view, all_of_them=all_of_them)
        outcome = ClickOutcome(acked=True)
        for one in [one for one in closed if one["notify_on_close"]]:
            payload = self._parts.payloads.interaction("view_closed", self.user)
            outcome = await self._deliver({**payload, "view": one, "is_cleared": all_of_them})
        return outcome

    async def shortcut(self, callback_id: str, *, channel: str = "", ts: str = "") -> ClickOutcome:
        """Choose a shortcut; with a message it is that message's menu."""
        known = {one.callback_id: one for one in self._parts.workspace.app.shortcuts}
        kind = "message" if ts else "global"
        app = self._parts.workspace.app
        if self.user.team_id != self._parts.workspace.team_id or "commands" not in app.scopes:
            raise NotPossible(f"{self.user.handle} has no shortcuts of {app.name} here")
        if callback_id not in known or known[callback_id].kind != kind:
            raise NotPossible(f"there is no {kind} shortcut {callback_id!r}; there are {', '.join(known) or 'none'}")
        if kind == "global":
            trigger_id = self._parts.triggers.mint(self.id)
            payload = self._parts.payloads.interaction("shortcut", self.user, trigger_id)
        else:
            place = self.channel(channel)
            message = self._visible(place, ts)
            payload = self._message_payload("message_action", place, message)
            payload |= {"message_ts": ts}
            del payload["container"]
        payload |= {"callback_id": callback_id, "action_ts": self._parts.workspace.mint_ts()}
        return await self._deliver(payload)

    # Inside

    async def _deliver(self, payload: Json) -> ClickOutcome:
        outcome = await self._parts.delivery.interaction(payload)
        if outcome.acked:
            return ClickOutcome(acked=True)
        error = outcome.error or "dispatch_failed"
        self.warn(error, f"{self._parts.workspace.app.name} did not respond in time. {TROUBLE}")
        return ClickOutcome(acked=False, error=error)

    def _respond(self, view: Json, answer: Json) -> SubmitOutcome:
        """Do with the window what the app asked for in its ack."""
        views = self._parts.views
        try:
            match answer.get("response_action"):
                case "errors":
                    return SubmitOutcome(acked=True, errors=_checked_errors(view, answer.get("errors")))
                case "update":
                    views.update(self.id, view, views.checked(answer.get("view"), "modal"))
                    return SubmitOutcome(acked=True)
                case "push":
                    views.push_for(self.id, views.checked(answer.get("view"), "modal"))
                    return SubmitOutcome(acked=True)
                case "clear":
                    views.close(self.id, view, all_of_them=True)
                    return SubmitOutcome(acked=True, closed=True)
        except SlackRefusal as refusal:
            self.warn(refusal.code, TROUBLE)
            return SubmitOutcome(acked=True, error=refusal.code)
        views.close(self.id, view)
        return SubmitOutcome(acked=True, closed=True)

    def _own_view(self, view_id: str) -> Json:
        home = self.home
        for view in [*self.open_views, *([home] if home else [])]:
            if view["id"] == view_id:
                return view
        raise NotPossible(f"{self.user.handle} has no open view {view_id}")

    def _visible(self, place: Channel, ts: str) -> Json:
        message = self._parts.workspace.said(place.id).get(ts)
        own = (one for one in self.ephemerals if one["ts"] == ts)
        found = message or next(own, None)
        if found is None:
            raise NotPossible(f"there is no message {ts} in #{place.name}")
        return found

    def _fill(self, view: Json, values: dict[str, dict[str, Any]]) -> None:
        for block_id, entries in values.items():
            for action_id, given in entries.items():
                block, element = _found(view["blocks"], action_id, block_id)
                state = entering.state_of_entry(self._parts, element, given)
                view["state"]["values"][block["block_id"]][element["action_id"]] = state

    def _action(self, block: Json, element: Json, selected: Any) -> Json:
        """One entry of `actions`, as this kind of element reports itself."""
        shown = ("type", "text", "value", "url", "style", "placeholder", "icon", "accessibility_label")
        action = {name: element[name] for name in shown if name in element}
        action |= {"action_id": element["action_id"], "block_id": block["block_id"]}
        action["action_ts"] = self._parts.workspace.mint_ts()
        if element["type"] == "overflow":
            action["selected_option"] = entering.state_of_entry(
                self._parts, {**element, "type": "static_select"}, selected
            )["selected_option"]
        elif element["type"] == "feedback_buttons":
            disliked = selected in ("negative", element["negative_button"]["value"])
            chosen = "negative_button" if disliked else "positive_button"
            action |= {"text": element[chosen]["text"], "value": element[chosen]["value"]}
        elif element["type"] in STATE_FIELDS:
            action |= entering.state_of_entry(self._parts, element, selected)
        return action

    def _message_payload(self, kind: str, place: Channel, message: Json) -> Json:
        ephemeral = bool(message.get("is_ephemeral"))
        url = self._parts.response_urls.mint(
            user_id=self.id, channel_id=place.id, message_ts=message["ts"], ephemeral=ephemeral
        )
        payload = self._parts.payloads.interaction(kind, self.user, self._parts.triggers.mint(self.id))
        return {
            **payload,
            "container": _container(place, message),
            "channel": self._parts.payloads.channel_reference(place),
            **({} if ephemeral else {"message": message}),
            **({"state": {"values": self._entered(place, message)}} if kind == "block_actions" else {}),
            "response_url": url,
        }

    # What stands in the controls of a message

    def _enter(self, place: Channel, message: Json, values: dict[str, dict[str, Any]]) -> None:
        for block_id, entries in values.items():
            for action_id, given in entries.items():
                block, element = _found(message.get("blocks") or [], action_id, block_id)
                self._keep(place, message, block, element, entering.state_of_entry(self._parts, element, given))

    def _keep(self, place: Channel, message: Json, block: Json, element: Json, state: Json) -> None:
        where = (self.id, place.id, message["ts"])
        self._parts.entered.put(*where, block["block_id"], element["action_id"], state)

    def _entered(self, place: Channel, message: Json) -> Json:
        return self._parts.entered.state(self.id, place.id, message["ts"], message.get("blocks") or [])

    def _response_urls(self, view: Json) -> list[Json]:
        """URLs for the conversations that people chose, where the form asked for them."""
        urls = []
        for block, element in reading.elements(view["blocks"]):
            if not element.get("response_url_enabled"):
                continue
            state = view["state"]["values"][block["block_id"]][element["action_id"]]
            channel_id = state.get("selected_conversation") or state.get("selected_channel")
            if channel_id:
                url = self._parts.response_urls.mint(user_id=self.id, channel_id=channel_id)
                ids = {"block_id": block["block_id"], "action_id": element["action_id"], "channel_id": channel_id}
                urls.append({**ids, "response_url": url})
        return urls


def _found(blocks: list[Json], action_id: str, block_id: str | None) -> tuple[Json, Json]:
    found = reading.find_element(blocks, action_id, block_id)
    if found is not None:
        return found
    there = ", ".join(f"{one['action_id']} in {block['block_id']}" for block, one in reading.elements(blocks))
    raise NotPossible(f"there is no {action_id!r} in {block_id or 'any block'}; there are {there or 'no controls'}")


def _state_in(element: Json, action: Json) -> Json:
    """The state of an element, as the action that changed it tells."""
    return {name: action[name] for name in ("type", STATE_FIELDS[element["type"]][0])}


def _container(place: Channel, message: Json) -> Json:
    container = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": place.id,
        "is_ephemeral": bool(message.get("is_ephemeral")),
    }
    thread_ts = message.get("thread_ts")
    return {**container, "thread_ts": thread_ts} if thread_ts else container


def _checked_errors(view: Json, errors: Any) -> dict[str, str]:
    """Errors must be about input blocks of this view, else Slack cannot show them."""
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or set(errors) - inputs:
        raise SlackRefusal("invalid_response_errors")
    return {str(block_id): str(text) for block_id, text in errors.items()}
