"""The links of all families as one graph of units and traits, to be looked at from both sides.

Made once per world; what a choice of families leaves out is switched off node by node, so that fifteen choices
copy no link. Nodes are numbered together: units first, then the traits that link.
"""

from typing import NamedTuple

import numpy as np

from spiritsafe.detection.links.incidence import Incidence
from spiritsafe.detection.links.rarity import weight_bits
from spiritsafe.model.kernel import Array, kernel

__all__ = ["Web", "web_of"]


class Web(NamedTuple):
    """Units and traits as nodes, a link of every node twice.

    Attributes:
        units: number of units.
        starts: int64 [nodes + 1]; a node's links are ``ends[starts[i]:starts[i + 1]]``.
        ends: int32 [2 * links], the node at the other end.
        layer: int32 [nodes], the layer of a trait, -1 for a unit.
        bits: float32 [nodes], rarity of a trait, 0 for a unit.
    """

    units: int
    starts: Array
    ends: Array
    layer: Array
    bits: Array

    @property
    def nodes(self) -> int:
        """Number of units and traits."""
        return len(self.layer)


@kernel
def _lay(trait: Array, unit: Array, node: Array, place: Array, ends: Array) -> None:
    """Add one layer's links from both sides; ``node`` int32 [traits] is -1 for a trait that links nobody."""
    for row in range(len(trait)):
        other = node[trait[row]]
        if other >= 0:
            ends[place[other]], ends[place[unit[row]]] = unit[row], other
            place[other] += 1
            place[unit[row]] += 1


def web_of(incidence: Incidence) -> Web:
    """Return the links of an incidence as a graph."""
    units, number = incidence.units, incidence.units
    stubs = np.zeros(units, np.int64)
    nodes, degrees, layers, bits = [], [], [np.full(units, -1, np.int32)], [np.zeros(units, np.float32)]
    for at, layer in enumerate(incidence.layers):
        linking = np.flatnonzero(layer.degree >= 2)
        node = np.full(layer.traits, -1, np.int32)
        node[linking] = np.arange(number, number + len(linking), dtype=np.int32)
        number += len(linking)
        nodes.append(node)
        degrees.append(layer.degree[linking])
        stubs += np.diff(layer.of_unit[1])
        layers.append(np.full(len(linking), at, np.int32))
        bits.append(weight_bits(layer.degree[linking], units).astype(np.float32))
    starts = np.concatenate(([0], np.cumsum(np.concatenate([stubs, *degrees]))))
    ends, place = np.empty(int(starts[-1]), np.int32), starts[:-1].copy()
    for node, layer in zip(nodes, incidence.layers, strict=True):
        _lay(layer.trait, layer.unit, node, place, ends)
    return Web(units, starts, ends, np.concatenate(layers), np.concatenate(bits))
