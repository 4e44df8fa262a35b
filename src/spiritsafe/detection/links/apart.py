"""Which of many overlapping groups to report: the ones that explain the links best between them.

Two groups that happen to touch also make one large group, with more bits than either; it holds only if
it has more bits than its parts together, told from the smallest groups upwards.
"""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from scipy.sparse import csr_array

from spiritsafe.detection.population import Bool, Float, Int

__all__ = ["apart"]

_PART = 0.9
"""A group is part of another if so much of it lies within, and the other is larger by as much."""


def apart(members: Sequence[Int], bits: Float, size: int) -> list[int]:
    """Return which groups to keep, strongest first; none has half of its members in stronger ones.

    Args:
        members: the groups, ascending node numbers each; no two equal.
        bits: their scores, which add up over groups.
        size: number of nodes.

    >>> pairs = [np.array([0, 1]), np.array([2, 3]), np.array([0, 1, 2, 3])]
    >>> apart(pairs, np.array([9.0, 8.0, 12.0]), 4), apart(pairs, np.array([9.0, 8.0, 20.0]), 4)
    ([0, 1], [2])
    """
    holds = np.flatnonzero(_holds(members, bits, size))
    kept = [int(holds[at]) for at, _ in _taken([members[i] for i in holds.tolist()], bits[holds], size)]
    return sorted(kept, key=lambda i: (-bits[i], members[i].tolist()))


def _taken(members: Sequence[Int], bits: Float, size: int) -> Iterator[tuple[int, float]]:
    """Yield groups and what they add: the bits of a group count for its members that no earlier one has."""
    taken = np.zeros(size if members else 0, np.bool_)
    waiting = [(-score, part.tolist(), at) for at, (score, part) in enumerate(zip(bits.tolist(), members, strict=True))]
    heapify(waiting)
    while waiting:
        promised, names, at = heappop(waiting)
        free = 1 - float(taken[members[at]].mean())
        left = float(bits[at]) * free
        if left < -promised:
            if 2 * free > 1:
                heappush(waiting, (-left, names, at))
            continue
        taken[members[at]] = True
        yield at, left


def _holds(members: Sequence[Int], bits: Float, size: int) -> Bool:
    """Which groups have more bits than their parts that hold."""
    sizes = np.array([len(part) for part in members], np.int64)
    starts = np.concatenate(([0], np.cumsum(sizes)))
    nodes = np.concatenate([np.zeros(0, np.int64), *members])
    belongs = csr_array((np.ones(len(nodes), np.int64), nodes, starts), shape=(len(members), size))
    common = csr_array(belongs @ belongs.T)
    holds = np.zeros(len(members), np.bool_)
    for number in np.argsort(sizes, kind="stable").tolist():
        row = slice(common.indptr[number], common.indptr[number + 1])
        near, shared = common.indices[row], common.data[row]
        parts = near[(shared >= _PART * sizes[near]) & (sizes[near] <= _PART * sizes[number]) & holds[near]]
        adds = _taken([members[i] for i in parts.tolist()], bits[parts], size)
        holds[number] = sum(left for _, left in adds) < bits[number]
    return holds
