"""Connections to checked addresses only: a name is resolved once, and what was checked is what is connected to."""

from collections.abc import Iterable
from socket import SOCK_STREAM, gaierror
from typing import Any

import anyio
import httpcore

from engine.faults import ActivityFault
from engine.hosts import HostRules

ADDRESS_SECONDS_MIN = 2.0  # of the time to connect, for each address of a host with several


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to addresses that the rules allow: resolved once, checked, then used as they are."""

    def __init__(self, rules: HostRules) -> None:
        self._rules = rules
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._allowed_addresses(host, port)
        share = None if timeout is None else max(timeout / max(len(addresses), 1), ADDRESS_SECONDS_MIN)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = failure or error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def _allowed_addresses(self, host: str, port: int) -> list[str]:
        try:
            found = await anyio.getaddrinfo(host, port, type=SOCK_STREAM)
        except (gaierror, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} could not be resolved ({error})") from error
        addresses = list(dict.fromkeys(entry[4][0] for entry in found))
        allowed = [address for address in addresses if self._rules.allow(host, port, address)]
        if addresses and not allowed:
            raise refused(host, port, addresses[0])
        return allowed


def refused(host: str, port: int, address: str) -> ActivityFault:
    return ActivityFault(
        "http_refused",
        f"{host}:{port} is at {address}, which is not a public address",
        retryable=False,
        hint=f'If steps may reach it, the operator adds "{host}:{port}" to `hosts` in the settings file.',
    )


def not_listed(host: str, named_by: str) -> ActivityFault:
    return ActivityFault(
        "http_refused",
        f"{host} is named by `{named_by}`, which the workflow's author did not write",
        retryable=False,
        hint=f'Write the host in the workflow file or its settings; or the operator adds "{host}" to `hosts` in the '
        "settings file.",
    )


def handed_on(host: str, method: str, to: str) -> ActivityFault:
    return ActivityFault(
        "http_refused",
        f"{host} redirects the {method} with its body to {to}, which the workflow's author did not write",
        retryable=False,
        hint=f'Write the address in the workflow file; or the operator adds "{to}" to `hosts` in the settings file.',
    )
