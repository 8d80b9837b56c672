"""Starts and stops the whole demo: sandbox Slack, recorded answers, the site, and the bot just as `serve` runs it."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import socket
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import yaml

from bot import logs, operator_file, settings
from bot.cli.exits import emit, say
from bot.demo.site import Site
from bot.folder import shipped
from bot.opening import Opening, opening
from bot.recorded_answers import RecordedAnswers
from bot.sandbox.server import Sandbox
from bot.service import running
from bot.settings import Settings
from engine.faults import SettingsFault

BANNER = "recorded model answers; set POINTSMAN_MODELS for live ones"
HOST = "127.0.0.1"
OURS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_API_URL", "POINTSMAN_HTTP")
RECORDINGS = Path(__file__).parent / "recordings"


@dataclass(frozen=True, slots=True)
class Town:
    """What runs, and where."""

    url: str
    site_url: str
    database: Path
    workflows: Path
    data: Path | None  # None: thrown away at the end
    banner: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "site": self.site_url,
            "database": str(self.database),
            "workflows": str(self.workflows),
            "data": None if self.data is None else str(self.data),
            "banner": self.banner,
        }


def show(*, port: int, browser: bool, data: Path | None, as_json: bool) -> None:
    """Run the demo until a signal says stop. Raises SettingsFault when it cannot start."""
    _must_be_free(port)
    settings.adopt_env_file(settings.ENV_FILE)
    with _folder(data) as folder:
        anyio.run(_show, port, browser, folder, data is not None, as_json)


async def _show(port: int, browser: bool, folder: Path, kept: bool, as_json: bool) -> None:
    async with built(port, folder, kept=kept) as (town, stop):
        if as_json:
            emit(town.as_json())
        else:
            say(greeting(town))
        sys.stdout.flush()
        if browser and _has_screen():
            await anyio.to_thread.run_sync(webbrowser.open, town.url)
        await stop.wait()


@asynccontextmanager
async def built(
    port: int, folder: Path, *, kept: bool, signals: bool = True
) -> AsyncIterator[tuple[Town, anyio.Event]]:
    """The town, for as long as the block lasts, and the event that a signal sets."""
    live = bool(os.environ.get("POINTSMAN_MODELS"))
    banner = None if live else BANNER
    os.environ["CMS_TOKEN"] = token = _kept_token(folder)
    async with AsyncExitStack() as stack:
        answers = "" if live else await stack.enter_async_context(recorded().running())
        site = await stack.enter_async_context(Site(folder / "site", token).running(_site_port(port)))
        sandbox = Sandbox(port=port, data=folder / "slack.json", banner=banner)
        await stack.enter_async_context(sandbox.running())
        opened = _opened(folder, sandbox, site.url, answers)
        service = await stack.enter_async_context(running(opened, watch=True, signals=signals))
        town = Town(
            url=sandbox.url,
            site_url=site.url,
            database=opened.settings.db,
            workflows=opened.settings.workflows,
            data=folder if kept else None,
            banner=banner,
        )
        yield town, service.stop


def recorded() -> RecordedAnswers:
    """Every recording that is shipped."""
    files = sorted(RECORDINGS.glob("*.yaml"))
    return RecordedAnswers([one for file in files for one in RecordedAnswers.load(file).recordings])


def _opened(folder: Path, sandbox: Sandbox, site_url: str, answers_url: str) -> Opening:
    """The settings with which the bot would be served here; everything about Slack is the sandbox's."""
    environment: dict[str, str] = {name: value for name, value in os.environ.items() if name not in OURS}
    environment |= {
        "SLACK_BOT_TOKEN": sandbox.bot_token,
        "SLACK_APP_TOKEN": sandbox.app_token,
        "SLACK_API_URL": sandbox.api_url,
        "POINTSMAN_DB": str(folder / "pointsman.db"),
        "POINTSMAN_WORKFLOWS": str(_workflows(environment)),
        "POINTSMAN_SETTINGS": str(_operator_file(folder, environment, site_url)),
    }
    if answers_url:
        environment["POINTSMAN_MODELS"] = str(_models_file(folder, answers_url))
    given: Settings = settings.load(environment)
    opened = opening(given)
    logs.configure(given.log, opened.redactor.text, level="warning")
    return opened


