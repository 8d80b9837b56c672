"""Keeps the workspace in a JSON file, so that a killed sandbox comes back with everything it answered for."""

import json
import os
from pathlib import Path

import anyio
import anyio.to_thread

from bot.sandbox.files import Files
from bot.sandbox.refusals import Json
from bot.sandbox.workspace import Workspace

FORMAT = 1


class Keeping:
    """Writes the whole workspace at once under another name and renames it. Many changes share one write."""

    def __init__(self, path: Path | None, workspace: Workspace, files: Files) -> None:
        self._path = path
        self._workspace = workspace
        self._files = files
        self._kept_version = 0
        self._wanted = anyio.Event()
        self._written = anyio.Event()

    def restore(self) -> bool:
        """Take up what an earlier run kept; False when there is nothing. Raises ValueError for a foreign file."""
        if self._path is None or not self._path.exists():
            return False
        kept = json.loads(self._path.read_text())
        if kept.get("format") != FORMAT:
            raise ValueError(f"{self._path} was not written by this version of the sandbox; move it away to start anew")
        self._workspace.restore(kept["workspace"])
        self._files.restore(kept["files"])
        self._share_records()
        return True

    async def saved(self) -> None:
        """Return once everything up to this moment is on disk; at once when nothing is kept."""
        if self._path is None:
            return
        version = self._workspace.version
        while self._kept_version < version:
            self._wanted.set()
            await self._written.wait()

    async def loop(self) -> None:
        """Write whenever somebody waits for it."""
        while True:
            await self._wanted.wait()
            self._wanted = anyio.Event()
            version, text = self._workspace.version, self._text()
            await anyio.to_thread.run_sync(self._write, text)
            self._kept(version)

    def save(self) -> None:
        """Write now, when the sandbox stops."""
        if self._path is not None:
            version = self._workspace.version
            self._write(self._text())
            self._kept(version)

    def _kept(self, version: int) -> None:
        self._kept_version = max(version, self._kept_version)
        written, self._written = self._written, anyio.Event()
        written.set()

    def _text(self) -> str:
        kept: Json = {"format": FORMAT, "workspace": self._workspace.as_json(), "files": self._files.as_json()}
        return json.dumps(kept, ensure_ascii=False)

    def _write(self, text: str) -> None:
        assert self._path is not None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(f"{self._path.suffix}.part")
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)

    def _share_records(self) -> None:
        """A message shows the file record itself, so that later links are right in both."""
        records = {record["id"]: record for record in self._files.as_json()}
        for channel_id in self._workspace.channels:
            for message in self._workspace.said(channel_id):
                if "files" in message:
                    message["files"] = [records.get(one["id"], one) for one in message["files"]]
