"""A merge of runs that are in order is a stable sort of all of them, whatever the runs are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spiritsafe.engine import runs
from spiritsafe.engine.order import ascends, key_groups, latest_of
from spiritsafe.engine.runs import merge_runs, runs_in

Int = NDArray[np.int64]
EXTREMES = st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1])
HASHES = EXTREMES | st.integers(-(2**63), 2**63 - 1) | st.integers(5, 9)
RUNS = st.lists(st.lists(st.tuples(HASHES, st.integers(-3, 3) | EXTREMES), max_size=80).map(sorted), max_size=9)


def _keys(parts: list[list[tuple[int, int]]]) -> Int:
    return np.array([row for part in parts for row in part], np.int64).reshape(-1, 2).T.copy()


def _check(keys: Int, order: Int, starts: Int) -> None:
    expected = np.lexsort(keys[::-1])  # stable
    assert order.tolist() == expected.tolist()
    ranked = keys[:, expected]
    fresh = np.flatnonzero(np.concatenate(([True], (ranked[:, 1:] != ranked[:, :-1]).any(axis=0), [True])))
    assert starts.tolist() == fresh.tolist()


@settings(deadline=None)
@given(RUNS)
def test_merged_runs_are_sorted_rows(parts: list[list[tuple[int, int]]]) -> None:
    keys = _keys(parts)
    if keys.shape[1]:
        _check(keys, *merge_runs(keys, runs_in(keys[0])))
        _check(keys, *key_groups(keys, 0))
    assert ascends(keys) == (sorted({row for part in parts for row in part}) == [row for part in parts for row in part])


@pytest.mark.parametrize("count", [1, 2, 30, 200])
def test_many_rows_in_one_run_or_many(count: int) -> None:
    rng = np.random.default_rng(count)
    accounts = rng.integers(-(2**63), 2**63 - 1, 4_000)
    parts = [rng.choice(accounts, 60_000 // count) for _ in range(count)]
    keys = np.concatenate([np.stack([np.sort(part), rng.integers(0, 9, len(part))]) for part in parts], axis=1)
    _check(keys, *merge_runs(keys, runs_in(keys[0])))


def test_an_account_with_most_of_the_rows_is_merged_run_by_run() -> None:
    rng = np.random.default_rng(2)
    hours = [np.sort(rng.integers(0, 50_000, 9_000)) for _ in range(6)]
    keys = np.concatenate([np.stack([np.full(9_000, 7), part]) for part in hours], axis=1)
    keys = np.concatenate([keys, np.stack([np.sort(rng.integers(-(2**63), 2**63 - 1, 9_000)), hours[0]])], axis=1)
    _check(keys, *merge_runs(keys, runs_in(keys[0])))


def test_where_runs_begin() -> None:
    assert runs_in(np.array([3, 3, 5, 1, 2, 0])).tolist() == [0, 3, 5, 6]
    assert runs_in(np.array([3])).tolist() == [0, 1]


def test_more_buckets_than_are_filled_at_a_time() -> None:
    count = 5 * runs._STRETCH
    keys = np.stack([np.concatenate([np.arange(count), np.arange(count)]), np.zeros(2 * count, np.int64)])
    _check(keys, *merge_runs(keys, runs_in(keys[0])))


def test_the_latest_row_of_each_key() -> None:
    when, order = np.array([4, 9, 9, 1, 6]), np.array([3, 0, 1, 2, 4])
    row, tied = latest_of(when, order, np.array([0, 2, 4, 5]))
    assert (row.tolist(), tied.tolist()) == ([0, 1, 4], [False, True, False])
