"""Communities of a web (CPM) by moving nodes, then communities, then nodes: where Leiden would take an hour.

Fast local moving (Traag et al. 2019): a node goes to the neighbouring community where it holds most, and only
the neighbours of a node that went are asked again; then whole communities move likewise (Blondel et al. 2008)
until none does; then every node may correct what that made of it. Without Leiden's refinement a community may be
made of parts; the caller separates those (``core.components``). Traits weigh nothing.
"""

from typing import Any, NamedTuple

import numpy as np

from spiritsafe.detection.links.web import Web
from spiritsafe.model.kernel import Array, inlined, kernel

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


@inlined
def _ask(graph: _Graph, i: int, community: Array, held: Array, touched: Array) -> int:
    """Add up what node ``i`` holds in each neighbouring community; return how many there are."""
    found = 0
    for at in range(graph.starts[i], graph.starts[i + 1]):
        c = community[graph.ends[at]]
        if held[c] == 0:
            touched[found] = c
            found += 1
        held[c] += graph.weight[at]
    return found


@inlined
def _answer(
    found: int, touched: Array, held: Array, size: Array, own: int, price: float, mine: Any
) -> tuple[int, float]:
    """Return the community where a node holds most, its own at par, and how much; ``held`` is cleared."""
    best, gain = own, held[own] - price * (size[own] - mine)
    for k in range(found):
        c = touched[k]
        if c != own and held[c] - price * size[c] > gain:
            best, gain = c, held[c] - price * size[c]
    for k in range(found):
        held[touched[k]] = 0
    return best, gain


@inlined
def _wake(graph: _Graph, i: int, community: Array, queued: Array, queue: Array, end: int) -> int:
    """Put the neighbours that node ``i`` does not stand with into the ring ``queue`` at ``end``; return how many."""
    woken, n = 0, len(queue)
    for at in range(graph.starts[i], graph.starts[i + 1]):
        other = graph.ends[at]
        if not queued[other] and community[other] != community[i]:
            queued[other] = True
            place = end + woken
            queue[place if place < n else place - n] = other
            woken += 1
    return woken


@kernel
def _crowds(graph: _Graph, community: Array, size: Array, crowd: Array, vacant: Array) -> int:
    """Fill units and nodes per community, and the stack of communities without any; return its height."""
    for i in range(len(community)):
        size[community[i]] += graph.size[i]
        crowd[community[i]] += 1
    vacancies = 0
    for c in range(len(community)):
        if crowd[c] == 0:
            vacant[vacancies] = c
            vacancies += 1
    return vacancies


@kernel
def _move(graph: _Graph, community: Array, resolution: float) -> int:
    """Let nodes go where they hold most; ``community`` int32 [n] is changed in place, the moves are returned."""
    n = len(community)
    size, crowd, vacant = np.zeros(n, np.int64), np.zeros(n, np.int32), np.empty(n + 1, np.int32)
    held, touched = np.zeros(n, np.float32), np.empty(n, np.int32)
    queue, queued = np.arange(n).astype(np.int32), np.ones(n, np.bool_)
    vacancies = _crowds(graph, community, size, crowd, vacant)
    head, waiting, asked, moves = 0, n, 0, 0
    while waiting and asked < _PATIENCE * n:
        i = queue[head]
        head = head + 1 if head + 1 < n else 0
        waiting -= 1
        asked += 1
        queued[i] = False
        own, mine = community[i], np.int64(graph.size[i])
        found = _ask(graph, i, community, held, touched)
        best, gain = _answer(found, touched, held, size, own, resolution * mine, mine)
        if gain < 0 and crowd[own] > 1:  # better alone: in a community that everybody has left
            while vacancies and crowd[vacant[vacancies - 1]]:
                vacancies -= 1
            best = vacant[vacancies - 1] if vacancies else own
        if best == own:
            continue
        moves += 1
        crowd[own] -= 1
        size[own] -= mine
        vacant[vacancies] = own
        vacancies += crowd[own] == 0 and vacancies < n
        community[i] = best
        crowd[best] += 1
        size[best] += mine
        waiting += _wake(graph, i, community, queued, queue, head + waiting)
    return moves


@inlined
def _grouped(community: Array, number: Array, begins: Array, members: Array) -> int:
    """Number communities anew by their first node, in place, and list their nodes; return how many there are."""
    count = 0
    for i in range(len(community)):
        if number[community[i]] < 0:
            number[community[i]] = count
            count += 1
        community[i] = number[community[i]]
        begins[community[i] + 2] += 1
    for c in range(count):
        begins[c + 2] += begins[c + 1]
    for i in range(len(community)):
        members[begins[community[i] + 1]] = i
        begins[community[i] + 1] += 1
    return count


@kernel
def _merged(graph: _Graph, community: Array) -> _Graph:
    """Number communities anew, in place, and return them as nodes."""
    starts, ends, weights = graph.starts, graph.ends, graph.weight
    n = len(graph.size)
    begins, members = np.zeros(n + 2, np.int64), np.empty(n, np.int32)
    count = _grouped(community, np.full(n, -1, np.int32), begins, members)
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
