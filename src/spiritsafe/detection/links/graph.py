"""Accounts as nodes, rare shared traits as weighted edges between different organisations.

A trait of degree d would make d(d-1)/2 edges; a star through its first account keeps the components and
needs d-1. For community detection the full clique is used below a small degree and the star above.
"""

import igraph as ig
import numpy as np

from spiritsafe.detection.links.rarity import LINKING_KINDS, rare_traits, weight_bits
from spiritsafe.detection.population import Int, Population, tally
from spiritsafe.model.words import Family

__all__ = ["communities", "link_edges", "merge_edges"]

_CLIQUE = 60
"""Largest degree expanded to a clique: 1,770 edges; C4's cards served about fifty accounts."""


def link_edges(population: Population) -> tuple[Int, Int, np.ndarray]:
    """Edges between accounts of different organisations: (a, b, bits), a < b, weights summed over traits.

    The best trait per family counts (an address and its /24 are one fact), families add up.
    """
    parts = [_family_edges(population, family) for family in LINKING_KINDS]
    return merge_edges(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        population.size,
    )


def _family_edges(population: Population, family: Family) -> tuple[Int, Int, np.ndarray]:
    rare = rare_traits(population, family)
    order = np.lexsort((rare.account, rare.group))
    account, group, degree = rare.account[order], rare.group[order], rare.degree[order]
    if not len(group):
        empty = np.zeros(0, np.int64)
        return empty, empty, np.zeros(0)
    starts = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
    stops = np.concatenate((starts[1:], [len(group)]))
    left, right, weight = [], [], []
    for begin, end in zip(starts.tolist(), stops.tolist(), strict=True):
        members = account[begin:end]
        a, b = np.triu_indices(len(members), 1) if len(members) <= _CLIQUE else _ring(len(members))
        left.append(members[a])
        right.append(members[b])
        weight.append(np.full(len(a), weight_bits(degree[begin : begin + 1], population.units)[0]))
    a, b, bits = np.concatenate(left), np.concatenate(right), np.concatenate(weight)
    strangers = population.accounts.unit[a] != population.accounts.unit[b]
    return merge_edges(a[strangers], b[strangers], bits[strangers], population.size, best=True)


def _ring(count: int) -> tuple[Int, Int]:
    """A sparse stand-in for a large clique: each member with its next three, so it stays connected."""
    step = np.repeat(np.arange(1, 4), count)
    a = np.tile(np.arange(count), 3)
    b = (a + step) % count
    return np.minimum(a, b), np.maximum(a, b)


def merge_edges(a: Int, b: Int, bits: np.ndarray, size: int, *, best: bool = False) -> tuple[Int, Int, np.ndarray]:
    """Join parallel edges by sum, or by maximum where ``best``."""
    key = np.minimum(a, b) * size + np.maximum(a, b)
    unique, inverse = np.unique(key, return_inverse=True)
    if best:
        total = np.zeros(len(unique))
        np.maximum.at(total, inverse, bits)
    else:
        total = tally(inverse, bits, len(unique))
    return unique // max(size, 1), unique % max(size, 1), total


def communities(a: Int, b: Int, bits: np.ndarray, resolutions: tuple[float, ...]) -> list[Int]:
    """Connected components, and Leiden communities (CPM) of every resolution inside them.

    CPM has no resolution limit (Traag et al. 2011), so a small campaign beside a large one stays whole.
    Components and communities are returned alike: each is tested by itself.

    Args:
        a, b, bits: edges between accounts.
        resolutions: CPM densities, in mean edge weights.
    """
    if not len(a):
        return []
    nodes, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    graph = ig.Graph(n=len(nodes), edges=np.stack([index[: len(a)], index[len(a) :]], axis=1))
    found = {tuple(sorted(part)) for part in graph.connected_components()}
    scale = float(np.mean(bits))
    for resolution in resolutions:
        ig.set_random_number_generator(_Fixed())
        parts = graph.community_leiden(
            objective_function="CPM", weights=bits.tolist(), resolution=resolution * scale, n_iterations=4
        )
        found.update(tuple(sorted(part)) for part in parts)
    return [nodes[np.array(part)] for part in sorted(found) if len(part) > 1]


class _Fixed:
    """A seeded generator in the shape igraph asks for: communities must not depend on the process."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def random(self) -> float:
        return float(self._rng.random())

    def randint(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high + 1))

    def gauss(self, mu: float, sigma: float) -> float:
        return float(self._rng.normal(mu, sigma))
