"""Delays are within their bound, uniform, the same under equal keys and unlike under others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from spiritsafe.model.words import Step, Subject
from spiritsafe.policy.delay import bites_from
from spiritsafe.policy.load import load_table
from spiritsafe.policy.terms import Row
from tests.policy.policies import CREATED_US, SECRET, policy, rows

DAY_S = 86_400
KNOWN = load_table(policy(rows(delay_s=DAY_S)), secret=SECRET).rows_for("a")[0].terms


def shares(secret: bytes, n: int = 4_000) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    begins = [bites_from(Row(f"acct-{number}", KNOWN), secret) for number in range(n)]
    return (np.array(begins) - CREATED_US) / (DAY_S * 1e6)


@given(name=st.text(min_size=1, max_size=20), secret=st.binary(max_size=64))
def test_a_delay_is_within_its_bound(name: str, secret: bytes) -> None:
    begin = bites_from(Row(name, KNOWN), secret)
    assert CREATED_US <= begin <= CREATED_US + DAY_S * 1_000_000
    assert begin == bites_from(Row(name, KNOWN), secret)


def test_delays_are_uniform() -> None:
    """Kolmogorov and Smirnov's distance of 4,000 shares; fixed ids, so no run differs. Fails at p below 0.01."""
    for secret in (SECRET, b"", b"another"):
        assert kstest(shares(secret), "uniform").pvalue > 0.01


def test_another_key_gives_another_delay() -> None:
    """Correlation of 4,000 independent shares has a standard deviation of 0.016; five of them are tolerated."""
    assert abs(np.corrcoef(shares(SECRET), shares(b"another"))[0, 1]) < 0.08


def test_subject_and_version_enter() -> None:
    said = [
        rows(delay_s=DAY_S),
        rows(Subject.ORGANISATION, "a", delay_s=DAY_S),
        rows(step=Step.STEP_UP, delay_s=DAY_S, version=2),
    ]
    table = load_table(policy(*said, version=2), secret=SECRET)
    found = [bites_from(row, SECRET) for row in table.rows_for("a", None, "a")]
    assert len(set(found)) == 3


def test_a_row_bites_from_its_time_on_every_node_alike() -> None:
    nodes = [load_table(policy(rows(delay_s=DAY_S)), secret=SECRET) for _ in range(2)]
    begin = bites_from(Row("a", KNOWN), SECRET)
    for node in nodes:
        assert not node.standing("a", now_us=begin - 1).live.rows
        assert node.standing("a", now_us=begin).live.rows
