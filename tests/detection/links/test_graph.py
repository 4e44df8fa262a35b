"""Edges between strangers and the groups they make."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.detection.links.graph import communities, link_edges, merge_edges
from tests.detection.links.worlds import population


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=30))
def test_accounts_are_joined_exactly_where_they_share(values: list[int]) -> None:
    value = np.array(values)
    a, b, bits = link_edges(population(len(value), {"payment": (np.arange(len(value)), value)}))
    expected = {(i, j) for j in range(len(value)) for i in range(j) if value[i] == value[j]}
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == expected
    assert np.allclose(bits, np.log2(len(value) / np.bincount(value)[value[a]]))


def test_families_add_up_and_a_family_counts_its_best() -> None:
    who = np.array([0, 1, 0, 1, 2])
    rows = {"network": (who, np.array([5, 5, 6, 6, 6])), "mine": (np.array([0, 1]), np.array([9, 9]))}
    a, b, bits = link_edges(population(64, rows))
    weight = {(i, j): w for i, j, w in zip(a.tolist(), b.tolist(), bits.tolist(), strict=True)}
    assert weight[0, 1] == 10.0
    assert np.isclose(weight[0, 2], np.log2(64 / 3))


def test_a_wide_trait_stays_one_component_in_linear_size() -> None:
    who = np.arange(150)
    a, b, bits = link_edges(population(1000, {"network": (who, 0 * who)}))
    assert len(a) == 3 * 150
    assert [len(group) for group in communities(a, b, bits, ())] == [150]


def test_merging_adds_or_keeps_the_best() -> None:
    a, b, bits = np.array([1, 0, 1]), np.array([0, 1, 2]), np.array([2.0, 3.0, 1.0])
    assert [part.tolist() for part in merge_edges(a, b, bits, 3)] == [[0, 1], [1, 2], [5.0, 1.0]]
    assert [part.tolist() for part in merge_edges(a, b, bits, 3, best=True)] == [[0, 1], [1, 2], [3.0, 1.0]]


def test_two_cliques_with_a_bridge_are_told_apart() -> None:
    i, j = np.triu_indices(8, 1)
    a, b = np.concatenate([i, i + 8, [0]]), np.concatenate([j, j + 8, [8]])
    found = {tuple(group.tolist()) for group in communities(a, b, np.ones(len(a)), (0.4,))}
    assert {tuple(range(8)), tuple(range(8, 16)), tuple(range(16))} <= found


def test_edges_of_many_accounts_keep_their_ends_whatever_the_width_of_a_position() -> None:
    ends = np.array([0, 50_000, 1_900_000], np.int32), np.array([1_999_999, 60_000, 1_900_001], np.int32)
    a, b, bits = merge_edges(*ends, np.ones(3), 2_000_000)
    assert (a.tolist(), b.tolist(), bits.tolist()) == (ends[0].tolist(), ends[1].tolist(), [1.0] * 3)
