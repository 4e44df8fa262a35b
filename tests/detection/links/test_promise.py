"""The bound is one: no group is worth more bits than it promises."""

import numpy as np
import pytest

from spiritsafe.detection.links.core import components, peel
from spiritsafe.detection.links.cover import Cover
from spiritsafe.detection.links.incidence import read
from spiritsafe.detection.links.moving import divide
from spiritsafe.detection.links.promise import prices_of, promises
from spiritsafe.detection.links.surprise import weigh
from spiritsafe.detection.links.web import web_of
from tests.detection.links.worlds import chance, planted, population


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("resolution", [0.02, 0.5, 2.0])
def test_no_community_is_worth_more_than_it_promises(seed: int, resolution: float) -> None:
    rng = np.random.default_rng(seed)
    rows = chance(1_500, {"network": 1_200, "payment": 1_400, "device": 1_500}, seed, each=2)
    for size in (5, 20, 80):
        group = np.sort(rng.choice(1_500, size, replace=False))
        rows = planted(planted(rows, "payment", group, group % 4), "network", group, group % 3)
    incidence = read(population(1_500, rows), 5_000)
    web, prices = web_of(incidence), prices_of(incidence)
    alive, label = np.ones(web.nodes, np.bool_), np.zeros(web.nodes, np.int32)
    nodes = peel(web, np.arange(web.nodes, dtype=np.int32), label, alive)
    divide(web, nodes, label, alive, resolution)
    nodes = peel(web, nodes, label, alive)
    parts = components(web, nodes, label, alive, 3)
    promised = promises(web, parts, label, alive, prices)
    unit = np.flatnonzero(alive[: web.units])
    unit = unit[np.argsort(label[unit], kind="stable")]
    worth = weigh(incidence, Cover(label[unit].astype(np.int64), unit, len(promised))).bits
    assert len(worth) > 0
    assert (worth[worth > 0] <= promised[worth > 0]).all()
