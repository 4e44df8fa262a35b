"""Groups worth weighing: components and communities of the links, for several choices of families.

A family of the provider's own may be noise that ties everybody to everybody; a group that payment and
network tie is a component once that family is left out, so every small set of families proposes by
itself. Units and traits are both nodes: a trait of degree d is d edges, not d squared.
"""

from collections.abc import Iterator
from itertools import combinations

import igraph as ig
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from spiritsafe.detection.links.core import LEAST_CYCLES, components, peel
from spiritsafe.detection.links.cover import Cover
from spiritsafe.detection.links.graph import fixed_order
from spiritsafe.detection.links.incidence import Incidence
from spiritsafe.detection.links.moving import divide
from spiritsafe.detection.links.promise import Prices, prices_of, promises
from spiritsafe.detection.links.rarity import weight_bits
from spiritsafe.detection.links.web import Web, web_of
from spiritsafe.detection.population import Bool, Float, Int, expand
from spiritsafe.model.kernel import Array

__all__ = ["MANY_LINKS", "family_choices", "partitions", "quiet_choices"]

_RESOLUTIONS = (0.004, 0.02, 0.1, 0.5, 2.0)
"""Bits per pair of units that a community must hold: 20 bits a unit keep ten to some thousands together."""
_DENSER = 8.0
"""One more where communities are nested: five accounts among a million have many strangers at their edge."""
_LARGEST_SHARE, _LARGEST = 0.05, 5_000
"""A community of more units than this share of all, and than so many, is divided further but not weighed itself."""
_FEW = 4
"""So many families are tried in every combination."""
_PEELING = 50
"""Rounds of removing loose ends; a longer chain of links stays and does no harm."""
MANY_LINKS = 100_000
"""Links from which communities are found by moving nodes, and weighed only where they promise anything."""


