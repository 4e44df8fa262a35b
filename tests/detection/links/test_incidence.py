"""Layers, strata and what a permutation keeps."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spiritsafe.detection.links.counting import chances
from spiritsafe.detection.links.incidence import read, shuffled
from tests.detection.links.worlds import chance, population


def test_a_shuffle_keeps_degrees_up_to_collisions_and_strata() -> None:
    rows = chance(2_000, {"network": 600, "payment": 3_000}, seed=1, each=3)
    stratum = np.arange(2_000) % 2
    before = read(population(2_000, rows), 5_000, stratum)
    after = shuffled(before, np.random.default_rng(0))
    for one, other in zip(before.layers, after.layers, strict=True):
        assert len(one.unit) >= len(other.unit) >= 0.99 * len(one.unit)
        assert not np.array_equal(one.unit, other.unit)
        assert (other.stubs <= one.stubs).all()
        assert (other.degree <= one.degree).all()
        for part in (0, 1):  # nobody leaves the stratum in which a link was
            here, there = (np.bincount(x.trait[stratum[x.unit] == part], minlength=x.traits) for x in (one, other))
            assert (there <= here).all()


def test_order_of_traits_does_not_depend_on_their_hashes() -> None:
    rows = chance(300, {"network": 200}, seed=2)
    who, value = rows["network"]
    other = np.random.default_rng(9).permutation(200)[value]
    one, two = (read(population(300, {"network": (who, v)}), 5_000).layers[0] for v in (value, other))
    assert np.array_equal(one.unit, two.unit)
    assert np.array_equal(one.trait, two.trait)


def test_popular_values_only_stratify() -> None:
    who = np.arange(3_000)
    rows = {"network": (np.concatenate([who, who]), np.concatenate([who % 2, 10 + who // 3]))}
    incidence = read(population(3_000, rows), 5_000)
    (layer,) = incidence.layers
    assert layer.degree.max() == 3
    assert len(np.unique(incidence.stratum[::2])) == len(np.unique(incidence.stratum[1::2])) == 1
    assert incidence.stratum[0] != incidence.stratum[1]


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_shares_are_the_frequency_of_a_permutation(seed: int) -> None:
    incidence = read(population(60, chance(60, {"network": 20}, seed, each=2)), 5_000)
    incidence = replace(incidence, stratum=np.arange(60) // 30)
    (layer,) = incidence.layers
    group = np.arange(20, 40)
    names = np.arange(layer.traits)
    links, strata = (layer.unit, layer.starts), (incidence.stratum, incidence.total(layer))
    found = chances((0 * group, group), (0 * names, names), links, layer.stubs, strata)
    share = [
        layer.stubs[group[incidence.stratum[group] == part]].sum() / layer.stubs[incidence.stratum == part].sum()
        for part in (0, 1)
    ]
    for trait in names.tolist():
        parts = incidence.stratum[layer.unit[layer.trait == trait]]
        assert np.isclose(found[trait], np.mean([share[part] for part in parts]))
