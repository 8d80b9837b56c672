"""What can be seen of the world from here: Slack, what it lets us do, the models, and whose clock is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeAlias

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.capabilities import INCAPABLE
from bot.doctor import listening
from bot.doctor.finding import Finding, fail, ok, warn
from bot.manifest import SCOPES, SCOPES_OPTIONAL
from bot.people import Organisation, SlackPeople
from bot.phonebook import Phonebook
from bot.pins import Pins
from bot.references import References, named_by, nested, strange
from bot.settings import Settings
from bot.slack import Slack, SlackFault, connected
from engine.clock import Clock, SystemClock
from engine.definitions import Definition
from engine.faults import SettingsFault
from engine.models import Endpoint, Models
from engine.secrets import Secret
from engine.tape import Recording
from store.handles import Handle

Findings: TypeAlias = list[Finding]
Groups: TypeAlias = Mapping[str, Sequence[str]]

# Asked without arguments, so that nothing happens: Slack complains about the arguments of what it knows.
METHODS: Mapping[str, tuple[str, str]] = {
    "chat.postMessage": ("fail", "nothing can be said at all"),
    "chat.update": ("fail", "runs cannot be kept up to date in their message"),
    "chat.postEphemeral": ("warn", "answers meant for one person go to them as direct messages"),
    "views.open": ("fail", "no form opens: rejecting needs a typed command"),
    "views.publish": ("warn", "there is no Home tab"),
    "conversations.open": ("warn", "nobody can be sent a direct message that they did not begin"),
    "conversations.info": ("warn", "shared channels cannot be told from our own, so none is trusted"),
    "conversations.list": ("warn", "channels must be written as ids"),
    "conversations.history": ("warn", "a message whose sending was cut off may stand twice"),
    "users.info": ("fail", "nobody's identity can be checked, so every start and every decision is refused"),
    "users.lookupByEmail": ("warn", "approvers cannot be written as e-mail addresses"),
    "usergroups.list": ("warn", "groups of approvers must stand in the operator's settings file"),
    "usergroups.users.list": ("warn", "groups of approvers must stand in the operator's settings file"),
}
SKEW_WARN_SECONDS = 10
SKEW_FAIL_SECONDS = 240  # Slack's signatures are good for five minutes
TIMEOUT = aiohttp.ClientTimeout(total=8)


async def slack(
    given: Settings,
    workflows: Mapping[str, Definition] | None = None,
    own_groups: Groups | None = None,
    pinned: Sequence[Handle] = (),
) -> Findings:
    """Token, scopes, methods, what the workflows name, Socket Mode and clock, as far as there is a token."""
    if given.slack_bot_token is None:
        return []
    clock = SystemClock()
    try:
        async with connected(given.slack_bot_token.get_secret_value(), api_url=given.slack_api_url, clock=clock) as us:
            found = [ok("slack", f"the token is good; we are {us.me.bot_user_id} in {us.me.team_url}")]
            found += [*_clock(us, clock), *_scopes(us.me.scopes), *await _methods(us)]
            pins = Pins(clock, known=(one for one in pinned if one.team == (us.me.enterprise_id or us.me.team_id)))
            found += await _strangers(us, clock, workflows or {}, own_groups or {}, pins)
            people = SlackPeople(us, clock, Organisation(us.me.team_id, us.me.enterprise_id), own_groups, pins)
            found += await listening.channels(workflows or {}, people, us.me.scopes)
            if given.slack_app_token is not None:
                found.append(await _socket(us, given.slack_app_token.get_secret_value()))
            return found
    except SlackFault as fault:
        if fault.code in ("connection", "timeout", "http_status"):
            return [fail("slack", f"{given.slack_api_url} cannot be reached ({fault.code}).", "Check the network.")]
        cure = "Copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions of your app."
        return [fail("slack", f"Slack does not accept SLACK_BOT_TOKEN ({fault.code}).", cure)]


async def _strangers(us: Slack, clock: Clock, workflows: Mapping[str, Definition], own: Groups, pins: Pins) -> Findings:
    """Who and what the workflows name that is not there, or is somebody else than when it was pinned."""
    references, found = References(Phonebook(us, clock), clock, own), []
    for workflow, named in named_by(workflows).items():
        for reference in dict.fromkeys(nested(named, own)):
            try:
                handle = await pins.note(reference, await references.look(reference, pins.id_of(reference)))
            except SlackFault:
                continue  # a Slack that cannot say just now is no reason
            stranger = strange(workflow, reference, handle)
            found += [] if stranger is None else [warn("references", stranger.message, stranger.cure)]
    return found


def _scopes(held: frozenset[str]) -> list[Finding]:
    if not held:
        return [warn("scopes", "Slack did not say which scopes the token has.", "Compare the app with manifest.yml.")]
    cure = "Bring the app up to date with manifest.yml and install it again."
    missing = sorted(SCOPES.keys() - held)
    found = [fail("scopes", f"{name} is missing: we cannot {SCOPES[name]}.", cure) for name in missing]
    left_out = sorted(SCOPES_OPTIONAL.keys() - held)
    found += [warn("scopes", f"{name} is not given: we cannot {SCOPES_OPTIONAL[name]}.", cure) for name in left_out]
    return found or [ok("scopes", "all are given")]


async def _methods(us: Slack) -> list[Finding]:
    found = []
    for method, (state, consequence) in METHODS.items():
        code = await _complaint(us, method)
        if code not in INCAPABLE:
            continue
        report = fail if state == "fail" else warn
        cure = {
            "unknown_method": f"This server does not offer it. {_beyond(state)}",
            "plan_upgrade_required": "Write the groups into the operator's settings file, or upgrade the plan.",
        }.get(code, "Bring the app up to date with manifest.yml and install it again.")
        found.append(report("methods", f"{method} answers {code}: {consequence}.", cure))
    return found or [ok("methods", f"all {len(METHODS)} that we use are there")]


def _beyond(state: str) -> str:
    return "We need a Slack that does." if state == "fail" else "Nothing else is affected."


async def _complaint(us: Slack, method: str) -> str:
    try:
        await us.call(method)
    except SlackFault as fault:
        return fault.code
    return ""


async def _socket(us: Slack, token: str) -> Finding:
    """Asking for a connection opens none."""
    try:
        await us.web.apps_connections_open(app_token=token)
    except SlackApiError as error:
        code = str(error.response.get("error") or "")
        cure = "Use an app-level token (xapp-…) with connections:write, and switch Socket Mode on in the app."
        return fail("socket mode", f"Slack gives no connection for SLACK_APP_TOKEN ({code}).", cure)
    except (aiohttp.ClientError, TimeoutError) as error:
        return fail("socket mode", f"Slack gives no connection: {type(error).__name__}.", "Check the network.")
    return ok("socket mode", "Slack offers connections")


def _clock(us: Slack, clock: Clock) -> list[Finding]:
    """Compare our clock with the moment that Slack's answer names."""
    text = next((value for name, value in us.headers.items() if name.lower() == "date"), "")
    try:
        theirs = parsedate_to_datetime(text).timestamp()
    except ValueError:
        return []
    skew = abs(clock.now() / 1_000 - theirs)
    told = f"differs from Slack's by {skew:.0f} s"
    cure = "Set it by NTP: deadlines and signatures depend on it."
    if skew >= SKEW_FAIL_SECONDS:
        return [fail("clock", f"{told}.", cure)]
    return [warn("clock", f"{told}.", cure)] if skew >= SKEW_WARN_SECONDS else [ok("clock", told)]


