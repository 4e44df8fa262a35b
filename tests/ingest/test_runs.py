"""Rows put together by account: what each account shows, counted as a dictionary would count it."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.engine.tables import DAY_US
from spiritsafe.ingest.hashes import combined
from spiritsafe.ingest.runs import repeated, runs_of

ROWS = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 9), st.integers(0, 4), st.integers(0, 2)), max_size=120)


@settings(deadline=None)
@given(ROWS, st.integers(1, 3))
def test_values_are_counted_by_account_value_and_bucket(rows: list[tuple[int, int, int, int]], days: int) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    account, day, first, second = (np.array([row[at] for row in rows], np.int64) for at in range(4))
    us = day * DAY_US + np.arange(len(rows))
    found = runs_of(account, us).distinct(first, second, days=days)
    counted: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for row in range(len(rows)):
        for value in (int(first[row]), int(second[row])):
            if value:
                counted[int(account[row]), value, int(day[row]) // days * days].append(int(us[row]))
    first_row = {int(us[row]): row for row in range(len(rows))}
    expected = [
        (*key, len(times), min(times), max(times), first_row[min(times)]) for key, times in sorted(counted.items())
    ]
    assert list(zip(*(column.tolist() for column in found), strict=True)) == expected


def test_an_account_with_many_values_is_counted_as_well() -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(1, 4_000, 30_000)
    found = runs_of(np.zeros(30_000, np.int64), np.arange(30_000)).distinct(values, days=1)
    distinct, n = np.unique(values, return_counts=True)
    assert found.value.tolist() == distinct.tolist()
    assert found.n.tolist() == n.tolist()


def test_the_last_rows_of_an_account_are_those_of_its_last_moment() -> None:
    runs = runs_of(np.array([7, 7, -1, 7]), np.array([1, 5, 5, 5]))
    assert sorted(runs.last.tolist()) == [1, 2, 3]
    assert runs.split(np.array([0, 0, 0, 1])).tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize("empty", [np.zeros(0, np.int64)])
def test_no_rows_have_no_runs(empty: np.ndarray) -> None:
    runs = runs_of(empty, empty)
    assert [len(column) for column in runs.distinct(empty, days=1)] == [0] * 7
    assert runs.last.tolist() == []
    assert repeated(empty).tolist() == []


def test_rows_are_combined_as_they_differ() -> None:
    left, right = np.array([0, 1, 0, 1, 1, -1]), np.array([0, 0, 1, 1, 0, 0])
    hashes = combined([left, right]).tolist()
    assert [hashes[0], hashes[1] == hashes[4], len(set(hashes))] == [0, True, 5]
    assert combined([right, left]).tolist() != hashes


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5), max_size=60))
def test_what_is_repeated_occurs_more_than_once(values: list[int]) -> None:
    assert repeated(np.array(values, np.int64)).tolist() == [values.count(value) > 1 for value in values]