def family_choices(families: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the sets of families to group by: all sets of a few; else all, all but one, pairs and singles.

    >>> family_choices(("a", "b"))
    [('a',), ('b',), ('a', 'b')]
    """
    count = len(families)
    sizes = range(1, count + 1) if count <= _FEW else sorted({1, 2, count - 1, count})
    return [chosen for size in sizes for chosen in combinations(families, size)]


def quiet_choices(noise: dict[str, float]) -> list[tuple[str, ...]]:
    """Return the sets of families to group by where each set is dear: the quietest one, two, three ... families.

    What a family hides others by is how many strangers it ties. Leaving out a family that is quieter than one
    that stays cleans next to nothing, so of all sets only these differ; every two of the quiet ones are cheap.

    Args:
        noise: per family, how many others its values tie the units to.

    >>> quiet_choices({"a": 9.0, "b": 1.0, "c": 2.0})
    [('b',), ('b', 'c'), ('a', 'b', 'c')]
    """
    order = sorted(noise, key=lambda family: (noise[family], family))
    prefixes = [tuple(sorted(order[: count + 1])) for count in range(len(order))]
    pairs = [tuple(sorted(pair)) for pair in combinations(order[:-1], 2)]
    return sorted({*prefixes, *pairs}, key=lambda chosen: (len(chosen), chosen))


def _noise(incidence: Incidence) -> dict[str, float]:
    noise = dict.fromkeys(incidence.families, 0.0)
    for layer in incidence.layers:
        noise[layer.family] += float((layer.degree.astype(np.float64) ** 2).sum())
    return noise


def partitions(incidence: Incidence, least: int) -> Iterator[Cover]:
    """Yield covers by disjoint groups of at least ``least`` units, families and resolutions varying.

    Time is linear in the links, times the number of family sets and resolutions. With `MANY_LINKS` and more,
    groups without promise (see ``promise``) are left out, finer communities are looked for within coarser ones
    only, and groups have no loose ends.
    """
    if sum(int(layer.linking.sum()) for layer in incidence.layers) >= MANY_LINKS:
        yield from _nested(incidence, least)
        return
    for families in family_choices(incidence.families):
        unit, trait, bits = _core(*_edges(incidence, families))
        component = _components(unit, trait)
        cyclic = _cycles(unit, trait, component)[component] >= LEAST_CYCLES
        if not cyclic.any():
            continue
        unit, trait, bits, component = unit[cyclic], trait[cyclic], bits[cyclic], component[cyclic]
        yield _cover(unit, component, least)
        yield from (_cover(*labelled, least) for labelled in _communities(unit, trait, bits))


def _nested(incidence: Incidence, least: int) -> Iterator[Cover]:
    """Yield the promising of ever denser communities, each within the one before."""
    web, prices = web_of(incidence), prices_of(incidence)
    for families in quiet_choices(_noise(incidence)):
        chosen = np.array([layer.family in families for layer in incidence.layers] + [True])
        alive = chosen[web.layer]  # a unit's layer is -1
        label = np.zeros(web.nodes, np.int32)
        nodes = peel(web, np.flatnonzero(alive).astype(np.int32), label, alive)
        for resolution in (0.0, *_RESOLUTIONS[1:], _DENSER):
            if resolution:
                divide(web, nodes, label, alive, resolution)
                nodes = peel(web, nodes, label, alive)
            nodes, begins = components(web, nodes, label, alive, least)
            if not len(nodes):
                break
            cover = _promising(web, prices, (nodes, begins), label, alive)
            if cover.count:
                yield cover


def _promising(web: Web, prices: Prices, parts: tuple[Array, Array], label: Array, alive: Bool) -> Cover:
    nodes, begins = parts
    sizes = np.bincount(label[nodes[nodes < web.units]], minlength=len(begins) - 1)
    likely = sizes <= max(_LARGEST_SHARE * web.units, _LARGEST)
    best = np.flatnonzero(likely & (promises(web, parts, label, alive, prices) > 0))
    first, last = begins[best], begins[best + 1]
    unit, group = nodes[expand(first, last)].astype(np.int64), np.repeat(np.arange(len(best)), last - first)
    unit, group = unit[unit < web.units], group[unit < web.units]
    order = np.lexsort((unit, group))
    return Cover(group[order], unit[order], len(best))


def _edges(incidence: Incidence, families: tuple[str, ...]) -> tuple[Int, Int, Float]:
    """Unit, trait (numbered over all layers) and rarity of every link of the families."""
    units, traits, bits, offset = [], [], [], 0
    for layer in incidence.layers:
        if layer.family in families:
            units.append(layer.unit[layer.linking])
            traits.append(layer.trait[layer.linking] + offset)
            bits.append(weight_bits(layer.degree[layer.trait[layer.linking]], incidence.units))
            offset += layer.traits
    return np.concatenate(units), np.concatenate(traits), np.concatenate(bits)


def _core(unit: Int, trait: Int, bits: Float) -> tuple[Int, Int, Float]:
    """Leave out loose ends, which no cycle goes through; a group found without them gets its own back."""
    for _ in range(_PEELING):
        firm = (np.bincount(unit)[unit] >= 2) & (np.bincount(trait)[trait] >= 2)
        if firm.all():
            break
        unit, trait, bits = unit[firm], trait[firm], bits[firm]
    return unit, trait, bits


def _components(unit: Int, trait: Int) -> Int:
    """Component of every link."""
    shape = (int(unit.max(initial=-1)) + 1, int(trait.max(initial=-1)) + 1)
    size = sum(shape)
    links = coo_array((np.ones(len(unit), np.int8), (unit, shape[0] + trait)), shape=(size, size))
    _, label = connected_components(links, directed=False)
    return np.asarray(label[unit], np.int64)


def _cycles(unit: Int, trait: Int, component: Int) -> Int:
    """Independent cycles of every component: links, less nodes, plus one."""
    count = int(component.max(initial=-1)) + 1
    links = np.bincount(component, minlength=count)
    nodes = sum(
        np.bincount(component[np.unique(side, return_index=True)[1]], minlength=count) for side in (unit, trait)
    )
    return np.asarray(links - nodes + 1, np.int64)


def _communities(unit: Int, trait: Int, bits: Float) -> Iterator[tuple[Int, Int]]:
    """Yield units and their Leiden communities (CPM; Traag et al. 2011, 2019) at every resolution.

    Traits weigh nothing, so that a community's size is its units and its traits follow them.
    """
    units, left = np.unique(unit, return_inverse=True)
    traits, right = np.unique(trait, return_inverse=True)
    graph = ig.Graph(n=len(units) + len(traits), edges=np.stack([left, len(units) + right], axis=1))
    weights, sizes = bits.tolist(), [1.0] * len(units) + [0.0] * len(traits)
    for resolution in _RESOLUTIONS:
        fixed_order()
        found = graph.community_leiden(
            objective_function="CPM", weights=weights, node_weights=sizes, resolution=resolution, n_iterations=2
        )
        yield units, np.array(found.membership[: len(units)], np.int64)


def _cover(unit: Int, label: Int, least: int) -> Cover:
    pair = np.unique(np.stack([label, unit]), axis=1)
    kept = np.bincount(pair[0])[pair[0]] >= least
    names, group = np.unique(pair[0][kept], return_inverse=True)
    return Cover(group.astype(np.int64), pair[1][kept], len(names))
