"""Bits, p-values, nulls that resist planting, and the false-discovery rate - all by simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from spiritsafe.detection.calibration import (
    Alternative,
    Measurement,
    Null,
    e_bh,
    normal_p,
    robust_null,
    weigh,
)
from spiritsafe.detection.population import Float
from spiritsafe.detection.signals import SIGNALS, Signal

QUANTILES = (np.arange(2_000) + 0.5) / 2_000

values = st.floats(-3, 3)
errors = st.floats(0.001, 1)
spreads = st.floats(0.05, 1)
nulls = st.builds(Null, values, spreads)
alternatives = st.builds(Alternative, values, spreads, st.floats(-5, 0), st.floats(0, 5))


@given(values, errors, nulls, alternatives)
def test_a_weight_keeps_its_bounds(value: float, error: float, null: Null, alternative: Alternative) -> None:
    bits = weigh(Measurement(value, error, ""), null, alternative)
    assert round(alternative.floor, 2) <= bits <= round(alternative.cap, 2)


@given(st.lists(values, min_size=2, max_size=2), errors, nulls, alternatives)
def test_further_towards_the_alternative_never_weighs_less(
    pair: list[float], error: float, null: Null, alternative: Alternative
) -> None:
    """Where a campaign's spread is no wider than honest groups', as the shipped signals have it."""
    wide = Null(null.mean, max(null.sd, alternative.sd))
    towards = 1 if alternative.mean >= wide.mean else -1
    low, high = sorted(pair, key=lambda value: value * towards)
    near, far = (weigh(Measurement(value, error, ""), wide, alternative) for value in (low, high))
    assert far >= near


@given(values, errors, nulls, alternatives)
def test_a_larger_p_never_goes_with_a_value_nearer_to_the_alternative(
    value: float, error: float, null: Null, alternative: Alternative
) -> None:
    nearer = value + 0.1 * (1 if alternative.mean > null.mean else -1)
    near, far = (normal_p(Measurement(v, error, ""), null, alternative) for v in (nearer, value))
    assert 0 <= near <= far <= 1


def test_the_p_value_is_uniform_under_a_normal_null() -> None:
    null, alternative = Null(1.0, 0.3), Alternative(0.0, 0.1, -3, 3)
    drawn = 1.0 + np.hypot(0.3, 0.4) * norm.ppf(QUANTILES)
    p = np.sort([normal_p(Measurement(float(value), 0.4, ""), null, alternative) for value in drawn])
    assert p == pytest.approx(QUANTILES, abs=1e-9)


def _expected_e(null: Null, alternative: Alternative, error: float) -> float:
    """Mean of the e-value over the null, by quantiles."""
    drawn = null.mean + np.hypot(null.sd, error) * norm.ppf(QUANTILES)
    return float(np.mean([2 ** weigh(Measurement(float(value), error, ""), null, alternative) for value in drawn]))


@pytest.mark.parametrize("error", [0.01, 0.1, 0.3])
@pytest.mark.parametrize("spread", [0.5, 0.8, 1.0])
def test_the_e_value_is_at_most_one_on_average(error: float, spread: float) -> None:
    """Also with clipping, where the floor lets evidence speak against."""
    null, alternative = Null(0.0, 0.3), Alternative(0.8, 0.3 * spread, -3, 4)
    assert _expected_e(null, alternative, error) <= 1.05


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
def test_the_e_value_of_every_signal(signal: Signal) -> None:
    """A floor of zero forbids evidence against, so that the mean exceeds one; how far is stated in the docs."""
    bound = 1.35 if signal.alternative.floor == 0 else 1.1
    assert max(_expected_e(signal.prior, signal.alternative, error) for error in (0.01, 0.05, 0.1)) <= bound


def test_the_signals_that_never_acquit_are_paid_for_by_the_others() -> None:
    together = np.prod([_expected_e(signal.prior, signal.alternative, 0.05) for signal in SIGNALS])
    assert together <= 1


# --- nulls ----------------------------------------------------------------------------------------------------


def test_without_references_the_prior_stands() -> None:
    prior = Null(0.4, 0.2)
    assert robust_null(np.zeros(0), np.zeros(0), prior) is prior


def test_many_references_outweigh_the_prior() -> None:
    rng = np.random.default_rng(1)
    null = robust_null(rng.normal(0.8, 0.3, 2_000), np.full(2_000, 0.01), Null(0.4, 0.2))
    assert null.mean == pytest.approx(0.8, abs=0.03)
    assert null.sd == pytest.approx(0.3, abs=0.03)
    assert null.groups == 2_000


def test_measurement_error_is_taken_out_of_the_spread() -> None:
    rng = np.random.default_rng(2)
    drawn = rng.normal(0.5, np.hypot(0.3, 0.4), 4_000)
    assert robust_null(drawn, np.full(4_000, 0.4), Null(0.5, 0.3)).sd == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("count", [10, 40, 200])
def test_a_fifth_of_planted_references_moves_the_null_by_half_a_spread_at_most(count: int) -> None:
    rng = np.random.default_rng(count)
    honest = rng.normal(0.5, 0.2, count)
    planted = honest.copy()
    planted[: count // 5] = -50.0
    before, after = (robust_null(drawn, np.full(count, 0.05), Null(0.5, 0.2)) for drawn in (honest, planted))
    assert abs(after.mean - before.mean) < 0.1
    assert after.sd < 2 * before.sd


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_the_spread_never_falls_below_half_of_the_prior(drawn: list[float]) -> None:
    null = robust_null(np.array(drawn), np.full(len(drawn), 0.1), Null(0.0, 0.5))
    assert null.sd >= 0.25
    assert min(*drawn, 0.0) <= null.mean <= max(*drawn, 0.0)


# --- false-discovery rate -------------------------------------------------------------------------------------

bits_lists = st.lists(st.floats(-20, 20), max_size=30).map(np.array)


@given(bits_lists, st.integers(0, 60))
def test_q_is_monotone_in_bits_and_never_above_one(bits: Float, more: int) -> None:
    q = e_bh(bits, len(bits) + more)
    order = np.argsort(-bits, kind="stable")
    assert ((q > 0) & (q <= 1)).all()
    assert (np.diff(q[order]) >= 0).all()


@given(bits_lists, st.integers(0, 60))
def test_more_tests_never_lower_q(bits: Float, more: int) -> None:
    assert (e_bh(bits, len(bits) + more) >= e_bh(bits, len(bits))).all()


def test_q_by_hand() -> None:
    # three of ten groups, e = 256, 64, 2: 10/256, 10/(2*64), 10/(3*2) -> 1
    assert e_bh(np.array([6.0, 8.0, 1.0]), 10).tolist() == [10 / 128, 10 / 256, 1.0]


@pytest.mark.parametrize("nested", [False, True])
def test_the_false_discovery_rate_holds_also_for_nested_groups(nested: bool) -> None:
    """Ninety honest groups and ten campaigns; nested: nine in ten honest groups repeat another's evidence."""
    rng = np.random.default_rng(3)
    shift, level, proportions, power = 3.5, 0.1, [], []
    for _ in range(400):
        honest = rng.normal(0, 1, 90)
        if nested:
            honest = np.repeat(honest[:9], 10)
        z = np.concatenate([honest, rng.normal(shift, 1, 10)])
        bits = (shift * z - shift**2 / 2) / np.log(2)
        found = e_bh(bits, 100) <= level
        proportions.append(found[:90].sum() / max(found.sum(), 1))
        power.append(found[90:].mean())
    assert np.mean(proportions) <= level
    assert np.mean(power) > 0.3


def test_the_false_discovery_rate_holds_with_the_real_weights() -> None:
    """Sums of bounded, clipped weights of three independent signals, as groups are scored."""
    rng = np.random.default_rng(4)
    null, alternative = Null(0.5, 0.25), Alternative(1.0, 0.15, -2.0, 3.5)
    mistakes, found = [], []
    for _ in range(150):
        drawn = np.concatenate([rng.normal(0.5, 0.25, (45, 3)), rng.normal(1.0, 0.15, (5, 3))])
        bits = np.array([sum(weigh(Measurement(v, 0.01, ""), null, alternative) for v in row) for row in drawn])
        chosen = e_bh(bits, 50) <= 0.1
        mistakes.append(chosen[:45].sum() / max(chosen.sum(), 1))
        found.append(chosen[45:].mean())
    assert np.mean(mistakes) <= 0.1
    assert np.mean(found) > 0
