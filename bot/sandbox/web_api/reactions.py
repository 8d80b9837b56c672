"""reactions.*: small marks under a message."""

from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.web_api.call import Call, Method


async def add(call: Call) -> Json:
    channel_id, message, name, bot = _target(call)
    reactions = message.setdefault("reactions", [])
    found = next((one for one in reactions if one["name"] == name), None)
    if found is None:
        found = {"name": name, "users": [], "count": 0}
        reactions.append(found)
    if bot in found["users"]:
        raise SlackRefusal("already_reacted")
    found["users"].append(bot)
    found["count"] = len(found["users"])
    call.parts.workspace.change(channel_id, message)
    return {}


async def remove(call: Call) -> Json:
    channel_id, message, name, bot = _target(call)
    found = next((one for one in message.get("reactions", []) if one["name"] == name), None)
    if found is None or bot not in found["users"]:
        raise SlackRefusal("no_reaction")
    found["users"].remove(bot)
    found["count"] = len(found["users"])
    message["reactions"] = [one for one in message["reactions"] if one["count"]]
    call.parts.workspace.change(channel_id, message)
    return {}


def _target(call: Call) -> tuple[str, Json, str, str]:
    name = call.required("name").strip(":")
    channel = call.channel()
    message = call.parts.workspace.said(channel.id).get(call.required("timestamp"))
    if message is None:
        raise SlackRefusal("message_not_found")
    return channel.id, message, name, call.parts.workspace.app.bot_user_id


METHODS = {
    "reactions.add": Method(answer=add, tier="tier3", scopes=("reactions:write",)),
    "reactions.remove": Method(answer=remove, tier="tier2", scopes=("reactions:write",)),
}
