"""The compiled loops against the array operations that say the same."""

import numpy as np
import pytest

from spiritsafe.detection.gather import expand, median, rows_of, sum_rows


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_finds_what_isin_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 60))
    keys = np.sort(rng.integers(0, 8 * size, int(rng.integers(0, 400))))
    templates = np.sort(rng.permutation(8)[: rng.integers(0, 6)])
    members = np.sort(rng.permutation(size)[: rng.integers(0, size + 1)])
    rows, who = rows_of(keys, templates, members, size)
    assert np.array_equal(rows, np.flatnonzero(np.isin(keys // size, templates) & np.isin(keys % size, members)))
    assert np.array_equal(members[who], keys[rows] % size)


@pytest.mark.parametrize("kind", [np.float32, np.int64])
def test_sum_rows_adds_one_row_after_the_other(kind: type[np.float32 | np.int64]) -> None:
    rng = np.random.default_rng(1)
    table = np.asarray(rng.normal(0, 90, (50, 7)), kind)
    rows, group = rng.integers(0, 50, 200), rng.integers(0, 9, 200)
    expected = np.zeros((10, 7))
    np.add.at(expected, group, table[rows])
    assert np.array_equal(sum_rows(table, rows, group, 10), expected)


def test_expand_leaves_out_empty_runs() -> None:
    starts, stops = np.array([3, 3, 9]), np.array([5, 3, 10])
    assert expand(starts, stops).tolist() == [3, 4, 9]
    assert expand(starts[:0], stops[:0]).dtype == np.int64


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_the_median_is_numpys(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert median(values) == np.median(values)
    assert np.isnan(median(values[:0]))
