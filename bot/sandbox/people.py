"""The people, user groups and channels of a workspace, and the workspace that everybody starts with."""

from dataclasses import dataclass

from bot.sandbox.apps import App

TEAM_ID = "T0MEADOW"
OTHER_TEAM_ID = "T0OTHER"
SLACKBOT = "USLACKBOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A member, guest or outsider; bots are users too."""

    id: str
    handle: str
    real_name: str
    title: str = ""
    email: str = ""
    team_id: str = TEAM_ID
    tz: str = "Europe/Berlin"
    tz_offset: int = 3_600
    avatar_color: str = "9f69e7"
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_bot: bool = False
    deleted: bool = False
    app_id: str = ""
    bot_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroup:
    """A handle that stands for several people."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A place to talk: `kind` is `channel`, `private` or `dm`; `shared_with` names other teams."""

    id: str
    name: str
    kind: str = "channel"
    topic: str = ""
    members: frozenset[str] = frozenset()
    shared_with: tuple[str, ...] = ()
    is_archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Everything a fresh workspace holds."""

    team_id: str
    team_name: str
    team_domain: str
    users: tuple[User, ...]
    groups: tuple[UserGroup, ...]
    channels: tuple[Channel, ...]
    app: App


def default_workspace(app: App | None = None) -> Seed:
    """Meadow Press: a small publisher with editors, a guest, an outsider and our bot."""
    app = app or App()
    people = _people()
    users = (*people, _bot_user(app), _slackbot())
    return Seed(
        team_id=TEAM_ID,
        team_name="Meadow Press",
        team_domain="meadow-press",
        users=users,
        groups=_groups(),
        channels=(*_channels(people, app), *_direct_messages(people, app)),
        app=app,
    )


def _person(handle: str, real_name: str, title: str, color: str, **flags: bool) -> User:
    return User(
        id=f"U0{handle.upper()}",
        handle=handle,
        real_name=real_name,
        title=title,
        email=f"{handle}@meadow.example",
        avatar_color=color,
        **flags,  # type: ignore[arg-type]
    )


def _people() -> tuple[User, ...]:
    return (
        _person("ada", "Ada Byron", "Editor", "9f69e7"),
        _person("ravi", "Ravi Shah", "Editor", "2b6ca3"),
        _person("lena", "Lena Fox", "Content lead", "c4422e"),
        _person("mina", "Mina Park", "Writer", "2f8a57"),
        _person("omar", "Omar Aziz", "Support", "b5651d"),
        _person("nora", "Nora Quist", "Workspace owner", "54617a", is_admin=True, is_owner=True),
        _person("gus", "Gus", "Guest", "8a7f2f", is_restricted=True),
        User(
            id="U0OTTO",
            handle="otto",
            real_name="Otto Lund",
            title="Partner at Lund Print",
            email="otto@other.example",
            team_id=OTHER_TEAM_ID,
            avatar_color="7a3b69",
            is_stranger=True,
        ),
    )


def _bot_user(app: App) -> User:
    return User(
        id=app.bot_user_id,
        handle=app.handle,
        real_name=app.name,
        is_bot=True,
        tz="America/Los_Angeles",
        tz_offset=-28_800,
        avatar_color="1d7a6c",
        app_id=app.id,
        bot_id=app.bot_id,
    )


def _slackbot() -> User:
    return User(id=SLACKBOT, handle="slackbot", real_name="Slackbot", avatar_color="757575")


def _groups() -> tuple[UserGroup, ...]:
    return (
        UserGroup(id="S0EDITORS", handle="editors", name="Editors", users=("U0ADA", "U0RAVI", "U0LENA")),
        UserGroup(id="S0LEADS", handle="content-leads", name="Content leads", users=("U0LENA",)),
        UserGroup(id="S0SUPPORT", handle="support", name="Support", users=("U0OMAR", "U0RAVI")),
        UserGroup(id="S0LEGAL", handle="legal", name="Legal", users=("U0NORA",)),
    )


def _channels(people: tuple[User, ...], app: App) -> tuple[Channel, ...]:
    staff = frozenset(one.id for one in people if not one.is_stranger and not one.is_restricted)
    ours = staff | {app.bot_user_id}
    return (
        Channel(id="C0GENERAL", name="general", topic="Company-wide news", members=ours),
        Channel(id="C0CONTENT", name="content", topic="What we publish", members=ours | {"U0GUS"}),
        Channel(id="C0CALERTS", name="content-alerts", topic="When publishing breaks", members=ours),
        Channel(id="C0SUPPORT", name="support", topic="Questions from readers", members=ours),
        Channel(id="C0INTAKE", name="intake", topic="Ideas and requests", members=ours),
        Channel(id="C0RANDOM", name="random", topic="Everything else", members=staff),
        Channel(
            id="C0LEGAL",
            name="private-legal",
            kind="private",
            topic="Contracts",
            members=frozenset({"U0NORA", "U0LENA"}),
        ),
        Channel(
            id="C0PARTNERS",
            name="partners",
            topic="With our printers",
            members=ours | {"U0OTTO"},
            shared_with=(OTHER_TEAM_ID,),
        ),
    )


def _direct_messages(people: tuple[User, ...], app: App) -> tuple[Channel, ...]:
    return tuple(
        Channel(
            id=f"D0{one.handle.upper()}",
            name=one.handle,
            kind="dm",
            members=frozenset({one.id, app.bot_user_id}),
        )
        for one in people
    )
