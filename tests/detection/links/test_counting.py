"""Shared traits are counted as a slow search counts them."""

import numpy as np
import pytest

from spiritsafe.detection.links.counting import shared_traits
from spiritsafe.detection.links.cover import cover_of
from spiritsafe.detection.links.incidence import read
from tests.detection.links.naive import shared
from tests.detection.links.worlds import chance, population


@pytest.mark.parametrize("seed", range(5))
def test_traits_that_two_members_share(seed: int) -> None:
    incidence = read(population(80, chance(80, {"network": 30}, seed, each=2)), 5_000)
    rng = np.random.default_rng(seed)
    groups = [np.sort(rng.choice(80, size, replace=False)) for size in (3, 12, 40)]
    cover, (layer,) = cover_of(groups), incidence.layers
    found = shared_traits(cover.group, cover.unit, *layer.of_unit, layer.traits)
    assert list(zip(*(part.tolist() for part in found), strict=True)) == shared(incidence, 0, groups)
    assert len(found[0]) > 0
