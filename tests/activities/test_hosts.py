import pytest

from engine.hosts import HostRules


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "8.8.8.8"])
def test_public_addresses_are_allowed(address):
    assert HostRules().allow("example.com", 443, address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1"),
        *(
            "169.254.1.1",
            "169.254.169.254",
            "fe80::1",
            "fe80::1%eth0",
            "fc00::1",
            "fd00:ec2::254",
            "224.0.0.1",
            "ff02::1",
        ),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "240.0.0.1", "255.255.255.255"),
        *("198.18.0.1", "192.0.2.1", "2001:db8::1", "100.100.100.200"),
    ],
)
def test_other_addresses_are_refused(address):
    assert not HostRules().allow("example.com", 443, address)


@pytest.mark.parametrize(
    ("entry", "host", "port", "address", "allowed"),
    [
        ("cms.internal", "cms.internal", 80, "10.0.0.1", True),
        ("CMS.internal", "cms.Internal.", 8080, "10.0.0.1", True),
        ("cms.internal:8080", "cms.internal", 8080, "10.0.0.1", True),
        ("cms.internal:8080", "cms.internal", 80, "10.0.0.1", False),
        ("cms.internal", "evil.cms.internal", 80, "10.0.0.1", False),
        ("*.internal", "cms.internal", 80, "10.0.0.1", True),
        ("*.internal", "a.b.internal", 80, "10.0.0.1", True),
        ("*.internal", "internal", 80, "10.0.0.1", False),
        ("*.internal", "evilinternal", 80, "10.0.0.1", False),
        ("*.internal:81", "cms.internal", 80, "10.0.0.1", False),
        ("10.0.0.0/8", "anything.example", 80, "10.200.0.1", True),
        ("10.0.0.0/8", "anything.example", 80, "11.0.0.1", True),
        ("10.0.0.0/8", "anything.example", 80, "192.168.0.1", False),
        ("127.0.0.1", "localhost", 80, "127.0.0.1", True),
        ("127.0.0.1:9", "localhost", 80, "127.0.0.1", False),
        ("[::1]:80", "::1", 80, "::1", True),
        ("::1", "localhost", 80, "::1", True),
        ("localhost", "localhost", 80, "::1", True),
        ("cms.internal", "cms.internal", 80, "169.254.169.254", False),
        ("*.internal", "cms.internal", 80, "fd00:ec2::254", False),
        ("169.254.169.254", "metadata", 80, "169.254.169.254", True),
        ("127.0.0.1", "x", 80, "::ffff:127.0.0.1", True),
    ],
)
def test_the_operator_opens_hosts_by_name_port_suffix_address_and_network(entry, host, port, address, allowed):
    assert HostRules.of([entry]).allow(host, port, address) is allowed


def test_the_same_entries_are_the_same_rules():
    assert HostRules.of([" A.example ", "b.example", ""]) == HostRules.of(["b.example", "a.example", "b.example"])
