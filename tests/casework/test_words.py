import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.casework import words
from spiritsafe.model.words import Family, Tier
from tests.casework.scans import big_scan, empty_scan, strong_evidence, weigh


@given(st.floats(1e-300, 1.0, exclude_min=True))
def test_a_probability_reads_back_to_two_digits(value: float) -> None:
    text = words.probability(value).translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    read = text.replace(" \N{MULTIPLICATION SIGN} 10", "e")
    assert float(read) == pytest.approx(value, rel=0.051)


def test_headline_counts_tiers_linked_and_lone_accounts_apart() -> None:
    assert words.headline(big_scan()) == "2 campaigns: 1 confirmed and 1 suspected; 1 linked group; 1 lone account"
    assert words.headline(empty_scan()) == "No campaign found"


def test_linked_groups_are_no_campaigns() -> None:
    scan = big_scan()
    linked = [c for c in scan.findings.campaigns if c.tier is Tier.LINKED]
    only = msgspec.structs.replace(scan, findings=msgspec.structs.replace(scan.findings, campaigns=linked, accounts=[]))
    assert words.headline(only) == "No campaign found; 1 linked group"
    assert words.worst_q(only) is None


def test_worst_q_leaves_linked_groups_out() -> None:
    assert words.worst_q(big_scan()) == 0.031


def test_families_that_speak_against_are_not_named() -> None:
    assert Family.CONTEXT not in words.strongest_families(strong_evidence())
    assert words.strongest_families([weigh("a", Family.TIMING, -1.0, 1.0, "")]) == []


def test_a_linked_group_is_never_called_a_campaign() -> None:
    linked = next(c for c in big_scan().findings.campaigns if c.tier is Tier.LINKED)
    assert "campaign" not in words.verdict(linked)


def test_summary_says_what_was_taken() -> None:
    scan = big_scan()
    text = words.summary(scan.findings.campaigns[2], scan.dossiers[0], "+45.651")
    assert "+45.651 bits" in text
    assert "400,000 exchanges and received 685 million output tokens" in text
    assert "mostly reasoning (61%) and coding (24%)" in text


def test_summary_without_a_dossier_or_evidence() -> None:
    bare = msgspec.structs.replace(big_scan().findings.campaigns[0], evidence=[], score_bits=0.0)
    assert words.summary(bare, None, "+0.00").startswith("No evidence speaks for it")


def test_a_period_over_new_year_keeps_both_years() -> None:
    assert words.period("2024-12-30T00:00:00Z", "2025-01-02T00:00:00Z") == "30 Dec 2024 to 2 Jan 2025"
    assert words.period("2025-01-02T00:00:00Z", "2025-01-02T09:00:00Z") == "2 Jan 2025"
    assert words.period(None, None) == "no period"
