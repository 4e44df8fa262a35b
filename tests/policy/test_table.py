"""The table finds what reading every row one after the other would find."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.model.words import Step, Subject, TraitKind
from spiritsafe.policy.lines import Header, Line, Members, Rows, Trait
from spiritsafe.policy.standing import CLEAR, NOTHING
from spiritsafe.policy.table import Weight
from spiritsafe.policy.terms import Row, terms_of
from tests.policy.policies import ADDRESSES, CREATED, CREATED_US, EXPIRES_US, FEWER, NAMES, NOW_US, files, rows, table

HEADER = Header(schema="", version=9, created_at=CREATED, lines=0, digest="")


def holds(cidr: str, address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if "%" in address:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found) in ipaddress.ip_network(cidr)


def naive(lines: Sequence[Line], account: str, key: str | None, organisation: str | None, ip: str) -> list[Row]:
    campaigns = {line.campaign for line in lines if isinstance(line, Members) and account in line.accounts}

    def reaches(subject: Subject, name: str) -> bool:
        return {
            Subject.ACCOUNT: name == account,
            Subject.KEY: name == key,
            Subject.ORGANISATION: name == organisation,
            Subject.CAMPAIGN: name in campaigns,
            Subject.PREFIX: subject is Subject.PREFIX and holds(name, ip),
        }[subject]

    return [
        Row(name, terms_of(line, HEADER))
        for line in lines
        if isinstance(line, Rows)
        for name in line.ids
        if reaches(line.subject, name)
    ]


_names = st.sampled_from([*NAMES, "unknown"])


@FEWER
@given(
    lines=files(),
    account=_names,
    key=st.none() | _names,
    organisation=st.none() | _names,
    ip=st.sampled_from(ADDRESSES),
)
def test_the_rows_of_a_request(lines: list[Line], account: str, key: str, organisation: str, ip: str) -> None:
    found = table(*lines).rows_for(account, key, organisation, ip)
    expected = naive(lines, account, key, organisation, ip)
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    lengths = [int(row.id.split("/")[1]) for row in found if row.terms.subject is Subject.PREFIX]
    assert lengths == sorted(lengths, reverse=True)


@FEWER
@given(lines=files(), ip=st.sampled_from(ADDRESSES))
def test_the_order_of_lines_does_not_matter(lines: list[Line], ip: str) -> None:
    one, other = table(*lines), table(*reversed(lines))
    for account in NAMES:
        asked = (account, "b", "c", ip)
        assert one.standing(*asked, now_us=NOW_US) == other.standing(*asked, now_us=NOW_US)


def test_rows_of_equal_terms_share_them() -> None:
    found = table(rows(Subject.ACCOUNT, "a", "b"), rows(Subject.ACCOUNT, "c"))
    assert found.rows_for("a")[0].terms is found.rows_for("c")[0].terms


def test_a_row_is_in_force_from_when_it_came_in_until_it_expires() -> None:
    found = table(rows())
    for now_us, there in ((CREATED_US - 1, False), (CREATED_US, True), (EXPIRES_US - 1, True), (EXPIRES_US, False)):
        assert (found.standing("a", now_us=now_us).live.step is Step.RATE_LIMIT) == there
    assert found.standing("a", now_us=EXPIRES_US) is CLEAR
    assert found.standing("b", now_us=NOW_US) is CLEAR


def test_observe_without_an_expiry_goes_on() -> None:
    live = table(rows(step=Step.OBSERVE)).standing("a", now_us=2**62).live
    assert (live.step, live.row is not None) == (Step.OBSERVE, True)


def test_a_shadow_row_does_nothing_and_is_told() -> None:
    standing = table(rows(shadow=True)).standing("a", now_us=NOW_US)
    assert standing.live is NOTHING
    assert standing.shadow.step is Step.RATE_LIMIT


def test_a_campaigns_row_reaches_its_accounts() -> None:
    found = table(
        rows(Subject.CAMPAIGN, "c-1", step=Step.WATERMARK),
        rows(Subject.CAMPAIGN, "c-2", step=Step.WITHHOLD),
        Members(campaign="c-1", accounts=("a", "b")),
        Members(campaign="c-2", accounts=("a",)),
        Members(campaign="c-3", accounts=("a",)),
    )
    assert set(found.campaigns_of("a")) == {"c-1", "c-2", "c-3"}
    live = found.standing("a", now_us=NOW_US).live
    assert (live.watermark, live.campaign, live.withhold) == (True, "c-1", True)
    assert not found.standing("b", now_us=NOW_US).live.withhold
    assert found.standing("c-1", now_us=NOW_US) is CLEAR


def _trait(value: str, campaign: str, bits: float) -> Trait:
    return Trait(kind=TraitKind.DEVICE, value=value, campaign=campaign, weight_bits=bits)


@pytest.mark.parametrize("shadow", [False, True])
def test_traits_speak_as_long_as_a_row_about_their_campaign_does(shadow: bool) -> None:
    value = "00000000000000ff"
    found = table(rows(Subject.CAMPAIGN, "c-1", shadow=shadow), _trait(value, "c-1", 4.5), _trait(value, "c-2", 9.0))
    assert found.weights(TraitKind.DEVICE, value, now_us=NOW_US) == [Weight("c-1", 4.5, shadow)]
    assert found.weights(TraitKind.DEVICE, value, now_us=EXPIRES_US) == []
    assert found.weights(TraitKind.PAYMENT, value, now_us=NOW_US) == []
