"""Stretches are sets of hours: each operation is held against Python's sets."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.ingest import stretches
from spiritsafe.ingest.stretches import Stretches, around, clipped, common, joined, missing

SETS = st.sets(st.integers(0, 40)).map(lambda hours: joined([(hour, hour) for hour in hours], []))


def _hours(found: Stretches) -> set[int]:
    """The hours in a well-formed list: ascending, apart and not empty."""
    assert all(low <= high for low, high in found)
    assert all(one[1] + 1 < two[0] for one, two in pairwise(found))
    return {hour for low, high in found for hour in range(low, high + 1)}


@given(SETS, SETS, st.integers(0, 40), st.integers(0, 40))
def test_stretches_are_sets(one: Stretches, other: Stretches, low: int, high: int) -> None:
    assert _hours(joined(one, other)) == _hours(one) | _hours(other)
    assert _hours(common(one, other)) == _hours(one) & _hours(other)
    assert _hours(missing(one, other)) == _hours(one) - _hours(other)
    assert _hours(clipped(one, low, high)) == {hour for hour in _hours(one) if low <= hour <= high}


@given(st.lists(st.integers(0, 200)).map(sorted), st.integers(0, 5))
def test_a_few_stretches_hold_all_that_is_near(hours: list[int], window: int) -> None:
    found = around(np.array(hours, np.int32), window)
    near = {other for hour in hours for other in range(hour - window, hour + window + 1)}
    assert near <= _hours(found)
    assert len(found) <= stretches._MOST
    if len(found) < stretches._MOST:
        assert near == _hours(found)
