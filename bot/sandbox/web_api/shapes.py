"""Users, channels, groups and teams as the Web API shows them."""

from bot.sandbox.people import Channel, User, UserGroup
from bot.sandbox.refusals import Json
from bot.sandbox.workspace import Workspace

CREATED_AT = 1_700_000_000


def user(one: User, *, email: bool) -> Json:
    shown: Json = {
        "id": one.id,
        "team_id": one.team_id,
        "name": one.handle,
        "deleted": one.deleted,
        "color": one.avatar_color,
        "real_name": one.real_name,
        "tz": one.tz,
        "tz_label": one.tz,
        "tz_offset": one.tz_offset,
        "profile": _profile(one, email=email),
        "is_admin": one.is_admin,
        "is_owner": one.is_owner,
        "is_primary_owner": False,
        "is_restricted": one.is_restricted,
        "is_ultra_restricted": one.is_ultra_restricted,
        "is_bot": one.is_bot,
        "is_app_user": False,
        "updated": CREATED_AT,
        "is_email_confirmed": bool(one.email),
        "who_can_share_contact_card": "EVERYONE",
    }
    if one.is_stranger:
        shown["is_stranger"] = True
    return shown


def _profile(one: User, *, email: bool) -> Json:
    first, _, last = one.real_name.partition(" ")
    profile: Json = {
        "title": one.title,
        "phone": "",
        "skype": "",
        "real_name": one.real_name,
        "real_name_normalized": one.real_name,
        "display_name": one.handle,
        "display_name_normalized": one.handle,
        "first_name": first,
        "last_name": last,
        "status_text": "",
        "status_emoji": "",
        "team": one.team_id,
    }
    if one.is_bot:
        profile |= {"api_app_id": one.app_id, "bot_id": one.bot_id, "always_active": True}
    elif email and one.email:
        profile["email"] = one.email
    return profile


def channel(one: Channel, workspace: Workspace, *, detail: bool = False) -> Json:
    """A channel; with `detail` as conversations.info shows it."""
    if one.kind == "dm":
        return _direct_message(one, workspace)
    shared = bool(one.shared_with)
    return {
        "id": one.id,
        "name": one.name,
        "name_normalized": one.name,
        "is_channel": one.kind == "channel",
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": one.kind == "private",
        "created": CREATED_AT,
        "creator": "U0NORA",
        "is_archived": one.is_archived,
        "is_general": one.name == "general",
        "unlinked": 0,
        "is_shared": shared,
        "is_org_shared": False,
        "is_ext_shared": shared,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": workspace.team_id,
        "shared_team_ids": [workspace.team_id, *one.shared_with],
        "is_member": workspace.app.bot_user_id in one.members,
        "topic": {"value": one.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
        **({"num_members": len(one.members)} if not detail else {}),
    }


def _direct_message(one: Channel, workspace: Workspace) -> Json:
    person = next(iter(one.members - {workspace.app.bot_user_id}), "")
    deleted = person in workspace.users and workspace.users[person].deleted
    return {
        "id": one.id,
        "created": CREATED_AT,
        "is_im": True,
        "is_org_shared": False,
        "is_archived": one.is_archived,
        "context_team_id": workspace.team_id,
        "user": person,
        "is_user_deleted": deleted,
        "is_open": True,
        "priority": 0,
    }


def group(one: UserGroup, workspace: Workspace, *, users: bool, count: bool = True) -> Json:
    return {
        "id": one.id,
        "team_id": workspace.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": one.name,
        "description": "",
        "handle": one.handle,
        "is_external": False,
        "date_create": CREATED_AT,
        "date_update": CREATED_AT,
        "date_delete": CREATED_AT if one.disabled else 0,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": "U0NORA",
        "updated_by": "U0NORA",
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        **({"user_count": len(one.users)} if count else {}),
        **({"users": list(one.users)} if users else {}),
    }


def team(workspace: Workspace) -> Json:
    return {
        "id": workspace.team_id,
        "name": workspace.team_name,
        "domain": workspace.team_domain,
        "email_domain": "meadow.example",
        "icon": {"image_default": True},
    }
