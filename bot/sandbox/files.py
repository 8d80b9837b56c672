"""Files that people and the app upload: two-step uploads, contents, and who may read them."""

import mimetypes
from pathlib import Path
from urllib.parse import quote

from bot.sandbox.refusals import Json, SlackRefusal
from bot.sandbox.workspace import Workspace

BYTES_MAX = 25_000_000


class Files:
    """File records and contents; with a folder the contents are kept there too."""

    def __init__(self, workspace: Workspace, folder: Path | None) -> None:
        self.prefix = ""
        self._workspace = workspace
        self._folder = folder
        self._records: dict[str, Json] = {}
        self._contents: dict[str, bytes] = {}

    def promise(self, filename: str, length: int) -> Json:
        """Announce a file that the app is about to send."""
        if length <= 0 or length > BYTES_MAX:
            raise SlackRefusal("file_upload_size_restricted" if length > 0 else "invalid_arguments")
        record = self._record(filename, self._workspace.app.bot_user_id, length)
        self._records[record["id"]] = {**record, "mode": "pending"}
        return record

    def receive(self, file_id: str, content: bytes) -> None:
        """Take the content of a promised file."""
        if file_id not in self._records:
            raise SlackRefusal("file_not_found", status=404)
        self._keep(file_id, content)

    def complete(self, file_id: str, title: str | None) -> Json:
        """Finish a two-step upload."""
        record = self._records.get(file_id)
        if record is None or file_id not in self._contents:
            raise SlackRefusal("file_not_found")
        record["mode"] = "hosted"
        record["title"] = title or record["name"]
        return record

    def add(self, filename: str, content: bytes, user_id: str) -> Json:
        """A file that a person drops into Slack."""
        record = self._record(filename, user_id, len(content))
        self._records[record["id"]] = record
        self._keep(record["id"], content)
        return record

    def share(self, file_id: str, channel_id: str) -> Json:
        record = self.get(file_id)
        if channel_id not in record["channels"]:
            record["channels"].append(channel_id)
        return record

    def get(self, file_id: str) -> Json:
        record = self._records.get(file_id)
        if record is None:
            raise SlackRefusal("file_not_found")
        return record

    def content(self, file_id: str) -> bytes:
        if file_id in self._contents:
            return self._contents[file_id]
        raise SlackRefusal("file_not_found", status=404)

    def as_json(self) -> list[Json]:
        return list(self._records.values())

    def reachable_at(self, prefix: str) -> None:
        """Point every link at the address of this server."""
        self.prefix = prefix
        for record in self._records.values():
            record.update(self._links(record["id"], record["name"], record["user"]))

    def restore(self, kept: list[Json]) -> None:
        """Take the records of an earlier run; messages that show a file show the same record again."""
        for record in kept:
            self._records[record["id"]] = record
            path = self._path(record["id"])
            if path is not None and path.exists():
                self._contents[record["id"]] = path.read_bytes()

    def _keep(self, file_id: str, content: bytes) -> None:
        if len(content) > BYTES_MAX:
            raise SlackRefusal("file_upload_size_restricted", status=413)
        self._contents[file_id] = content
        self._records[file_id]["size"] = len(content)
        path = self._path(file_id)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

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
