"""Which hosts a step may reach: every public address, and what the operator allows by name."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Cloud metadata services hand out the machine's own credentials: a name alone never opens the way to them.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"))
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class HostRules:
    """What may be reached beyond the public internet.

    Entries: `host`, `host:port`, `*.suffix`, an address, `[v6]:port`, or a network such as `10.1.0.0/16`.
    """

    entries: tuple[str, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "HostRules":
        return cls(tuple(sorted({entry.strip().lower() for entry in entries if entry.strip()})))

    def allow(self, host: str, port: int, address: str) -> bool:
        """May a connection to this host and port be made at this address?"""
        reached = _unwrapped(ipaddress.ip_address(address.split("%")[0]))
        if reached not in _METADATA and is_public(reached):
            return True
        if self._address_listed(reached, port):
            return True
        return reached not in _METADATA and self._name_listed(_plain_name(host), port)

    def lists(self, host: str, port: int) -> bool:
        """Does the operator name this host, or its address where the host is written as one?"""
        name = _plain_name(host)
        if self._name_listed(name, port):
            return True
        try:
            return self._address_listed(_unwrapped(ipaddress.ip_address(name.split("%")[0])), port)
        except ValueError:
            return False

    def _name_listed(self, host: str, port: int) -> bool:
        return any(_name_fits(entry, host, port) for entry in self.entries)

    def _address_listed(self, address: Address, port: int) -> bool:
        return any(_address_fits(entry, address, port) for entry in self.entries)


def is_public(address: Address) -> bool:
    """An address of the open internet: not private, loopback, link-local, shared, reserved or multicast."""
    return address.is_global and not address.is_multicast and not address.is_unspecified


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does: mapped, 6to4, Teredo or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _name_fits(entry: str, host: str, port: int) -> bool:
    name, listed_port = _split_port(entry)
    if listed_port is not None and listed_port != port:
        return False
    if name.startswith("*."):
        return host.endswith(name[1:]) and len(host) > len(name) - 1
    return _plain_name(name) == host


def _address_fits(entry: str, address: Address, port: int) -> bool:
    network, listed_port = _network_of(entry)
    return network is not None and listed_port in (None, port) and address in network


@lru_cache(maxsize=1024)
def _network_of(entry: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network | None, int | None]:
    name, port = _split_port(entry)
    try:
        return ipaddress.ip_network(_plain_name(name), strict=False), port
    except ValueError:
        return None, None


def _split_port(entry: str) -> tuple[str, int | None]:
    head, colon, tail = entry.rpartition(":")
    lone_v6 = ":" in head and not head.endswith("]")
    if not colon or not tail.isdecimal() or lone_v6:
        return entry, None
    return head, int(tail)


def _plain_name(host: str) -> str:
    return host.lower().strip("[]").rstrip(".")