async def models(known: Models | None) -> list[Finding]:
    """Whether each endpoint of the models file answers and takes its key; nothing is generated."""
    if known is None:
        return [warn("models", "POINTSMAN_MODELS is not set, so model steps fail.", "Name a file of endpoints there.")]
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        return [await _model(session, endpoint) for endpoint in known.endpoints.values()]


async def _model(session: aiohttp.ClientSession, endpoint: Endpoint) -> Finding:
    part = f"model {endpoint.name}"
    if endpoint.file is not None:
        return _recording(part, endpoint.file)
    try:
        async with session.get(f"{endpoint.base_url}/models", headers=_headers(endpoint)) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError) as error:
        said = str(error) or type(error).__name__
        return fail(part, f"{endpoint.base_url} cannot be reached: {said}.", "Correct base_url, or check the network.")
    if status in (401, 403):
        return fail(part, f"{endpoint.base_url} does not accept its key ({status}).", "Correct api_key of this model.")
    if status >= 500:
        return warn(part, f"{endpoint.base_url} answers {status}.", "It may be down for the moment.")
    return ok(part, f"{endpoint.base_url} answers")


def _recording(part: str, file: Path) -> Finding:
    try:
        lines = Recording.load(file).lines
    except SettingsFault as fault:
        return fail(part, fault.message, fault.hint)
    return ok(part, f"answers from {file}, which has {len(lines)} recorded exchanges")


def _headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {name: value.reveal() if isinstance(value, Secret) else value for name, value in endpoint.headers.items()}
    if endpoint.api_key is None:
        return headers
    key = endpoint.api_key.reveal()
    if endpoint.kind == "anthropic":
        return headers | {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return headers | {"Authorization": f"Bearer {key}"}
