"""Asks a running service over its Unix socket. Standard library only, so that a command starts at once."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

from bot import address
from bot.requests import VERSION, Objection, Request, Trouble, route_of

CONNECT_SECONDS = 5.0
PIECE_BYTES = 256 * 1024
ANSWER_SECONDS = 90.0  # longer than the longest wait that a request may ask for


class NoService(Exception):
    """Nobody listens on the socket of this database."""


class Unreachable(Exception):
    """A service is there but does not answer as it should."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, piece_bytes: int = 8_192) -> None:
        super().__init__("pointsman", timeout=ANSWER_SECONDS, blocksize=piece_bytes)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock.connect(str(self._path))
        self.sock.settimeout(ANSWER_SECONDS)


class Client:
    """One service, reached by the socket beside its database."""

    def __init__(self, database: Path) -> None:
        self.path = address.socket_path(database)

    def present(self) -> bool:
        """Does a service listen there?"""
        try:
            self._send("GET", "/healthz", None)
        except NoService:
            return False
        except (Unreachable, Objection):
            return True  # it may be unwell, but it owns the file
        return True

    def ask(self, request: Request) -> Any:
        """The answer as JSON. Raises Objection, NoService, Unreachable."""
        route = route_of(request)
        given = request.model_dump(mode="json", exclude_defaults=True)
        path = route.path.format(**{name: quote(str(given.pop(name)), safe="") for name in route.in_path})
        if route.method == "GET":
            return self._send("GET", f"{path}?{urlencode(given)}" if given else path, None)
        return self._send("POST", path, given)

    def upload(self, path: Path, size: int) -> Any:
        """What an input says of a file, once the service has kept it. Raises Objection, NoService, Unreachable."""
        connection = _Connection(self.path, PIECE_BYTES)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        where = f"{VERSION}/files?{urlencode({'name': path.name})}"
        try:
            with path.open("rb") as file:
                return _read(*self._exchange(connection, "POST", where, file, headers))
        finally:
            connection.close()

    def _send(self, method: str, path: str, body: Any) -> Any:
        connection = _Connection(self.path)
        payload = None if body is None else json.dumps(body)
        try:
            headers = {"Content-Type": "application/json"} if payload else {}
            status, text = self._exchange(connection, method, path, payload, headers)
        finally:
            connection.close()
        return _read(status, text)

    def _exchange(
        self, connection: _Connection, method: str, path: str, payload: Any, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        if not address.is_ours(self.path):
            raise NoService
        try:
            connection.connect()
        except (FileNotFoundError, ConnectionRefusedError):
            raise NoService from None
        except OSError as error:
            raise Unreachable(
                f"The service's socket {self.path} cannot be opened: {error.strerror or error}.",
                "Run this as the user that runs the service.",
            ) from None
        try:
            connection.request(method, path, payload, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"The service stopped answering: {error or type(error).__name__}.",
                "Look at its log; then ask for the status before trying again.",
            ) from None


def _read(status: int, text: bytes) -> Any:
    try:
        answer = json.loads(text)
    except ValueError:
        raise Unreachable(f"The service answered {status} without JSON.", "Look at its log.") from None
    if status < 400:
        return answer
    error = cast(dict[str, Any], answer).get("error") or {}
    code, message = str(error.get("code", "unknown")), str(error.get("message", f"The service answered {status}."))
    problems = [
        Trouble(str(one.get("name", "")), str(one.get("message", "")), str(one.get("hint", "")))
        for one in error.get("problems") or ()
    ]
    raise Objection(code, message, str(error.get("hint", "")), status=status, problems=problems)
