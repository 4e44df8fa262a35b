"""An id counts once within its window, whatever is remembered and whatever must be asked of the store."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.engine.tables import HOUR_US
from spiritsafe.ingest.repeats import Repeats

WINDOW = 48
HASHES = st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 2, 1 << 62, 2**63 - 1])
HOURS = st.integers(0, 300) | st.integers(-5, 5).map(lambda step: 20_000 + WINDOW * step) | st.just(-7_000)
BATCHES = st.lists(st.lists(st.tuples(HASHES, HOURS), max_size=12), max_size=12)


class Shelf:
    """What was counted, as a store keeps it: ids and hours."""

    def __init__(self) -> None:
        self.counted: set[tuple[int, int]] = set()
        self.asked: list[tuple[int, int]] = []

    def told(self, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append((low, high))
        found = sorted((item, hour) for item, hour in self.counted if low <= hour <= high)
        return np.array([item for item, _ in found], np.int64), np.array([hour for _, hour in found], np.int64)

    def take(self, batch: list[tuple[int, int]]) -> None:
        self.counted.update(batch)

    @property
    def span(self) -> tuple[int, int]:
        hours = [hour for _, hour in self.counted]
        return min(hours), max(hours)


def _count(repeats: Repeats, batch: list[tuple[int, int]]) -> list[tuple[int, int]]:
    batch = sorted(batch, key=lambda item: item[1])
    ids, hours = (np.array([item[at] for item in batch], np.int64) for at in (0, 1))
    return [batch[row] for row in repeats.fresh(ids, hours * HOUR_US).tolist()]


def _plainly(batches: list[list[tuple[int, int]]]) -> list[list[tuple[int, int]]]:
    counted: dict[int, list[int]] = defaultdict(list)
    out = []
    for batch in batches:
        kept = []
        for item, hour in sorted(batch, key=lambda item: item[1]):
            if all(abs(hour - other) > WINDOW for other in counted[item]):
                kept.append((item, hour))
                counted[item].append(hour)
        out.append(kept)
    return out


@settings(deadline=None)
@given(BATCHES)
def test_an_id_counts_once_within_its_window(batches: list[list[tuple[int, int]]]) -> None:
    repeats = Repeats(Shelf().told, None, WINDOW)
    assert [_count(repeats, batch) for batch in batches] == _plainly(batches)


@settings(deadline=None)
@given(BATCHES, st.integers(0, 12), st.sampled_from([0, 2, 9]))
def test_forgetting_what_the_store_can_tell_changes_nothing(
    batches: list[list[tuple[int, int]]], cut: int, most: int
) -> None:
    """Also where a later process begins with nothing but the store."""
    shelf = Shelf()
    repeats = Repeats(shelf.told, None, WINDOW, most=most)
    counted = []
    for at, batch in enumerate(batches):
        if at == cut and shelf.counted:
            repeats = Repeats(shelf.told, shelf.span, WINDOW, most=most)
        counted.append(_count(repeats, batch))
        shelf.take(counted[-1])
        if repeats.is_full:
            repeats.forget()
    assert counted == _plainly(batches)


def test_only_hours_near_the_batch_are_asked_for() -> None:
    shelf = Shelf()
    shelf.take([(9, 1_000)])
    repeats = Repeats(shelf.told, (0, 1_000), WINDOW)
    assert _count(repeats, [(9, 1_040)]) == []
    assert _count(repeats, [(9, 1_060)]) == [(9, 1_060)]
    assert shelf.asked == [(1_040 - WINDOW, 1_040 + WINDOW)]
    assert _count(repeats, [(1, 10)]) == [(1, 10)]
    assert shelf.asked[1:] == [(10 - WINDOW, 10 + WINDOW)]


def test_a_log_in_order_of_time_never_asks_and_keeps_what_is_near() -> None:
    rng = np.random.default_rng(2)
    shelf, counted = Shelf(), 0
    repeats = Repeats(shelf.told, None, WINDOW, most=1_500)
    for day in range(20):
        us = np.sort(rng.integers(24 * day, 24 * day + 24, 300)) * HOUR_US
        counted += len(repeats.fresh(rng.integers(-(2**63), 2**63 - 1, 300), us))
        if repeats.is_full:
            repeats.forget()
            assert 600 <= repeats._size <= 1_500
    assert (counted, shelf.asked) == (20 * 300, [])


def test_one_wrong_clock_neither_asks_for_the_years_between_nor_keeps_them() -> None:
    """Every batch has a row of 1970."""
    rng = np.random.default_rng(3)
    shelf = Shelf()
    repeats = Repeats(shelf.told, None, WINDOW, most=1_000)
    for day in range(10, 60):
        ids, hours = rng.integers(0, 2**63 - 1, 100), np.sort(rng.integers(24 * day, 24 * day + 24, 100))
        hours[0] = -400_000
        shelf.take(list(zip(ids.tolist(), hours.tolist(), strict=True)))
        assert len(repeats.fresh(ids, hours * HOUR_US)) == 100
        assert repeats._size <= 1_100
        if repeats.is_full:
            repeats.forget()
    assert all(high - low <= 24 + 2 * WINDOW for low, high in shelf.asked)


@pytest.mark.parametrize("step", [1, -1])
def test_small_batches_make_few_runs(step: int) -> None:
    """Also where time runs backwards."""
    rng = np.random.default_rng(4)
    repeats = Repeats(Shelf().told, None, WINDOW)
    for hour in range(500)[::step]:
        repeats.fresh(rng.integers(0, 2**63 - 1, 20), np.full(20, hour) * HOUR_US)
    assert repeats._size == 10_000
    assert len(repeats._runs) <= 10


def test_one_id_for_ever_counts_once_a_window() -> None:
    hours = np.arange(200_000) * 2
    repeats = Repeats(Shelf().told, None, WINDOW)
    expected = np.flatnonzero(hours % (WINDOW + 2) == 0)
    assert repeats.fresh(np.full(len(hours), 77), hours * HOUR_US).tolist() == expected.tolist()
    assert repeats.fresh(np.full(len(hours), 77), hours * HOUR_US).tolist() == []


@pytest.mark.parametrize("count", [5_000])
def test_many_ids_are_remembered(count: int) -> None:
    repeats = Repeats(Shelf().told, None, WINDOW)
    ids = np.random.default_rng(1).permutation(count)
    us = np.zeros(count, np.int64)
    assert len(repeats.fresh(ids, us)) == count
    assert len(repeats.fresh(ids[::-1].copy(), us)) == 0
