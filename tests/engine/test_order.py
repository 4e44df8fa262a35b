"""Rows in the order of their keys, and what is reduced over the rows of one key, against numpy's own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spiritsafe.engine.order import count_distinct, key_order, reduce_max, reduce_min, reduce_sum, starts_of

Int = NDArray[np.int64]
HASHES = st.integers(-(2**63), 2**63 - 1)


def _sorted(keys: Int) -> list[list[int]]:
    rows: list[list[int]] = keys[:, np.lexsort(keys[::-1])].T.tolist()
    return rows


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), HASHES | st.sampled_from([0, 7, -7]), st.integers(-5, 5)), max_size=200))
def test_rows_come_in_the_order_of_their_keys(rows: list[tuple[int, int, int]]) -> None:
    keys = np.array(rows, np.int64).reshape(-1, 3).T.copy()
    order = key_order(keys, spread=1)
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert keys[:, order].T.tolist() == _sorted(keys)


@pytest.mark.parametrize("heavy", ["one hash", "few hashes", "one bucket"])
def test_a_heavy_key_is_ordered_as_well(heavy: str) -> None:
    rng = np.random.default_rng(3)
    hashes = {
        "one hash": np.full(20_000, 5),
        "few hashes": rng.choice([5, -5, 2**62], 20_000),
        "one bucket": 2**62 + rng.integers(0, 1_000, 20_000),
    }
    keys = np.stack([hashes[heavy], rng.integers(0, 9_000, 20_000)])
    assert keys[:, key_order(keys, spread=0)].T.tolist() == _sorted(keys)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-(2**40), 2**40)), min_size=1, max_size=100))
def test_reductions_are_those_of_numpy(rows: list[tuple[int, int]]) -> None:
    keys, values = np.array([[key for key, _ in rows]], np.int64), np.array([value for _, value in rows])
    order = key_order(keys, 0)
    starts = starts_of(keys, order)
    groups = [values[keys[0] == key] for key in np.unique(keys[0])]
    assert reduce_sum(values, order, starts).tolist() == [int(group.sum()) for group in groups]
    assert reduce_min(values, order, starts).tolist() == [int(group.min()) for group in groups]
    assert reduce_max(values, order, starts).tolist() == [int(group.max()) for group in groups]
    assert count_distinct(values[order], starts).tolist() == [len(np.unique(group)) for group in groups]


@pytest.mark.parametrize("values", [[2**62, 2**62], [-(2**63), -1], [2**63 - 1, 1, 5]])
def test_a_sum_beyond_64_bits_is_an_error(values: list[int]) -> None:
    with pytest.raises(OverflowError):
        reduce_sum(np.array(values, np.int64), np.arange(len(values)), np.array([0, len(values)]))


def test_no_rows_have_no_order() -> None:
    assert key_order(np.zeros((2, 0), np.int64), 0).tolist() == []
