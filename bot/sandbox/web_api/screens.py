"""views.*: modals and the Home."""

from bot.sandbox.refusals import Json, SlackRefusal, refused_arguments
from bot.sandbox.web_api.call import Call, Method


async def open_view(call: Call) -> Json:
    view = _view(call, "modal")
    trigger = call.parts.triggers.exchange(_trigger_id(call))
    return {"view": call.parts.views.open(trigger, view)}


async def push_view(call: Call) -> Json:
    view = _view(call, "modal")
    trigger = call.parts.triggers.exchange(_trigger_id(call))
    return {"view": call.parts.views.push(trigger, view)}


async def update_view(call: Call) -> Json:
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if not view_id and not external_id:
        raise refused_arguments("must define either `view_id` or `external_id`")
    views = call.parts.views
    user_id, current = views.find(view_id=view_id or None, external_id=external_id or None)
    views.check_hash(current, call.text("hash") or None)
    return {"view": views.update(user_id, current, _view(call, current["type"]))}


async def publish(call: Call) -> Json:
    user_id = call.required("user_id")
    workspace = call.parts.workspace
    if not workspace.app.home:
        raise SlackRefusal("not_enabled")
    person = workspace.users.get(user_id)
    if person is None or person.is_bot or person.deleted:
        raise SlackRefusal("user_not_found")
    return {"view": call.parts.views.publish(user_id, _view(call, "home"), call.text("hash") or None)}


def _trigger_id(call: Call) -> str:
    trigger_id = call.text("trigger_id") or call.text("interactivity_pointer")
    if not trigger_id:
        raise refused_arguments("missing required field: trigger_id")
    return trigger_id


def _view(call: Call, kind: str) -> Json:
    view = call.data("view")
    if view is None:
        raise refused_arguments("missing required field: view")
    checked = call.parts.views.checked(view, kind)
    if call.parts.settings.strict and _asks_for_files(checked) and "files:read" not in call.parts.workspace.app.scopes:
        raise refused_arguments("file_input needs the scope files:read [json-pointer:/view/blocks]")
    return checked


def _asks_for_files(view: Json) -> bool:
    return any((block.get("element") or {}).get("type") == "file_input" for block in view["blocks"])


METHODS = {
    "views.open": Method(answer=open_view, tier="tier4"),
    "views.push": Method(answer=push_view, tier="tier4"),
    "views.update": Method(answer=update_view, tier="tier4"),
    "views.publish": Method(answer=publish, tier="tier4"),
}
