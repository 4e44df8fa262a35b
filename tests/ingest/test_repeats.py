"""An id counts once within its window, whatever is remembered and whatever must be asked of the store."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.engine.tables import HOUR_US
from spiritsafe.ingest.repeats import Repeats

WINDOW = 48
BATCHES = st.lists(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 300)), max_size=12), max_size=12)


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
@given(BATCHES, st.integers(0, 12))
def test_forgetting_what_the_store_can_tell_changes_nothing(batches: list[list[tuple[int, int]]], cut: int) -> None:
    """Also where a later process begins with nothing but the store."""
    shelf = Shelf()
    repeats = Repeats(shelf.told, None, WINDOW, most=2)
    counted = []
    for at, batch in enumerate(batches):
        if at == cut and shelf.counted:
            repeats = Repeats(shelf.told, shelf.span, WINDOW, most=2)
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
    assert shelf.asked[1:] == [(10 - WINDOW, 1_040 - WINDOW - 1)]


@pytest.mark.parametrize("count", [5_000])
def test_many_ids_are_remembered(count: int) -> None:
    repeats = Repeats(Shelf().told, None, WINDOW)
    ids = np.random.default_rng(1).permutation(count)
    us = np.zeros(count, np.int64)
    assert len(repeats.fresh(ids, us)) == count
    assert len(repeats.fresh(ids[::-1].copy(), us)) == 0
