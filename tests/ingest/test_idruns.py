"""Runs of ids: order, comparison and merging against plain sorting and looking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.ingest.idruns import in_order, run_of, run_of_unordered

IDS = st.sampled_from([-(2**63), -(2**63) + 1, -1, 0, 1, 5 << 40, (5 << 40) + 1, 2**63 - 1]) | st.integers(-9, 9)
PAIRS = st.lists(st.tuples(IDS, st.integers(-20, 20)), min_size=1, max_size=60)


def _columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([item for item, _ in pairs], np.int64), np.array([hour for _, hour in pairs], np.int32)


@settings(deadline=None)
@given(PAIRS, PAIRS, st.integers(0, 7))
def test_a_run_blocks_what_was_counted_within_the_window(
    counted: list[tuple[int, int]], asked: list[tuple[int, int]], window: int
) -> None:
    half = len(counted) // 2 or 1
    run = run_of_unordered(*_columns(counted[:half]))
    if counted[half:]:
        run = run.merged(run_of_unordered(*_columns(counted[half:])))
    assert list(zip(run.ids.tolist(), run.hours.tolist(), strict=True)) == sorted(counted)
    blocked = np.zeros(len(asked), np.bool_)
    run.block(*_columns(asked), window, blocked)
    assert blocked.tolist() == [
        any(item == other and abs(hour - when) <= window for other, when in counted) for item, hour in asked
    ]


@pytest.mark.parametrize("spread", [1, 3, 2**20, 2**63])
def test_many_ids_are_put_in_order(spread: int) -> None:
    """Several parts; ids that differ in their last bits only; the same id thousands of times."""
    rng = np.random.default_rng(5)
    ids = rng.integers(-spread, spread, 70_000)
    hours = np.sort(rng.integers(0, 30, len(ids))).astype(np.int32)
    out, when, rows = in_order(ids, hours)
    assert rows.tolist() == np.argsort(ids, kind="stable").tolist()
    assert (out == ids[rows]).all()
    assert (when == hours[rows]).all()
    run = run_of(out, when)
    blocked = np.zeros(1_000, np.bool_)
    asked = np.concatenate([ids[:500], rng.integers(-(2**63), 2**63 - 1, 500)])
    run.block(asked, np.full(1_000, 15, np.int32), 30, blocked)
    assert blocked.tolist() == np.isin(asked, ids).tolist()
