"""Accounts as nodes, rare shared traits as weighted edges between different organisations.

A trait of degree d would make d(d-1)/2 edges, so above a small degree a ring stands for the clique: it
keeps the component together and needs 3d.
"""

import random
from collections.abc import Iterator
from typing import Any, TypeAlias

import igraph as ig
import numpy as np
from numpy.typing import NDArray

from spiritsafe.detection.links.rarity import linking_families, rare_traits, weight_bits
from spiritsafe.detection.population import Float, Int, Population, expand, tally

__all__ = ["communities", "fixed_order", "link_edges", "merge_edges"]

Positions: TypeAlias = NDArray[np.signedinteger[Any]]
"""Positions of accounts, of whatever width."""

_CLIQUE = 60
"""Largest degree expanded to a clique: 1,770 edges; C4's cards served about fifty accounts."""
_RING = 3
"""Neighbours on either side that a member of a ring has."""
_WORD = np.dtype(">u4")
"""Nodes as bytes that sort as numbers do."""


def link_edges(population: Population) -> tuple[Int, Int, Float]:
    """Edges between accounts of different organisations: (a, b, bits), a < b, weights summed over families.

    The best trait per family counts (an address and its /24 are one fact), families add up.
    """
    parts = [_family_edges(population, family) for family in linking_families(population)]
    a, b, bits = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return merge_edges(a, b, bits, population.size)


def _family_edges(population: Population, family: str) -> tuple[Int, Int, Float]:
    rare = rare_traits(population, family)
    order = np.lexsort((rare.account, rare.group))
    account, group = rare.account[order], rare.group[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    left, right = _pairs(starts, np.diff(np.append(starts, len(group))))
    a, b = account[left], account[right]
    bits = weight_bits(rare.degree[order][left], population.units)
    strangers = population.accounts.unit[a] != population.accounts.unit[b]
    return merge_edges(a[strangers], b[strangers], bits[strangers], population.size, best=True)


def _pairs(starts: Int, sizes: Int) -> tuple[Int, Int]:
    """Positions of the two ends of every edge of traits that own rows ``starts[i]:starts[i] + sizes[i]``.

    >>> [part.tolist() for part in _pairs(np.array([0, 2]), np.array([2, 3]))]
    [[0, 2, 2, 3], [1, 3, 4, 4]]
    """
    left, right = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for size in np.unique(sizes[sizes <= _CLIQUE]).tolist():
        first, second = np.triu_indices(size, 1)
        begin = starts[sizes == size][:, None]
        left.append((begin + first).ravel())
        right.append((begin + second).ravel())
    wide = sizes > _CLIQUE
    begin, size = starts[wide], sizes[wide]
    row = expand(begin, begin + size)
    begin, size = np.repeat(begin, size), np.repeat(size, size)
    for step in range(1, _RING + 1):
        left.append(row)
        right.append(begin + (row - begin + step) % size)
    return np.concatenate(left), np.concatenate(right)


def merge_edges(a: Positions, b: Positions, bits: Float, size: int, *, best: bool = False) -> tuple[Int, Int, Float]:
    """Join parallel edges by sum, or by maximum where ``best``."""
    # two positions in one number: 32 bits, in which a population may keep them, are too few
    key = np.minimum(a, b).astype(np.int64) * size + np.maximum(a, b)
    unique, inverse = np.unique(key, return_inverse=True)
    if best:
        total = np.zeros(len(unique))
        np.maximum.at(total, inverse, bits)
    else:
        total = tally(inverse, bits, len(unique))
    return unique // max(size, 1), unique % max(size, 1), total


def communities(a: Int, b: Int, bits: Float, resolutions: tuple[float, ...], most: int | None = None) -> list[Int]:
    """Connected components, and Leiden communities (CPM) of every resolution inside them.

    CPM has no resolution limit (Traag et al. 2011), so a small campaign beside a large one stays whole.
    Components and communities are returned alike: each is tested by itself.

    Args:
        a, b, bits: edges between accounts.
        resolutions: CPM densities, in mean edge weights.
        most: groups wanted at most, those with most weight inside; all by default.
    """
    if not len(a):
        return []
    nodes, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    left, right = index[: len(a)], index[len(a) :]
    graph = ig.Graph(n=len(nodes), edges=np.stack([left, right], axis=1))
    partitions = [graph.connected_components().membership]
    scale, weights = float(np.mean(bits)), bits.tolist()
    for resolution in resolutions:
        fixed_order()
        parts = graph.community_leiden(
            objective_function="CPM", weights=weights, resolution=resolution * scale, n_iterations=4
        )
        partitions.append(parts.membership)
    found: dict[bytes, float] = {}
    for membership in partitions:
        found.update(_parts(np.array(membership), left, right, bits))
    groups = sorted(found) if most is None else sorted(sorted(found, key=lambda g: (-found[g], g))[:most])
    return [nodes[np.frombuffer(group, _WORD)] for group in groups]


def _parts(membership: Int, left: Int, right: Int, bits: Float) -> Iterator[tuple[bytes, float]]:
    """Yield the parts of more than one node, ascending, and the bits of the edges inside each.

    As bytes a part is compared and ordered as its nodes would be one by one, the largest digits first.
    """
    inside = membership[left] == membership[right]
    weight = np.bincount(membership[left[inside]], bits[inside], int(membership.max()) + 1)
    order = np.argsort(membership, kind="stable")
    ordered = membership[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    ends = np.append(starts[1:], len(order))
    several = ends - starts > 1
    starts, ends = starts[several], ends[several]
    packed, size = order.astype(_WORD).tobytes(), _WORD.itemsize
    for start, end, value in zip(starts.tolist(), ends.tolist(), weight[ordered[starts]].tolist(), strict=True):
        yield packed[start * size : end * size], value


def fixed_order() -> None:
    """Seed igraph's generator, which shuffles nodes: communities must not depend on the process."""
    ig.set_random_number_generator(random.Random(0))  # noqa: S311 - an order, no secret
