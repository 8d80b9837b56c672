"""users.* and usergroups.*: who is here, and which handles stand for several of them."""

from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.web_api import shapes
from bot.sandbox.web_api.call import Call, Method


def _sees_email(call: Call) -> bool:
    return "users:read.email" in call.parts.workspace.app.scopes


async def users_info(call: Call) -> Json:
    found = call.parts.workspace.users.get(call.required("user"))
    if found is None:
        raise SlackRefusal("user_not_found")
    return {"user": shapes.user(found, email=_sees_email(call))}


async def users_list(call: Call) -> Json:
    everyone = [shapes.user(one, email=_sees_email(call)) for one in call.parts.workspace.users.values()]
    page, cursor = call.page(everyone, default=1_000)
    now = call.parts.clock.now() // 1_000
    return {"members": page, "cache_ts": now, "response_metadata": {"next_cursor": cursor}}


async def users_lookup_by_email(call: Call) -> Json:
    wanted = call.required("email").lower()
    for one in call.parts.workspace.users.values():
        home = one.team_id == call.parts.workspace.team_id
        if one.email.lower() == wanted and home and not one.deleted:
            return {"user": shapes.user(one, email=True)}
    raise SlackRefusal("users_not_found")


async def usergroups_list(call: Call) -> Json:
    workspace = call.parts.workspace
    groups = [
        shapes.group(one, workspace, users=call.flag("include_users"), count=call.flag("include_count"))
        for one in workspace.groups.values()
        if not one.disabled or call.flag("include_disabled")
    ]
    return {"usergroups": groups}


async def usergroups_users_list(call: Call) -> Json:
    found = call.parts.workspace.groups.get(call.required("usergroup"))
    if found is None or (found.disabled and not call.flag("include_disabled")):
        raise SlackRefusal("no_such_subteam")
    return {"users": list(found.users)}


_GROUPS = ("usergroups:read",)
METHODS = {
    "users.info": Method(answer=users_info, tier="tier4", scopes=("users:read",)),
    "users.list": Method(answer=users_list, tier="tier2", scopes=("users:read",)),
    "users.lookupByEmail": Method(answer=users_lookup_by_email, tier="tier3", scopes=("users:read.email",)),
    "usergroups.list": Method(answer=usergroups_list, tier="tier2", scopes=_GROUPS),
    "usergroups.users.list": Method(answer=usergroups_users_list, tier="tier2", scopes=_GROUPS),
}
