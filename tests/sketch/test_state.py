import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spiritsafe.sketch.bottomk import BottomK
from spiritsafe.sketch.clusters import cluster
from spiritsafe.sketch.rowmap import ABSENT, RowMap

HASHES = st.integers(-(2**63), 2**63 - 2)


@given(st.lists(st.sets(HASHES | st.integers(0, 8), max_size=700), max_size=4))
def test_a_row_map_numbers_in_order_of_insertion(batches: list[set[int]]) -> None:
    rows, expected = RowMap(), dict[int, int]()
    for batch in batches:
        for value in batch:
            expected.setdefault(value, len(expected))
        rows.add(np.array(list(batch), np.int64))
    keys = np.array(list(expected), np.int64)
    assert rows.find(keys).tolist() == list(expected.values())
    assert rows.hashes.tolist() == list(expected)
    missing = np.array([value for value in range(20) if value not in expected], np.int64)
    assert (rows.find(missing) == ABSENT).all()


@given(st.lists(st.lists(HASHES | st.integers(0, 8), max_size=700), max_size=4))
def test_a_row_map_admits_hashes_that_repeat(batches: list[list[int]]) -> None:
    rows, expected = RowMap(), dict[int, int]()
    for batch in batches:
        found = [expected.setdefault(value, len(expected)) for value in batch]
        assert rows.admit(np.array(batch, np.int64)).tolist() == found
    assert rows.hashes.tolist() == list(expected)


@given(st.lists(st.tuples(st.integers(0, 3), HASHES), max_size=60), st.integers(1, 9))
def test_bottom_k_keeps_the_smallest(pairs: list[tuple[int, int]], k: int) -> None:
    kept = BottomK(k)
    kept.insert(np.array([r for r, _ in pairs], np.int64), np.array([v for _, v in pairs], np.int64))
    for row in range(4):
        expected = sorted({v for r, v in pairs if r == row})[:k]
        one = np.array([row])
        assert kept.count(one)[0] == len(expected)
        assert kept.at(one)[0][: len(expected)].tolist() == expected


def test_clusters_are_verified_not_merely_bucketed() -> None:
    """Rows that share one band only are candidates and no more."""
    rng = np.random.default_rng(0)
    signature = rng.integers(0, 2**32, (200, 128), dtype=np.uint32)
    signature[:, :4] = 7
    assert cluster(signature).tolist() == list(range(200))
    signature[100:] = signature[0]
    signature[100:, 100:] = rng.integers(0, 2**32, (100, 28), dtype=np.uint32)
    assert cluster(signature)[100:].tolist() == [0] * 100


def test_a_flooded_bucket_stays_linear() -> None:
    """A hundred thousand strangers in one bucket: pairwise comparison would take hours."""
    rng = np.random.default_rng(1)
    signature = rng.integers(0, 2**32, (100_000, 128), dtype=np.uint32)
    signature[:, :64] = 1
    assert len(cluster(signature)) == 100_000
