"""What a group can be worth at most, told without weighing it: nearly all communities of chance end here.

The bound follows ``surprise`` term by term and is generous wherever that is not: every trait may have its own
rate, pays only the least that choosing it can cost, and no count has a length. A group without promise has no
bits; one with promise is weighed.
"""

from typing import Any, NamedTuple

import numpy as np

from spiritsafe.detection.links.incidence import Incidence
from spiritsafe.detection.links.web import Web
from spiritsafe.model.kernel import Array, inlined, kernel

__all__ = ["Prices", "prices_of", "promises"]


class Prices(NamedTuple):
    """What the bound needs to know of a world.

    Attributes:
        stubs: int32 [layers, units], links that a unit has in a layer; ``total`` float64 [layers], of all.
        floors: int64 [layers, 64], traits of degree 2^k or more.
        family: int64 [layers].
        log_factorial: float64 [units + 2], log2 of k!.
    """

    stubs: Array
    total: Array
    floors: Array
    family: Array
    log_factorial: Array


def prices_of(incidence: Incidence) -> Prices:
    """Return the prices of a world."""
    floors = [[layer.at_least(2 ** max(k, 1)) for k in range(64)] for layer in incidence.layers]
    stubs = np.array([layer.stubs for layer in incidence.layers], np.int32)
    return Prices(
        stubs,
        stubs.sum(axis=1, dtype=np.float64),
        np.array(floors, np.int64),
        np.array([incidence.families.index(layer.family) for layer in incidence.layers], np.int64),
        np.concatenate(([0.0], np.cumsum(np.log2(np.arange(1, incidence.units + 2))))),
    )


@inlined
def _gain(inside: int, degree: int, share: float) -> Any:
    """Bits of the trait's own rate against ``share``; 0 where it has no more than that."""
    rate = inside / degree
    if rate <= share:
        return 0.0
    bits = inside * np.log2(rate / share)
    return bits + (degree - inside) * np.log2((1 - rate) / (1 - share)) if inside < degree else bits


@inlined
def _terms(inside: int, degree: int, floors: Array, several: float, share: float) -> tuple[Any, Any]:
    """Return what one trait is worth at most and the least that choosing it costs."""
    price = max(np.log2(max(floors[np.int64(np.log2(degree))], 1) / several), 0.0)
    return _gain(inside, degree, min(max(share, 1e-12), 1 - 1e-9)), price


@kernel
def _counted(web: Web, prices: Prices, members: Array, share: Array, several: Array) -> int:
    """Fill a component's share of each layer's links and its traits per layer; return its units."""
    size = 0
    for i in members:
        if i >= web.units:
            several[web.layer[i]] += 1
        else:
            size += 1
            for k in range(len(share)):
                share[k] += prices.stubs[k, i]
    for k in range(len(share)):
        share[k] /= prices.total[k]
    return size


@kernel
def promises(web: Web, parts: tuple[Array, Array], label: Array, alive: Array, prices: Prices) -> Array:
    """Return the most bits that every component can be worth, float64 [components].

    Args:
        web: the graph.
        parts: nodes by component and where each begins, see ``core.components``.
        label: int32 [nodes], their component.
        alive: bool [nodes].
        prices: of the world.
    """
    members, begins = parts
    starts, ends, units = web.starts, web.ends, web.units
    layers, families = len(prices.total), prices.family.max() + 1
    out = np.empty(len(begins) - 1)
    share, several = np.empty(layers), np.empty(layers)
    worth, cost = np.empty(layers), np.empty(layers)
    best, naming = np.empty(families), np.empty(families)
    for number in range(len(out)):
        share[:], several[:], worth[:], cost[:] = 0.0, 0.0, 0.0, 0.0
        size = _counted(web, prices, members[begins[number] : begins[number + 1]], share, several)
        for at in range(begins[number], begins[number + 1]):
            i = members[at]
            if i < units:
                continue
            inside = 0
            for link in range(starts[i], starts[i + 1]):
                inside += alive[ends[link]] and label[ends[link]] == number
            k = web.layer[i]
            gain, price = _terms(inside, starts[i + 1] - starts[i], prices.floors[k], several[k], share[k])
            if gain > price:
                worth[k] += gain - price
                cost[k] += price
        people = prices.log_factorial[web.units] - prices.log_factorial[size]
        people -= prices.log_factorial[web.units - size]
        best[:], naming[:] = 0.0, 0.0
        for k in range(layers):
            family = prices.family[k]
            best[family] = max(best[family], worth[k])
            if worth[k] > 0:
                naming[family] = max(naming[family], people - cost[k] - worth[k])
        out[number] = best.sum() - people + max(naming.max(), 0.0)
    return out
