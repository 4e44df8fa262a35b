"""Words of a list: networks, ranges, numbers, codes and tags, and what is none."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.ingest.entities.facts import (
    Misread,
    Name,
    Network,
    Role,
    asn_of,
    fact_of,
    network_of,
    position,
    range_of,
)
from spiritsafe.model.words import EntityKind
from spiritsafe.wire.unfit import Unfit


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_network_holds_what_the_standard_library_says(address: ipaddress.IPv4Address, length: int) -> None:
    length = min(length, address.max_prefixlen)
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    inside, length = (mapped, length - 96) if mapped and length >= 96 else (network.network_address, length)
    assert network_of(f"{address}/{network.prefixlen}") == (
        position(inside.packed),
        position(inside.packed) + (1 << (128 - length)),
    )


def test_a_netmask_is_read_and_an_address_is_a_network_of_one() -> None:
    assert network_of("192.0.2.0/255.255.255.0") == network_of("192.0.2.77/24")
    assert network_of("192.0.2.7") == network_of("192.0.2.7/32") == range_of("192.0.2.7", "192.0.2.7")
    assert range_of("192.0.0.0", "255.255.255.255") == network_of("192.0.0.0/2")


@pytest.mark.parametrize("text", ["192.0.2.0/33", "::/129", "192.0.2", "hello", "", "1.2.3.4/x", "/8", "192.0.2.0/-1"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(Unfit, match="no network"):
        network_of(text)


@pytest.mark.parametrize(("start", "end"), [("192.0.2.9", "192.0.2.1"), ("192.0.2.1", "::1"), ("192.0.2.1", "x")])
def test_what_is_no_range(start: str, end: str) -> None:
    with pytest.raises(Unfit, match="no range"):
        range_of(start, end)


@pytest.mark.parametrize("text", ["AS", "ASX", "4294967296", "-1", "1.5", "AS 7", "\u0667"])
def test_what_is_no_asn(text: str) -> None:
    with pytest.raises(Unfit, match="no ASN"):
        asn_of(text)


def test_a_row_says_what_its_roles_say() -> None:
    bounds = network_of("192.0.2.0/24")
    row = {Role.NETWORK: "192.0.2.0/24", Role.ASN: "AS64500", Role.COUNTRY: "nl"}
    assert fact_of(row, None) == Network(*bounds, None, 64500, "NL")
    assert fact_of({Role.NETWORK: "192.0.2.0/24", Role.TAG: "Datacenter"}, None) == Network(*bounds, "hosting")
    assert fact_of({Role.ASN: "64500", Role.TAG: "vpn"}, "Example") == Name(EntityKind.ASN, "64500", "Example")
    assert fact_of({Role.DOMAIN: "Example.org"}, "education") == Name(EntityKind.DOMAIN, "example.org", "education")
    assert fact_of({Role.NETWORK: "192.0.2.0/24", Role.ASN: "0"}, None) is None
    assert fact_of({Role.ASN: "64500"}, None) is None
    assert fact_of({}, "vpn") is None


def test_the_role_to_blame_is_told() -> None:
    with pytest.raises(Misread) as caught:
        fact_of({Role.NETWORK: "192.0.2.0/24", Role.ASN: "many"}, None)
    assert caught.value.role is Role.ASN
    with pytest.raises(Misread) as caught:
        fact_of({Role.START: "192.0.2.0"}, "vpn")
    assert caught.value.role is Role.END
