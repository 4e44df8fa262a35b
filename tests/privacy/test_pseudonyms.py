"""Pseudonyms: one per identifier, kind and epoch, whatever the spelling or the order of rows."""

import ipaddress
import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.model.epochs import EPOCH_MASK, PSEUDONYMISED, Epochs
from spiritsafe.model.words import TraitKind
from spiritsafe.privacy.keys import MasterKey
from spiritsafe.privacy.normalise import NORMALISERS, ip_address, ip_prefix
from spiritsafe.privacy.pseudonyms import Pseudonymiser

DAY = 86_400_000_000
KEY = MasterKey(bytes(32))
ROTATING = Epochs(length_days=90, overlap_days=45)
MAKER = Pseudonymiser(KEY, ROTATING)
TIMES = st.integers(-(10**4) * DAY, 10**5 * DAY)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


def of(kind: TraitKind, text: str, us: int = 50 * DAY, maker: Pseudonymiser = MAKER) -> set[int]:
    rows, values = maker.values(kind, pa.array([text]), np.array([us]))
    assert set(rows.tolist()) <= {0}
    return set(values.tolist())


@given(ADDRESSES)
def test_addresses_are_packed_as_the_standard_library_does(address: ipaddress.IPv4Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    assert ip_address(str(address)) == (mapped or address).packed


@given(st.text(alphabet="0123456789abcdef.:%/ g", max_size=24))
def test_what_is_an_address_is_what_the_standard_library_takes(text: str) -> None:
    try:
        expected = ipaddress.ip_address(text.strip())
    except ValueError:
        assert ip_address(text) is None or "%" in text
    else:
        assert ip_address(text) in {expected.packed, expected.packed[12:]}


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_is_the_ipv4_address(address: ipaddress.IPv4Address) -> None:
    mapped = f"::ffff:{address}"
    assert ip_address(mapped) == ip_address(str(address))
    assert ip_prefix(mapped) == ip_prefix(str(address)) == address.packed[:3]


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (TraitKind.IP, "2001:DB8:0:0::1", "2001:db8::1"),
        (TraitKind.IP, "fe80::1%eth0", "fe80::1"),
        (TraitKind.PREFIX, "192.0.2.1", "192.0.2.255"),
        (TraitKind.SIGNUP_PREFIX, "2001:db8:1:2::3", "2001:db8:1:ffff::"),
        (TraitKind.EMAIL, " Ada@Example.ORG", "ada@example.org"),
        (TraitKind.EMAIL, "zoe\u0308@example.org", "zo\u00eb@example.org"),
        (TraitKind.PHONE, "+44 (20) 7946-0018", "0044 20 7946 0018"),
        (TraitKind.PHONE, "\u0664\u0664\u0661", "441"),
        (TraitKind.PAYMENT, " fp_1 ", "fp_1"),
    ],
)
def test_spellings_of_one_identifier_are_one_pseudonym(kind: TraitKind, one: str, other: str) -> None:
    assert of(kind, one) == of(kind, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (TraitKind.PREFIX, "192.0.2.1", "192.0.3.1"),
        (TraitKind.PREFIX, "2001:db8:1::", "2001:db8:2::"),
        (TraitKind.EMAIL, "a.b@example.org", "ab@example.org"),
        (TraitKind.PAYMENT, "fp_a", "fp_A"),
    ],
)
def test_what_may_belong_to_two_people_stays_apart(kind: TraitKind, one: str, other: str) -> None:
    assert of(kind, one).isdisjoint(of(kind, other))


def test_kinds_epochs_and_keys_share_no_pseudonym() -> None:
    other = Pseudonymiser(MasterKey(bytes([1] * 32)), ROTATING)
    seen = [
        value
        for maker, kind, day in itertools.product((MAKER, other), sorted(PSEUDONYMISED), (50, 500, 5000))
        for value in of(kind, "192.0.2.7", day * DAY, maker)
    ]
    assert len(set(seen)) == len(seen)


def test_every_pseudonymised_kind_has_a_rule_and_no_other() -> None:
    assert set(NORMALISERS) == PSEUDONYMISED
    with pytest.raises(ValueError, match="not a pseudonymised"):
        MAKER.values(TraitKind.MODEL, pa.array(["m"]), np.zeros(1, np.int64))


@given(
    texts=st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", "::1", "bad", "", " ", None]), max_size=30),
    data=st.data(),
)
def test_a_column_equals_its_rows_one_by_one(texts: list[str | None], data: st.DataObject) -> None:
    n = len(texts)
    times = data.draw(st.lists(TIMES, min_size=n, max_size=n))
    us = np.array(times, dtype=np.int64)
    expected = {
        (row, value)
        for row, text in enumerate(texts)
        if text is not None
        for value in of(TraitKind.IP, text, times[row])
    }
    plain = pa.array(texts, pa.string())
    for column in (plain, plain.dictionary_encode(), pa.chunked_array([plain[:3], plain[3:]])):
        rows, values = MAKER.values(TraitKind.IP, column, us)
        assert len(rows) == len(expected)
        assert set(zip(rows.tolist(), values.tolist(), strict=True)) == expected
        unreadable = MAKER.unreadable(TraitKind.IP, column)
        assert unreadable.tolist() == [row for row, text in enumerate(texts) if text == "bad"]


