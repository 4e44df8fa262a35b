"""Sets of hours as disjoint stretches, both ends included: which hours are known, and which a batch needs.

A log of a month with one clock that was never set needs the hours around both; the sixty years between them
hold nothing that could be a repeat.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stretches", "around", "clipped", "common", "joined", "missing"]

Stretches = list[tuple[int, int]]
"""First and last hour of each, ascending; no two overlap or touch."""

_MOST = 8
"""Stretches around one batch: each may be a question to the store, and hours without end could be made up."""


def around(hours: NDArray[np.int32], window: int) -> Stretches:
    """Return the hours within ``window`` of any of ``hours``; of many stretches, the nearest become one.

    Args:
        hours: ascending, [n].
        window: hours on either side.

    >>> around(np.array([7, 9, 100], np.int32), 2)
    [(5, 11), (98, 102)]
    """
    if not len(hours):
        return []
    first = np.flatnonzero(np.concatenate([[True], hours[1:] != hours[:-1]]))
    seen = hours[first].astype(np.int64)
    gap = np.diff(seen)
    cuts = np.flatnonzero(gap > 2 * window + 1)
    if len(cuts) >= _MOST:
        cuts = np.sort(cuts[np.argsort(-gap[cuts], kind="stable")[: _MOST - 1]])
    begin, end = seen[np.append(0, cuts + 1)] - window, seen[np.append(cuts, len(seen) - 1)] + window
    return list(zip(begin.tolist(), end.tolist(), strict=True))


def joined(one: Stretches, other: Stretches) -> Stretches:
    """Return the hours in either.

    >>> joined([(0, 4), (9, 9)], [(5, 6)])
    [(0, 6), (9, 9)]
    """
    out: Stretches = []
    for low, high in sorted(one + other):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(high, out[-1][1]))
        else:
            out.append((low, high))
    return out


def common(one: Stretches, other: Stretches) -> Stretches:
    """Return the hours in both."""
    return [part for low, high in other for part in clipped(one, low, high)]


def clipped(hours: Stretches, low: int, high: int) -> Stretches:
    """Return the hours from ``low`` to ``high``."""
    return [(max(low, first), min(high, last)) for first, last in hours if first <= high and last >= low]


def missing(wanted: Stretches, known: Stretches) -> Stretches:
    """Return the hours in ``wanted`` and not in ``known``.

    >>> missing([(0, 9)], [(-3, 2), (5, 6)])
    [(3, 4), (7, 9)]
    """
    out: Stretches = []
    for low, high in wanted:
        inside = clipped(known, low, high)
        edges = [(low - 1, low - 1), *inside, (high + 1, high + 1)]
        out.extend((left[1] + 1, right[0] - 1) for left, right in pairwise(edges) if left[1] + 1 < right[0])
    return out
