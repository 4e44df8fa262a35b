"""Ratios with errors and overdispersion: hand-computed cases and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.detection.population import Float
from spiritsafe.detection.signals.base import overdispersion, ratio_with_error


def test_a_ratio_is_of_sums_not_a_mean_of_ratios() -> None:
    value, _ = ratio_with_error(np.array([1.0, 9.0]), np.array([2.0, 10.0]))
    assert value == pytest.approx(10 / 12)


def test_equal_members_leave_no_error() -> None:
    assert ratio_with_error(np.full(5, 2.0), np.full(5, 4.0)) == (0.5, 0.0)


def test_the_error_is_that_of_a_mean_where_denominators_are_equal() -> None:
    values = np.array([1.0, 2.0, 3.0, 6.0])
    _, error = ratio_with_error(values, np.ones(4))
    assert error == pytest.approx(values.std(ddof=1) / 2)


@pytest.mark.parametrize("denominator", [np.zeros(3), np.array([4.0, 0.0, 0.0])])
def test_too_little_is_no_verdict(denominator: Float) -> None:
    assert ratio_with_error(np.ones(3), denominator) == (0.0, float("inf"))


@given(st.lists(st.integers(1, 50), min_size=3, max_size=12))
def test_the_order_of_members_does_not_matter(volumes: list[int]) -> None:
    below = np.array(volumes, np.float64)
    above = below**2 / 7
    order = np.random.default_rng(len(volumes)).permutation(len(volumes))
    assert ratio_with_error(above, below) == pytest.approx(ratio_with_error(above[order], below[order]))


def test_one_profile_has_no_overdispersion_however_loud_the_members() -> None:
    rng = np.random.default_rng(1)
    profile = np.array([[0.1, 0.2, 0.3, 0.4]] * 20)
    for volume in (3, 300):
        counts = rng.multinomial(volume, profile, size=(50, 20)).astype(float)
        value, error = ratio_with_error(*overdispersion(counts, profile, estimated=False))
        assert abs(value) < 4 * error
        own, noise = ratio_with_error(*overdispersion(counts, counts.sum(axis=0)))
        assert abs(own) < 4 * noise


@pytest.mark.parametrize("rho", [0.05, 0.3, 0.7])
def test_overdispersion_finds_the_correlation_that_was_drawn(rho: float) -> None:
    rng = np.random.default_rng(2)
    profile = np.array([0.1, 0.2, 0.3, 0.4])
    shares = rng.dirichlet(profile * (1 / rho - 1), size=(200, 5))
    counts = rng.multinomial(10, shares).astype(float)
    value, error = ratio_with_error(*overdispersion(counts, counts.sum(axis=0)))
    assert abs(value - rho) < 4 * error
    assert error < 0.05


def test_everybody_in_one_own_cell_is_full_correlation() -> None:
    counts = np.zeros((4, 1, 4))
    counts[np.arange(4), 0, np.arange(4)] = 10
    above, below = overdispersion(counts, np.ones((1, 4)), estimated=False)
    # X^2 = 10 (1/.25 - 1) = 30, df = 3, so rho = (30 - 3) / (9 * 3)
    assert above.tolist() == [27.0] * 4
    assert below.tolist() == [27.0] * 4


def test_days_with_one_exchange_say_nothing() -> None:
    counts = np.zeros((3, 2, 4))
    counts[:, 0, 0] = 1
    above, below = overdispersion(counts, counts.sum(axis=0))
    assert not above.any()
    assert not below.any()
