"""Communities are of one label and hold nearly what Leiden's hold."""

import igraph as ig
import numpy as np
import pytest
from numpy.typing import NDArray

from spiritsafe.detection.links.graph import fixed_order
from spiritsafe.detection.links.incidence import read
from spiritsafe.detection.links.moving import divide
from spiritsafe.detection.links.web import Web, web_of
from tests.detection.links.worlds import chance, planted, population

GROUPS = [np.arange(25 * i, 25 * i + 25) for i in range(4)]


def _web() -> Web:
    rows = chance(800, {"network": 900, "payment": 900}, 2)
    for group in GROUPS:
        rows = planted(planted(rows, "payment", group, group % 5), "network", group, group % 4)
    return web_of(read(population(800, rows), 5_000))


def _quality(web: Web, label: NDArray[np.int32], resolution: float) -> float:
    """Bits within communities less the price of their pairs: what CPM maximises."""
    owner = np.repeat(np.arange(web.nodes), np.diff(web.starts))
    within = label[owner] == label[web.ends]
    bits = np.maximum(web.bits[owner], web.bits[web.ends])[within].sum() / 2
    sizes = np.bincount(label[: web.units])
    return float(bits - resolution * (sizes * (sizes - 1)).sum() / 2)


def _leiden(web: Web, resolution: float) -> NDArray[np.int32]:
    owner = np.repeat(np.arange(web.nodes), np.diff(web.starts))
    once = owner < web.units
    graph = ig.Graph(n=web.nodes, edges=np.stack([owner[once], web.ends[once]], axis=1))
    fixed_order()
    found = graph.community_leiden(
        objective_function="CPM",
        weights=web.bits[web.ends[once]].tolist(),
        node_weights=[float(i < web.units) for i in range(web.nodes)],
        resolution=resolution,
        n_iterations=2,
    )
    return np.array(found.membership, np.int32)


@pytest.mark.parametrize("resolution", [0.02, 0.1, 0.5, 2.0])
def test_what_communities_hold_is_within_three_in_a_hundred_of_leiden(resolution: float) -> None:
    web = _web()
    label, alive = np.zeros(web.nodes, np.int32), np.ones(web.nodes, np.bool_)
    divide(web, np.arange(web.nodes, dtype=np.int32), label, alive, resolution)
    assert _quality(web, label, resolution) >= 0.97 * _quality(web, _leiden(web, resolution), resolution)


def test_groups_are_communities() -> None:
    web = _web()
    label, alive = np.zeros(web.nodes, np.int32), np.ones(web.nodes, np.bool_)
    divide(web, np.arange(web.nodes, dtype=np.int32), label, alive, 0.1)
    for group in GROUPS:
        assert len(set(label[group].tolist())) == 1


def test_a_community_has_one_label_and_the_dead_are_left_alone() -> None:
    web = _web()
    before = (np.arange(web.nodes) % 2).astype(np.int32)
    label, alive = before.copy(), np.arange(web.nodes) % 7 != 0
    nodes = np.flatnonzero(alive).astype(np.int32)
    divide(web, nodes, label, alive, 0.1)
    for community in set(label[nodes].tolist()):
        assert len(set(before[nodes][label[nodes] == community].tolist())) == 1
    assert np.array_equal(label[~alive], before[~alive])
