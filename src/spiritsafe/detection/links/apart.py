"""Which of many overlapping groups to report: the ones that explain the links best between them.

Two groups that touch also make one large group, with more bits than either, and so do one of them and
half of the other. A larger group holds only if it has more bits than its parts together, told from the
smallest upwards; of the ways to choose among those that hold, the one with most bits in all is taken.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from spiritsafe.detection.population import Float, Int

__all__ = ["apart"]

_PART = 0.9
"""A group is part of a larger one if so much of it lies within."""
_TOUCHING = 0.3
"""So much of a group may be in another, too, and take nothing away from it."""


def apart(members: Sequence[Int], bits: Float, size: int) -> list[int]:
    """Return which groups to keep, strongest first; none has half of its members in those chosen before it.

    Args:
        members: the groups, ascending node numbers each; no two equal.
        bits: their scores, which add up over groups.
        size: number of nodes.

    >>> pairs = [np.array([0, 1]), np.array([2, 3]), np.array([0, 1, 2, 3])]
    >>> apart(pairs, np.array([9.0, 8.0, 12.0]), 4), apart(pairs, np.array([9.0, 8.0, 20.0]), 4)
    ([0, 1], [2])
    """
    common = _common(members, size)
    holds = _holds(members, bits, common)
    _, cluster = connected_components(common[holds][:, holds], directed=False)
    kept: list[int] = []
    for part in np.split(holds[np.argsort(cluster, kind="stable")], np.cumsum(np.bincount(cluster))[:-1]):
        kept += _chosen(members, bits, part)[0]
    return sorted(kept, key=lambda i: (-bits[i], members[i].tolist()))


def _common(members: Sequence[Int], size: int) -> csr_array:
    """Members that groups have in common, int64 [groups, groups], only where there are any."""
    starts = np.concatenate(([0], np.cumsum([len(part) for part in members], dtype=np.int64)))
    nodes = np.concatenate([np.zeros(0, np.int64), *members])
    belongs = csr_array((np.ones(len(nodes), np.int64), nodes, starts), shape=(len(members), size))
    return csr_array(belongs @ belongs.T)


def _holds(members: Sequence[Int], bits: Float, common: csr_array) -> Int:
    """Which groups have more bits than their parts that hold."""
    sizes = np.array([len(part) for part in members], np.int64)
    holds = np.zeros(len(members), np.bool_)
    for number in np.argsort(sizes, kind="stable").tolist():
        row = slice(common.indptr[number], common.indptr[number + 1])
        near, shared = common.indices[row], common.data[row]
        parts = near[(shared >= _PART * sizes[near]) & (sizes[near] < sizes[number]) & holds[near]]
        holds[number] = not len(parts) or _chosen(members, bits, parts)[1] < bits[number]
    return np.flatnonzero(holds)


def _chosen(members: Sequence[Int], bits: Float, among: Int) -> tuple[list[int], float]:
    """Choose groups to stand beside each other, and their bits: the strongest first, or the densest."""
    one, other = (_in_turn(members, bits, among, dense) for dense in (False, True))
    return max(one, other, key=lambda choice: choice[1])


def _in_turn(members: Sequence[Int], bits: Float, among: Int, dense: bool) -> tuple[list[int], float]:
    """Take the group that adds most, or most per member, until none has half of its members to itself.

    A group's bits count less the more of its members earlier groups have.
    """
    taken: set[int] = set()
    chosen, total = [], 0.0
    waiting = [
        (-bits[at] / (len(members[at]) if dense else 1), members[at].tolist(), at, bits[at]) for at in among.tolist()
    ]
    heapify(waiting)
    while waiting:
        _, names, at, promised = heappop(waiting)
        free = 1 - len(taken.intersection(names)) / len(names)
        adds = bits[at] * min(free / (1 - _TOUCHING), 1.0)
        if adds >= promised:
            taken.update(names)
            chosen.append(at)
            total += float(adds)
        elif free > 1 / 2:
            heappush(waiting, (-adds / (len(names) if dense else 1), names, at, adds))
    return chosen, total
