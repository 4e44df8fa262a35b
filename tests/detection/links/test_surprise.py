"""Bits are e-values: under the null their powers of two average at most one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from spiritsafe.detection.links.cover import cover_of, together
from spiritsafe.detection.links.incidence import read, shuffled
from spiritsafe.detection.links.surprise import _bayes_factor, extended, improved, weigh
from tests.detection.links.worlds import chance, planted, population


@settings(deadline=None)
@given(st.integers(1, 300), st.floats(1e-6, 0.999))
def test_the_factor_is_an_e_value(links: int, share: float) -> None:
    inside = np.arange(links + 1.0)
    bits = _bayes_factor(inside, np.full(links + 1, float(links)), np.full(links + 1, share))
    told = bits != 0
    expected = np.exp2(binom.logpmf(inside, links, share) / np.log(2) + bits)
    assert expected[told].sum() <= 1 + 1e-6


def test_a_group_chosen_beforehand_has_no_bits_in_permuted_worlds() -> None:
    rows = planted(chance(200, {"network": 150, "payment": 100}, 0), "payment", np.arange(20), np.arange(20) // 5)
    incidence = read(population(200, rows), 5_000)
    cover, rng = cover_of([np.arange(20), np.arange(50, 53), np.arange(100)]), np.random.default_rng(0)
    bits = np.array([weigh(shuffled(incidence, rng), cover).bits for _ in range(200)])
    assert np.exp2(bits).mean() <= 1
    assert (bits < 0).all()


def test_one_traits_clique_is_no_surprise_but_two_families_are() -> None:
    who, group = np.arange(1_000), np.arange(12)
    one = planted({"payment": (who, who), "device": (who, who)}, "payment", group, 0 * group)
    both = planted(one, "device", group, group % 2)
    bits = [weigh(read(population(1_000, rows), 5_000), cover_of([group])).bits[0] for rows in (one, both)]
    assert bits[0] < 0 < 50 < bits[1]


def test_a_cover_is_weighed_as_its_groups_are() -> None:
    incidence = read(population(300, chance(300, {"network": 80, "payment": 90}, 4, each=2)), 5_000)
    rng = np.random.default_rng(1)
    groups = [np.sort(rng.choice(300, size, replace=False)) for size in (3, 10, 40, 150)]
    whole = weigh(incidence, cover_of(groups)).bits
    assert np.allclose(whole, [weigh(incidence, cover_of([group])).bits[0] for group in groups])


@pytest.mark.parametrize("start", [range(50), range(5, 60), [*range(45), *range(100, 110)]])
def test_mending_finds_the_members(start: range) -> None:
    rng, group = np.random.default_rng(2), np.arange(50)
    rows = chance(1_000, {"network": 3_000, "payment": 4_000, "mine": 100}, 3)
    rows = planted(planted(rows, "payment", group, group // 6), "network", group, rng.integers(0, 4, 50))
    incidence = read(population(1_000, rows), 5_000)
    cover = cover_of([np.array(start)])
    for _ in range(3):
        cover = improved(incidence, cover, weigh(incidence, cover))
    assert cover.unit.tolist() == group.tolist()


def test_whoever_shares_the_groups_own_values_is_taken_in() -> None:
    rng, group = np.random.default_rng(2), np.arange(50)
    rows = chance(1_000, {"network": 3_000, "payment": 4_000}, 3)
    rows = planted(planted(rows, "payment", group, group // 6), "network", group, rng.integers(0, 4, 50))
    incidence = read(population(1_000, rows), 5_000)
    cover = cover_of([np.arange(35)])
    assert extended(incidence, cover, weigh(incidence, cover)).unit.tolist() == group.tolist()


def test_equal_groups_are_weighed_once() -> None:
    one, other = cover_of([np.array([1, 5, 7]), np.array([2, 3])]), cover_of([np.array([1, 5, 7]), np.array([1, 5])])
    assert [group.tolist() for group in together([one, other]).members()] == [[1, 5, 7], [2, 3], [1, 5]]
