"""The whole demo as one real process, and what of it can be seen from outside: its site, its index, its records."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.console import ROOT, Console, free_port, until

PICTURES_PORT = 4380  # in pictures for the guide the addresses are those that readers will see


@dataclass(frozen=True)
class Demo:
    """A demo under way, in a folder of its own."""

    url: str
    site_url: str
    folder: Path
    console: Console

    def status(self, run: str) -> dict[str, Any]:
        """What `pointsman status` tells of a run, asked of the service that runs."""
        ended = self.console.run("status", run, "--json", POINTSMAN_DB=str(self.folder / "pointsman.db"))
        assert ended.out, ended
        found: dict[str, Any] = ended.json
        return found

    def ended(self, run: str) -> dict[str, Any]:
        """The same, once the run has ended."""

        def look() -> dict[str, Any] | None:
            found = self.status(run)
            return found if found["ended_at"] else None

        found: dict[str, Any] = until(look, f"the end of {run}")
        return found

    def history(self, run: str) -> list[dict[str, Any]]:
        ended = self.console.run("history", run, "--json", POINTSMAN_DB=str(self.folder / "pointsman.db"))
        assert ended.code == 0, ended
        found: list[dict[str, Any]] = ended.json
        return found

    def shelf(self, name: str) -> list[dict[str, Any]]:
        """The `posts` or `tickets` that stand on the site."""
        request = urllib.request.Request(f"{self.site_url}/{name}", headers={"Accept": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: list[dict[str, Any]] = json.loads(answer.read())
        return found

    def indexed(self) -> list[dict[str, Any]]:
        """The documents that were put into the index."""
        with closing(sqlite3.connect(self.folder / "documents.db")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM documents ORDER BY id")]

    @contextmanager
    def fault(self, method: str, kind: str, **detail: Any) -> Iterator[None]:
        """Slack has this trouble for as long as the block lasts."""
        self._post("/sandbox/faults", {"method": method, "kind": kind, **detail})
        try:
            yield
        finally:
            self._send(urllib.request.Request(f"{self.url}/sandbox/faults", method="DELETE"))

    def _post(self, address: str, body: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        self._send(urllib.request.Request(self.url + address, json.dumps(body).encode(), headers))

    def _send(self, request: urllib.request.Request) -> None:
        request.add_header("Origin", self.url)
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()


@contextmanager
def demo_running(folder: Path, workflows: Path = ROOT / "workflows") -> Iterator[Demo]:
    """`pointsman demo` with the example workflows, or others, until the block ends."""
    port = PICTURES_PORT if os.environ.get("SCREENSHOTS") else free_port()
    data = folder / "town"
    console = Console(folder, POINTSMAN_WORKFLOWS=str(workflows))
    with console.started("demo", "--no-open", "--port", str(port), "--data", str(data)) as process:
        process.until("Ctrl-C stops it")
        site = re.search(r"http://\S+", process.until("What gets published:"))
        assert site is not None
        yield Demo(f"http://127.0.0.1:{port}", site.group(), data, console)
    assert "Traceback" not in process.text, process.text
