"""Files that people and the app upload: two-step uploads, contents, and who may read them.

The app may read what was shared where it is, what was put into one of its forms, and what it uploaded itself. Contents
stand in a folder when there is one, and then are never whole in memory.
"""

import mimetypes
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from bot.sandbox.people import Channel
from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.workspace import Workspace

BYTES_MAX = 1_000_000_000
_PLACES = {"channel": "channels", "private": "groups", "dm": "ims"}


class Files:
    """File records and contents; with a folder the contents are kept there and nowhere else."""

    def __init__(self, workspace: Workspace, folder: Path | None) -> None:
        self.prefix = ""
        self._workspace = workspace
        self._folder = folder
        self._records: dict[str, Json] = {}
        self._contents: dict[str, bytes] = {}
        self._in_forms: set[str] = set()

    def promise(self, filename: str, length: int) -> Json:
        """Announce a file that the app is about to send."""
        if length <= 0 or length > BYTES_MAX:
            raise SlackRefusal("file_upload_size_restricted" if length > 0 else "invalid_arguments")
        record = self._record(filename, self._workspace.app.bot_user_id, length)
        self._records[record["id"]] = {**record, "mode": "pending"}
        return record

    async def receive(self, file_id: str, parts: AsyncIterator[bytes]) -> int:
        """Take the content of a promised file; gives its size."""
        if file_id not in self._records:
            raise SlackRefusal("file_not_found", status=404)
        return await self._keep(file_id, parts)

    def complete(self, file_id: str, title: str | None) -> Json:
        """Finish a two-step upload."""
        record = self._records.get(file_id)
        if record is None or not self._is_here(file_id):
            raise SlackRefusal("file_not_found")
        record["mode"] = "hosted"
        record["title"] = title or record["name"]
        return record

    def add(self, filename: str, content: bytes, user_id: str) -> Json:
        """A file that a person drops into Slack."""
        if len(content) > BYTES_MAX:
            raise SlackRefusal("file_upload_size_restricted", status=413)
        record = self._record(filename, user_id, len(content))
        self._records[record["id"]] = record
        path = self._path(record["id"])
        if path is None:
            self._contents[record["id"]] = content
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return record

    async def bring(self, filename: str, parts: AsyncIterator[bytes], user_id: str) -> Json:
        """The same, of a file that comes piece by piece."""
        record = self._record(filename, user_id, 0)
        self._records[record["id"]] = record
        try:
            await self._keep(record["id"], parts)
        except BaseException:
            del self._records[record["id"]]
            raise
        return record

    def share(self, file_id: str, channel: Channel) -> Json:
        record = self.get(file_id)
        places = record[_PLACES[channel.kind]]
        if channel.id not in places:
            places.append(channel.id)
        record["is_public"] = record["is_public"] or channel.kind == "channel"
        return record

    def hand_over(self, file_id: str) -> Json:
        """Somebody sent a form with this file: the app that asked may read it."""
        self._in_forms.add(file_id)
        return self.get(file_id)

    def remove(self, file_id: str) -> None:
        """Its owner deletes it: what is left says so, and there is no content any more."""
        self._records[file_id] = {"id": file_id, "mode": "tombstone"}
        self._contents.pop(file_id, None)
        path = self._path(file_id)
        if path is not None:
            path.unlink(missing_ok=True)

    def get(self, file_id: str) -> Json:
        record = self._records.get(file_id)
        if record is None:
            raise SlackRefusal("file_not_found")
        return record

    def seen_by_app(self, file_id: str) -> Json:
        """The record, as far as the app may know of it."""
        record = self.get(file_id)
        if record["mode"] == "tombstone":
            raise SlackRefusal("file_deleted")
        app = self._workspace.app.bot_user_id
        shared = [one for name in _PLACES.values() for one in record[name]]
        there = any(app in self._workspace.channels[one].members for one in shared)
        if record["user"] != app and file_id not in self._in_forms and not there:
            raise SlackRefusal("file_not_found")
        return record

    def content(self, file_id: str) -> bytes:
        """All of it at once, for tests and small files."""
        at = self.stands_at(file_id)
        return at.read_bytes() if isinstance(at, Path) else at

    def stands_at(self, file_id: str) -> Path | bytes:
        """Where the content is: a file, or here."""
        path = self._path(file_id)
        if path is not None and path.exists():
            return path
        if file_id in self._contents:
            return self._contents[file_id]
        raise SlackRefusal("file_not_found", status=404)

    def as_json(self) -> list[Json]:
        return list(self._records.values())

    def reachable_at(self, prefix: str) -> None:
        """Point every link at the address of this server."""
        self.prefix = prefix
        for record in self._records.values():
            if record["mode"] != "tombstone":
                record.update(self._links(record["id"], record["name"], record["user"]))

    def restore(self, kept: list[Json]) -> None:
        """Take the records of an earlier run; messages that show a file show the same record again."""
        for record in kept:
            self._records[record["id"]] = record

    async def _keep(self, file_id: str, parts: AsyncIterator[bytes]) -> int:
        path, size = self._path(file_id), 0
        gathered = bytearray()
        half = None if path is None else path.with_name(f"{path.name}.half")
        if half is not None:
            half.parent.mkdir(parents=True, exist_ok=True)
            half.unlink(missing_ok=True)
        async for part in parts:
            size += len(part)
            if size > BYTES_MAX:
                raise SlackRefusal("file_upload_size_restricted", status=413)
            if half is None:
                gathered += part
                continue
            with half.open("ab") as file:
                file.write(part)
        if half is None or path is None:
            self._contents[file_id] = bytes(gathered)
        else:
            half.touch()
            os.replace(half, path)
        self._records[file_id]["size"] = size
        return size

    def _is_here(self, file_id: str) -> bool:
        path = self._path(file_id)
        return file_id in self._contents or (path is not None and path.exists())

    def _path(self, file_id: str) -> Path | None:
        return None if self._folder is None else self._folder / file_id

    def _record(self, filename: str, user_id: str, size: int) -> Json:
        file_id = self._workspace.mint_id("F")
        mimetype = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        extension = filename.rpartition(".")[2].lower() if "." in filename else "text"
        return {
            "id": file_id,
            "created": int(self._workspace.mint_ts().split(".")[0]),
            "name": filename,
            "title": filename,
            "mimetype": mimetype,
            "filetype": extension,
            "pretty_type": extension.upper(),
            "user": user_id,
            "user_team": self._workspace.team_id,
            "mode": "hosted",
            "size": size,
            "is_external": False,
            "is_public": False,
            **self._links(file_id, filename, user_id),
            "channels": [],
            "groups": [],
            "ims": [],
            "file_access": "visible",
        }

    def _links(self, file_id: str, filename: str, user_id: str) -> Json:
        name = quote(filename, safe="")
        private = f"{self.prefix}/files-pri/{self._workspace.team_id}-{file_id}"
        return {
            "url_private": f"{private}/{name}",
            "url_private_download": f"{private}/download/{name}",
            "permalink": f"{self.prefix}/files/{user_id}/{file_id}/{name}",
        }