def _workflows(environment: Mapping[str, str]) -> Path:
    """The author's own folder when there is one, else the examples."""
    named = environment.get("POINTSMAN_WORKFLOWS")
    if named:
        return Path(named)
    return Path("workflows") if Path("workflows").is_dir() else shipped()


def _operator_file(folder: Path, environment: Mapping[str, str], site_url: str) -> Path:
    """The operator's own file, with what the examples need added."""
    own = environment.get("POINTSMAN_SETTINGS")
    given = operator_file.read(Path(own) if own else None)
    examples: dict[str, dict[str, Any]] = {
        "publish_post": {"cms_url": site_url},
        "route_ticket": {"cms_url": site_url},
        "escalate_ticket": {"cms_url": site_url},
        "send_to_printer": {"printer_url": f"{site_url}/print-shop"},
        "intake_document": {"index_file": str((folder / "documents.db").absolute())},
    }
    merged = {
        "settings": {**examples, **given.settings},
        "groups": given.groups,
        "hosts": [*given.hosts, site_url.removeprefix("http://")],
        "limits": given.limits.model_dump(mode="json"),
    }
    return _written(folder / "settings.yaml", merged)


def _models_file(folder: Path, answers_url: str) -> Path:
    endpoint = {"kind": "openai", "base_url": f"{answers_url}/v1", "timeout": "60s"}
    return _written(
        folder / "models.yaml",
        {"writer": {**endpoint, "model": "recorded-writer"}, "backup": {**endpoint, "model": "recorded-backup"}},
    )


def _written(path: Path, content: Any) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
    return path


def _kept_token(folder: Path) -> str:
    """The token of the site: made once for a folder, so that a restart knows it."""
    path = folder / "site-token"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text().strip()


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """Where the demo keeps what happens: the folder that was named, or one that is thrown away at the end."""
    if data is not None:
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsFault(f"{data} cannot be made: {error.strerror}.", hint="Name another --data.") from None
        yield data.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="pointsman-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _must_be_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
            raise SettingsFault(
                f"Port {port} {what}.",
                hint=f"If a demo runs there already, open http://{HOST}:{port}. "
                f"Or start this one elsewhere: pointsman demo --port {port + 10 if port < 65_000 else 4_390}",
                code="port_in_use",
            ) from None


def _site_port(port: int) -> int:
    """The port after the page's, so that addresses of posts stay the same; any other when that one is taken."""
    with suppress(SettingsFault):
        _must_be_free(port + 1)
        return port + 1
    return 0


def _has_screen() -> bool:
    """Without a screen a browser would open in this very terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def greeting(town: Town) -> str:
    """The address, and three things to try."""
    kept = f"kept in {town.data}" if town.data else "thrown away at the end; --data DIR keeps it"
    lines = [
        f"Pointsman demo: {town.url}",
        "",
        "Three things to try there, as Mina:",
        '  1. In #content:  /flow run publish_post topic="Why paper books last"',
        "     Then be Ada (the people are at the top), look at the draft and approve it.",
        '  2. In #support:  /flow run route_ticket subject="Refund" message="You charged me twice"',
        "     Omar decides what becomes of the draft. Ask about a parcel instead, and it is answered at once.",
        "  3. In #content:  /flow run send_to_printer",
        "     The press is down: watch #content-alerts.",
        "",
        f"What gets published: {town.site_url}",
        f"The workflows: {town.workflows} (edit one: it is read again by itself)",
        f"From another terminal: POINTSMAN_DB={town.database} pointsman status",
        f"What happens here is {kept}. Ctrl-C stops it.",
    ]
    return "\n".join([*lines, "", f"({town.banner})"] if town.banner else lines)
