"""Intervals hold what they promise, and clusters widen them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from measure.intervals import clopper_pearson, clustered, mean_interval

sizes = st.integers(1, 400)


@given(sizes, st.data())
def test_an_exact_interval_holds_the_share_and_mirrors(trials: int, data: st.DataObject) -> None:
    events = data.draw(st.integers(0, trials))
    low, high = clopper_pearson(events, trials)
    mirrored = clopper_pearson(trials - events, trials)
    assert 0 <= low <= events / trials <= high <= 1
    assert (1 - high, 1 - low) == pytest.approx(tuple(mirrored), abs=1e-9)


def test_an_exact_interval_covers_at_least_its_level() -> None:
    rng = np.random.default_rng(5)
    draws = rng.binomial(40, 0.07, 4_000)
    bounds = {int(events): clopper_pearson(int(events), 40) for events in set(draws)}
    covered = np.mean([bounds[int(events)].low <= 0.07 <= bounds[int(events)].high for events in draws])
    assert covered >= 0.95 - 3 * (0.95 * 0.05 / 4_000) ** 0.5


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=12))
def test_clusters_never_narrow_an_interval(pairs: list[tuple[int, int]]) -> None:
    clusters = [(events, events + rest) for events, rest in pairs]
    events, trials = sum(e for e, _ in clusters), sum(n for _, n in clusters)
    plain, wide = clopper_pearson(events, trials), clustered(clusters)
    assert wide.low <= plain.low + 1e-9
    assert wide.high >= plain.high - 1e-9


def test_clusters_that_stand_or_fall_together_count_once_each() -> None:
    low, high = clustered([(60, 60)] * 5 + [(0, 60)] * 5)
    plain = clopper_pearson(5, 10)
    assert (low, high) == pytest.approx(tuple(plain), abs=0.03)


def test_without_trials_nothing_is_known() -> None:
    assert clustered([]) == clustered([(0, 0)]) == (0.0, 1.0)
    assert mean_interval([0.3]) == (float("-inf"), float("inf"))
    low, high = mean_interval([0.1, 0.2, 0.3])
    assert low == pytest.approx(0.2 - 0.2484, abs=1e-3)
    assert high == pytest.approx(0.2 + 0.2484, abs=1e-3)