def test_an_address_and_its_network_have_their_own_pseudonyms() -> None:
    ips, us = pa.array(["192.0.2.1", None, "::1"]), np.array([0, 0, 0])
    kinds = (TraitKind.IP, TraitKind.PREFIX)
    for kind, (rows, values) in zip(kinds, MAKER.addresses(kinds, ips, us), strict=True):
        expected = MAKER.values(kind, ips, us)
        assert (rows.tolist(), values.tolist()) == (expected[0].tolist(), expected[1].tolist())


@given(st.lists(ADDRESSES.map(str) | st.sampled_from(["", "1.2.3", "01.2.3.4", " 192.0.2.7 ", "::ffff:192.0.2.7"])))
def test_pseudonyms_in_bulk_are_those_made_one_by_one(texts: list[str]) -> None:
    for kind in (TraitKind.IP, TraitKind.PREFIX):
        bulk = MAKER.at(kind, 3, pa.array(texts, pa.string())).tolist()
        spelt = [NORMALISERS[kind](text) for text in texts]
        assert bulk == [MAKER._hashes(kind, 3, [text])[0] if text is not None else 0 for text in spelt]


@given(TIMES, st.integers(0, 45 * DAY), st.sampled_from([(90, 45), (180, 60), (60, 10), (36_500, 0)]))
def test_a_campaign_no_longer_than_the_overlap_shares_a_pseudonym(
    start: int, length: int, shape: tuple[int, int]
) -> None:
    epochs = Epochs(*shape)
    length = min(length, epochs.overlap_us)
    whole = epochs.whole(start, start + length)
    assert whole is not None
    assert all(whole in epochs.active(start + length * step // 7) for step in range(8))
    maker = Pseudonymiser(KEY, epochs)
    common = of(TraitKind.IP, "::1", start, maker) & of(TraitKind.IP, "::1", start + length, maker)
    assert whole & EPOCH_MASK in {value & EPOCH_MASK for value in common}


@given(TIMES)
def test_one_or_two_adjacent_epochs_are_in_force(us: int) -> None:
    active = ROTATING.active(us)
    assert active in {(active[0],), (active[0], active[0] + 1)}
    for epoch in range(active[0] - 3, active[0] + 4):
        inside = epoch * 45 * DAY <= us < (epoch * 45 + 90) * DAY
        assert inside == (epoch in active)
    assert {value & EPOCH_MASK for value in of(TraitKind.IP, "::1", us)} == {e & EPOCH_MASK for e in active}


def test_epochs_that_overlap_too_far_are_refused() -> None:
    with pytest.raises(Exception, match="overlap_days"):
        Epochs(length_days=90, overlap_days=46)


@settings(max_examples=30)
@given(first=TIMES, span=st.integers(0, 400 * DAY), part=st.floats(0, 1))
def test_an_investigator_finds_every_pseudonym_of_the_time(first: int, span: int, part: float) -> None:
    found = MAKER.lookup("192.0.2.9", first, first + span)
    at = first + int(span * part)
    for kind in (TraitKind.IP, TraitKind.SIGNUP_PREFIX, TraitKind.END_USER):
        assert of(kind, "192.0.2.9", at) <= {item.value for item in found if item.kind is kind}
    assert {item.epoch for item in found} == set(ROTATING.between(first, first + span))


def test_a_lookup_leaves_out_kinds_that_it_cannot_be() -> None:
    kinds = {item.kind for item in MAKER.lookup("ada@example.org", 0, 0)}
    assert TraitKind.EMAIL in kinds
    assert kinds.isdisjoint({TraitKind.IP, TraitKind.PREFIX, TraitKind.PHONE})


def test_pseudonyms_are_spread_evenly_and_stay_the_same() -> None:
    """Chi-squared over the top four bits: 16 cells, 15 degrees of freedom, bound at p = 1e-6 (57.0)."""
    n = 20_000
    texts = pa.array([f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(n)])
    _, values = MAKER.values(TraitKind.IP, texts, np.full(n, 46 * DAY))
    _, first = np.unique(values, return_index=True)
    assert len(first) == len(values) == 2 * n
    counts = np.bincount((values >> 60) + 8, minlength=16)
    assert ((counts - n / 8) ** 2 / (n / 8)).sum() < 57.0
    # Stored for years: this value must never change.
    assert of(TraitKind.IP, "192.0.2.1", 0, Pseudonymiser(KEY, Epochs(180, 0))) == {772958113820166912}
