"""Which of many overlapping groups to report: the ones that explain the links best between them.

Two groups that happen to touch also make one large group, with more bits than either; it holds only if
it has more bits than its parts together, told from the smallest groups upwards.
"""

from collections.abc import Sequence

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
    taken, kept = np.zeros(size, np.bool_), []
    holds = _holds(members, bits, size)
    for number in sorted(np.flatnonzero(holds).tolist(), key=lambda i: (-bits[i], members[i].tolist())):
        if 2 * taken[members[number]].sum() < len(members[number]):
            taken[members[number]] = True
            kept.append(number)
    return kept


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
        order = sorted(parts.tolist(), key=lambda i: (-bits[i], members[i].tolist()))
        holds[number] = _together([members[i] for i in order], bits[order], size) < bits[number]
    return holds


def _together(parts: Sequence[Int], bits: Float, size: int) -> float:
    """Bits of those parts, taken in order, that are not largely in an earlier one."""
    taken, total = np.zeros(size if parts else 0, np.bool_), 0.0
    for part, score in zip(parts, bits.tolist(), strict=True):
        if taken[part].sum() <= (1 - _PART) * len(part):
            taken[part] = True
            total += score
    return total
