"""Which part of a web can hold a group at all: its core, and the components of that.

A loose end adds no cycle, and a group without two independent cycles never pays for its own choice (see
``surprise``). What survives is labelled by component; the same loop serves the whole web and a partition of it.
"""

import numpy as np

from spiritsafe.detection.links.web import Web
from spiritsafe.model.kernel import Array, inlined, kernel

__all__ = ["LEAST_CYCLES", "components", "peel"]

LEAST_CYCLES = 2
"""A tree of links, or one cycle, never pays for its own choice."""


@kernel
def peel(web: Web, nodes: Array, label: Array, alive: Array) -> Array:
    """Switch off, again and again, every node with fewer than two links to living nodes of its own label.

    Args:
        web: the graph.
        nodes: int32 [k], the nodes that live.
        label: int32 [nodes]; a link between two labels does not count.
        alive: bool [nodes], changed in place.

    Returns:
        The nodes that still live, in the same order.
    """
    starts, ends = web.starts, web.ends
    degree = np.zeros(len(label), np.int32)
    waiting = np.empty(len(nodes), np.int32)
    left = 0
    for i in nodes:
        for at in range(starts[i], starts[i + 1]):
            degree[i] += alive[ends[at]] and label[ends[at]] == label[i]
        if degree[i] < 2:
            waiting[left] = i
            left += 1
    while left:
        left -= 1
        i = waiting[left]
        alive[i] = False
        for at in range(starts[i], starts[i + 1]):
            other = ends[at]
            if alive[other] and label[other] == label[i]:
                degree[other] -= 1
                if degree[other] == 1:
                    waiting[left] = other
                    left += 1
    return nodes[alive[nodes]]


@inlined
def _reach(
    web: Web, root: int, label: Array, alive: Array, reached: Array, members: Array, begin: int
) -> tuple[int, int, int]:
    """List from ``begin`` whatever hangs together with ``root``; return the end, units, and links counted twice."""
    starts, ends = web.starts, web.ends
    members[begin], reached[root] = root, True
    at, end, size, links = begin, begin + 1, 0, 0
    while at < end:
        i = members[at]
        size += i < web.units
        for link in range(starts[i], starts[i + 1]):
            other = ends[link]
            if alive[other] and label[other] == label[i]:
                links += 1
                if not reached[other]:
                    reached[other] = True
                    members[end] = other
                    end += 1
        at += 1
    return end, size, links


@kernel
def components(web: Web, nodes: Array, label: Array, alive: Array, least: int) -> tuple[Array, Array]:
    """Name connected parts of every label, and switch off those too small or with too few cycles.

    Args:
        web: the graph.
        nodes: int32 [k], the nodes that live, at least two links each.
        label: int32 [nodes], changed to the component's number.
        alive: bool [nodes], changed in place.
        least: units that a part needs.

    Returns:
        The living nodes by component, int32, and where each component begins, int64.
    """
    members, begins = np.empty(len(nodes), np.int32), np.zeros(len(nodes) + 1, np.int64)
    reached = np.zeros(len(label), np.bool_)
    fresh = np.empty(len(label), np.int32)
    count, filled = 0, 0
    for root in nodes:
        if reached[root]:
            continue
        begin = filled
        end, size, links = _reach(web, root, label, alive, reached, members, begin)
        kept = size >= least and links // 2 - (end - begin) + 1 >= LEAST_CYCLES
        for at in range(begin, end):
            fresh[members[at]] = count if kept else -1
        if kept:
            filled, count = end, count + 1
            begins[count] = filled
    for i in nodes:
        alive[i] = fresh[i] >= 0
        label[i] = fresh[i]
    return members[:filled].copy(), begins[: count + 1].copy()
