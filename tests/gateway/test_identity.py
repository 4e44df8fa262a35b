"""Who sends a request: keys, trusted peers, and what anybody else claims."""

import contextlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.gateway.asgi import Headers, Problem
from spiritsafe.gateway.identity import Caller, Identities, Known, Networks
from spiritsafe.model.errors import ConfigError

KEY = b"sk-test-0123456789abcdef"
KNOWN = {sha256(KEY).hexdigest(): Known("a-1", "o-1", "k-1")}
PROXY = "10.1.2.3"
SPOOFED: Headers = [
    (b"x-spiritsafe-account", b"victim"),
    (b"x-spiritsafe-organization", b"victims"),
    (b"x-forwarded-for", b"198.51.100.9"),
    (b"x-ja4", b"t13d1516h2_8daaf6152771_b186095e22b6"),
]


def _of(headers: Headers, peer: str | None = "203.0.113.7", known: dict[str, Known] | None = None) -> Caller:
    return Identities(b"secret", KNOWN if known is None else known, Networks(["10.0.0.0/8"])).of(headers, peer)


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer " + KEY),
        (b"authorization", b"bearer  " + KEY + b" "),
        (b"authorization", b"Bearer\t" + KEY),
        (b"x-api-key", KEY),
        (b"api-key", KEY),
    ],
)
def test_the_account_is_what_the_operator_knows_of_the_key(header: tuple[bytes, bytes]) -> None:
    caller = _of([header, (b"user-agent", b"curl/8")])
    assert caller == Caller("a-1", "k-1", "o-1", "203.0.113.7", None, "curl/8")


@pytest.mark.parametrize("name", [b"authorization", b"x-api-key"])
def test_two_keys_that_a_proxy_joined_are_still_two(name: bytes) -> None:
    with pytest.raises(Problem, match="two different"):
        _of([(name, KEY + b",sk-other")])


def test_a_key_that_nobody_knows_is_its_hmac() -> None:
    caller = _of([(b"x-api-key", KEY)], known={})
    assert caller.account == caller.key
    assert len(caller.account) == 32
    assert KEY.decode() not in repr(caller)
    other = Identities(b"another secret", {}, Networks([])).of([(b"x-api-key", KEY)], None)
    assert other.account != caller.account != sha256(KEY).hexdigest()[:32]


def test_what_a_stranger_claims_counts_for_nothing() -> None:
    headers: Headers = [(b"x-api-key", KEY)]
    assert _of([*headers, *SPOOFED]) == _of(headers)


def test_a_trusted_peer_is_believed() -> None:
    caller = _of([(b"x-api-key", KEY), *SPOOFED], PROXY)
    assert (caller.account, caller.organisation, caller.ip) == ("victim", "victims", "198.51.100.9")
    assert caller.ja4 == "t13d1516h2_8daaf6152771_b186095e22b6"
    assert _of([(b"x-spiritsafe-account", b"a-9")], PROXY).organisation is None


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        (b"1.2.3.4", "1.2.3.4"),
        (b"6.6.6.6, 1.2.3.4", "1.2.3.4"),
        (b"6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"),
        (b"6.6.6.6, unknown, 10.9.9.9", "10.9.9.9"),
        (b"6.6.6.6:80", PROXY),
        (b"2001:db8::7,10.1.1.1", "2001:db8::7"),
        (b"10.4.4.4", "10.4.4.4"),
        (b"", PROXY),
    ],
)
def test_the_rightmost_stranger_is_the_client(chain: bytes, address: str) -> None:
    assert _of([(b"x-forwarded-for", chain)], PROXY).ip == address


def test_lines_of_a_chain_are_one_chain() -> None:
    assert _of([(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"1.2.3.4")], PROXY).ip == "1.2.3.4"


@pytest.mark.parametrize(
    "headers",
    [
        [(b"x-api-key", KEY), (b"authorization", b"Bearer sk-another")],
        [(b"authorization", b"Bearer " + KEY)] * 2,
        [(b"x-api-key", b"k" * 513)],
        [(b"x-spiritsafe-account", b"a"), (b"x-spiritsafe-account", b"b")],
        [(b"x-ja4", b"a"), (b"x-ja4", b"b")],
    ],
)
def test_headers_that_mean_two_accounts_are_refused(headers: Headers) -> None:
    with pytest.raises(Problem) as caught:
        _of(headers, PROXY)
    assert caught.value.status == 400
    assert KEY.decode() not in caught.value.body().decode()


@pytest.mark.parametrize("value", [b"", b" ", b"a\xff\x00", b"a" * 513, b"a\tb"])
def test_a_trusted_peer_is_not_believed_everything(value: bytes) -> None:
    with pytest.raises(Problem):
        _of([(b"x-spiritsafe-account", value)], PROXY)


@given(
    st.lists(st.tuples(st.sampled_from([n for n, _ in SPOOFED] + [b"x-api-key", b"forwarded"]), st.binary(max_size=40)))
)
def test_whatever_is_sent_gives_a_caller_or_a_problem(headers: Headers) -> None:
    for peer in (PROXY, "203.0.113.7", None, "not an address"):
        with contextlib.suppress(Problem):
            assert _of(headers, peer).ip == peer or peer == PROXY


def test_an_ipv4_address_written_as_ipv6_is_the_same_peer() -> None:
    assert Networks(["10.0.0.0/8"]).hold("::ffff:10.1.2.3")
    assert not Networks(["10.0.0.0/8"]).hold("::ffff:11.1.2.3")


def test_a_network_that_is_none_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"gateway\.trusted_peers"):
        Networks(["10.0.0.0/99"])
