"""Communities of a web (CPM) by moving nodes, then communities, then nodes: where Leiden would take an hour.

Fast local moving (Traag et al. 2019): a node goes to the neighbouring community where it holds most, and only
the neighbours of a node that went are asked again; then whole communities move likewise (Blondel et al. 2008)
until none does; then every node may correct what that made of it. Without Leiden's refinement a community may be
made of parts; the caller separates those (``core.components``). Traits weigh nothing.
"""

from typing import NamedTuple

import numpy as np

from spiritsafe.detection.links.kernel import Array, kernel
from spiritsafe.detection.links.web import Web

__all__ = ["divide"]

_PATIENCE = 5
"""Times that a node is asked on average, at most."""
_LEVELS = 8


class _Graph(NamedTuple):
    """Nodes with sizes, links with weights: ``starts`` int64 [n + 1], ``ends`` int32, ``weight`` float32, ``size``."""

    starts: Array
    ends: Array
    weight: Array
    size: Array


@kernel
def _part(web: Web, nodes: Array, label: Array, alive: Array) -> _Graph:
    """Copy what lives and the links within labels; node i of the copy is ``nodes[i]``."""
    starts, ends, bits = web.starts, web.ends, web.bits
    number = np.empty(len(label), np.int32)
    room = 0
    for at in range(len(nodes)):
        number[nodes[at]] = at
        room += starts[nodes[at] + 1] - starts[nodes[at]]
    begins, others, weight = np.zeros(len(nodes) + 1, np.int64), np.empty(room, np.int32), np.empty(room, np.float32)
    size = np.zeros(len(nodes), np.int32)
    filled = 0
    for at in range(len(nodes)):
        i = nodes[at]
        size[at] = i < web.units
        for link in range(starts[i], starts[i + 1]):
            other = ends[link]
            if alive[other] and label[other] == label[i]:
                others[filled], weight[filled] = number[other], bits[max(i, other)]
                filled += 1
        begins[at + 1] = filled
    return _Graph(begins, others[:filled].copy(), weight[:filled].copy(), size)


@kernel
def _move(graph: _Graph, community: Array, resolution: float) -> int:
    """Let nodes go where they hold most; ``community`` int32 [n] is changed in place, the moves are returned."""
    starts, ends, weights, sizes = graph.starts, graph.ends, graph.weight, graph.size
    n = len(sizes)
    size, crowd = np.zeros(n, np.int64), np.zeros(n, np.int32)
    held, touched = np.zeros(n, np.float32), np.empty(n, np.int32)
    vacant, vacancies = np.empty(n, np.int32), 0
    queue, queued = np.arange(n).astype(np.int32), np.ones(n, np.bool_)
    for i in range(n):
        size[community[i]] += sizes[i]
        crowd[community[i]] += 1
    for c in range(n):
        if crowd[c] == 0:
            vacant[vacancies] = c
            vacancies += 1
    head, waiting, asked, moves = 0, n, 0, 0
    while waiting and asked < _PATIENCE * n:
        i = queue[head]
        head = head + 1 if head + 1 < n else 0
        waiting -= 1
        asked += 1
        queued[i] = False
        own, mine, found = community[i], np.int64(sizes[i]), 0
        for at in range(starts[i], starts[i + 1]):
            c = community[ends[at]]
            if held[c] == 0:
                touched[found] = c
                found += 1
            held[c] += weights[at]
        price = resolution * mine
        best, gain = own, held[own] - price * (size[own] - mine)
        for k in range(found):
            c = touched[k]
            if c != own and held[c] - price * size[c] > gain:
                best, gain = c, held[c] - price * size[c]
        for k in range(found):
            held[touched[k]] = 0
        if gain < 0 and crowd[own] > 1:  # better alone: in a community that everybody has left
            while vacancies and crowd[vacant[vacancies - 1]]:
                vacancies -= 1
            if vacancies:
                best = vacant[vacancies - 1]
        if best == own:
            continue
        moves += 1
        crowd[own] -= 1
        size[own] -= mine
        if crowd[own] == 0 and vacancies < n:
            vacant[vacancies] = own
            vacancies += 1
        community[i] = best
        crowd[best] += 1
        size[best] += mine
        for at in range(starts[i], starts[i + 1]):
            other = ends[at]
            if not queued[other] and community[other] != best:
                queued[other] = True
                end = head + waiting
                queue[end if end < n else end - n] = other
                waiting += 1
    return moves


@kernel
def _merged(graph: _Graph, community: Array) -> _Graph:
    """Number communities anew, in place, and return them as nodes."""
    starts, ends, weights = graph.starts, graph.ends, graph.weight
    n = len(graph.size)
    number, count = np.full(n, -1, np.int32), 0
    begins = np.zeros(n + 1, np.int64)
    for i in range(n):
        if number[community[i]] < 0:
            number[community[i]] = count
            count += 1
        community[i] = number[community[i]]
        begins[community[i] + 1] += 1
    for c in range(count):
        begins[c + 1] += begins[c]
    place, members = begins[:count].copy(), np.empty(n, np.int32)
    for i in range(n):
        members[place[community[i]]] = i
        place[community[i]] += 1
    size, held, touched = np.zeros(count, np.int32), np.zeros(count, np.float32), np.empty(count, np.int32)
    fresh, others, weight = (
        np.zeros(count + 1, np.int64),
        np.empty(len(ends), np.int32),
        np.empty(len(ends), np.float32),
    )
    filled = 0
    for c in range(count):
        found = 0
        for at in range(begins[c], begins[c + 1]):
            i = members[at]
            size[c] += graph.size[i]
            for link in range(starts[i], starts[i + 1]):
                other = community[ends[link]]
                if other != c:
                    if held[other] == 0:
                        touched[found] = other
                        found += 1
                    held[other] += weights[link]
        for k in range(found):
            others[filled], weight[filled] = touched[k], held[touched[k]]
            held[touched[k]] = 0
            filled += 1
        fresh[c + 1] = filled
    return _Graph(fresh, others[:filled].copy(), weight[:filled].copy(), size)


@kernel
def divide(web: Web, nodes: Array, label: Array, alive: Array, resolution: float) -> None:
    """Divide every label into communities; ``label`` int32 [nodes] is changed in place.

    Args:
        web: the graph.
        nodes: int32 [k], the nodes that live.
        label: no community has nodes of two labels.
        alive: bool [nodes].
        resolution: bits per pair of units that a community must hold.
    """
    graph = _part(web, nodes, label, alive)
    community = np.arange(len(nodes)).astype(np.int32)
    coarse, whole = graph, community.copy()
    for _ in range(_LEVELS):
        if _move(coarse, whole, resolution) == 0:
            break
        coarse = _merged(coarse, whole)
        for i in range(len(community)):
            community[i] = whole[community[i]]
        whole = np.arange(len(coarse.size)).astype(np.int32)
    _move(graph, community, resolution)
    for at in range(len(nodes)):
        label[nodes[at]] = community[at]
