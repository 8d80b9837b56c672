"""Who am I, where am I, let me in: auth, connections, team, bots, and the validator that needs no token."""

from bot.sandbox.blocks import problems, view_problems
from bot.sandbox.blocks.kinds import Problem
from bot.sandbox.refusals import Json, SlackRefusal, refused_arguments
from bot.sandbox.web_api import shapes
from bot.sandbox.web_api.call import Call, Method


async def api_test(call: Call) -> Json:
    if call.text("error"):
        raise SlackRefusal(call.text("error"), args=call.arguments)
    return {"args": call.arguments} if call.arguments else {}


async def auth_test(call: Call) -> Json:
    workspace = call.parts.workspace
    app = workspace.app
    return {
        "url": f"https://{workspace.team_domain}.slack.com/",
        "team": workspace.team_name,
        "user": app.handle,
        "team_id": workspace.team_id,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


async def connections_open(call: Call) -> Json:
    if not call.parts.workspace.app.socket_mode:
        raise SlackRefusal("socket_mode_disabled")
    return {"url": call.parts.sockets.mint_link()}


async def team_info(call: Call) -> Json:
    wanted = call.text("team") or call.parts.workspace.team_id
    if wanted != call.parts.workspace.team_id:
        raise SlackRefusal("team_not_found")
    return {"team": shapes.team(call.parts.workspace)}


async def bots_info(call: Call) -> Json:
    app = call.parts.workspace.app
    if call.required("bot") != app.bot_id:
        raise SlackRefusal("bot_not_found")
    bot = {"id": app.bot_id, "app_id": app.id, "user_id": app.bot_user_id, "name": app.name, "deleted": False}
    return {"bot": {**bot, "updated": shapes.CREATED_AT, "icons": {}}}


async def blocks_validate(call: Call) -> Json:
    """Exactly one of blocks, message and view; each problem with its pointer."""
    given = [name for name in ("blocks", "message", "view") if call.arguments.get(name)]
    if len(given) != 1:
        raise refused_arguments("must define exactly one of `blocks`, `message`, `view`")
    name = given[0]
    value = call.data(name)
    found = _found(name, value)
    if found:
        raise SlackRefusal(f"invalid_{name}", errors=[_as_json(one) for one in found])
    return {}


def _found(name: str, value: object) -> list[Problem]:
    if name == "view":
        return view_problems(value, "")
    if name == "blocks":
        return problems(value, "message", "")
    if not isinstance(value, dict):
        return [Problem("", "wrong_type", "must provide an object")]
    return problems(value.get("blocks") or [], "message")


def _as_json(problem: Problem) -> Json:
    return {"pointer": problem.pointer, "code": problem.code, "message": problem.message}


METHODS = {
    "api.test": Method(answer=api_test, tier="special", token="none"),  # noqa: S106
    "auth.test": Method(answer=auth_test, tier="special"),
    "apps.connections.open": Method(answer=connections_open, tier="tier3", token="app"),  # noqa: S106
    "team.info": Method(answer=team_info, tier="tier3", scopes=("team:read",)),
    "bots.info": Method(answer=bots_info, tier="tier3", scopes=("users:read",)),
    "blocks.validate": Method(answer=blocks_validate, tier="special", token="none"),  # noqa: S106
}
