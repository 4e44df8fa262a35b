"""A look-up among many networks says what asking them one by one says."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.ingest.entities.facts import NOTHING, Answer, Network, network_of
from spiritsafe.ingest.entities.networks import NetworksBuilder, edges_of

AnyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
AnyAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# few bits that differ, so that networks nest and addresses fall into them
_V4 = st.builds(
    lambda bits, length: ipaddress.ip_network(((0xC0000200 | bits) & -(1 << (32 - length)), length), strict=False),
    st.integers(0, 255), st.integers(20, 32),
)  # fmt: skip
_V6 = st.builds(
    lambda bits, length: ipaddress.IPv6Network(((0x20010DB8 << 96) | bits, length), strict=False),
    st.integers(0, 255), st.integers(0, 128).filter(lambda n: n in {0, 1, 32} or n > 119),
)  # fmt: skip
_FACTS = st.tuples(
    st.one_of(_V4, _V6, st.just(ipaddress.ip_network("0.0.0.0/0"))),
    st.sampled_from([None, "vpn", "tor", "Example Lab"]),
    st.integers(0, 3),
    st.sampled_from([None, "NL", "DE"]),
)
_ADDRESSES = st.one_of(
    st.integers(0xC0000100, 0xC0000400).map(ipaddress.IPv4Address),
    st.integers(0, 300).map(lambda low: ipaddress.IPv6Address((0x20010DB8 << 96) | low)),
    st.sampled_from([bytes(4), b"\xff" * 4, bytes(16), b"\xff" * 16]).map(ipaddress.ip_address),
)
Fact = tuple[AnyNetwork, str | None, int, str | None]


def _asked_one_by_one(facts: list[Fact], address: AnyAddress) -> Answer:
    over = [fact for fact in facts if address.version == fact[0].version and address in fact[0]]
    smallest = sorted(over, key=lambda fact: -fact[0].prefixlen)  # stable: the first taken wins
    return Answer(
        next((asn for _, _, asn, _ in smallest if asn), 0),
        next((country for *_, country in smallest if country), None),
        tuple(dict.fromkeys(tag for _, tag, _, _ in over if tag)),
    )


@given(st.lists(_FACTS, min_size=1, max_size=12), st.lists(_ADDRESSES, min_size=1, max_size=12))
def test_a_look_up_is_asking_every_network(facts: list[Fact], addresses: list[AnyAddress]) -> None:
    builder = NetworksBuilder()
    for network, *said in facts:
        builder.add(Network(*network_of(str(network)), *said))  # type: ignore[arg-type]
    networks = builder.build()
    found = networks.find(edges_of([address.packed for address in addresses])).tolist()
    told = [networks.answer(stretch) if stretch >= 0 else NOTHING for stretch in found]
    expected = [_asked_one_by_one(facts, address) for address in addresses]
    assert [(one.asn, one.country, set(one.tags)) for one in told] == [
        (one.asn, one.country, set(one.tags)) for one in expected
    ]
    assert all(len(one.tags) == len(set(one.tags)) for one in told)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9), st.sampled_from("ab")), min_size=1))
def test_ranges_that_half_overlap_keep_both_tags(ranges: list[tuple[int, int, str]]) -> None:
    base = network_of("192.0.2.0")[0]
    step = network_of("192.0.2.0")[1] - base
    builder = NetworksBuilder()
    for start, more, tag in ranges:
        builder.add(Network(base + start * step, base + (start + more + 1) * step, tag))
    networks = builder.build()
    for place in range(52):
        (stretch,) = networks.find(edges_of([ipaddress.IPv4Address(0xC0000200 + place).packed])).tolist()
        told = set(networks.answer(stretch).tags) if stretch >= 0 else set()
        assert told == {tag for start, more, tag in ranges if start <= place <= start + more}
