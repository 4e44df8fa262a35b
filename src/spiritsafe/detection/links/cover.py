"""Many groups of units at once, as flat arrays.

Thousands of groups are weighed together, so that there is no loop over groups, nor over traits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spiritsafe.detection.population import Bool, Int

__all__ = ["Cover", "cover_of", "distinct", "together", "within"]


@dataclass(frozen=True, eq=False)
class Cover:
    """Groups of units as pairs sorted by (group, unit); a unit may be in several groups.

    Attributes:
        group, unit: int64 [pairs].
        count: number of groups.
    """

    group: Int
    unit: Int
    count: int

    @property
    def sizes(self) -> Int:
        """Units per group, int64 [count]."""
        return np.bincount(self.group, minlength=self.count)

    def members(self) -> list[Int]:
        """Return the units of every group, ascending."""
        return np.split(self.unit, np.cumsum(self.sizes)[:-1])

    def only(self, kept: Int) -> "Cover":
        """Return the groups numbered ``kept``, ascending, under new numbers."""
        number = np.full(self.count, -1)
        number[kept] = np.arange(len(kept))
        rows = number[self.group] >= 0
        return Cover(number[self.group[rows]], self.unit[rows], len(kept))

    def fingerprints(self) -> Int:
        """Return a number per group that equal groups share and others, but for one pair in 2^64, do not."""
        mark = np.random.default_rng(0).integers(-(2**63), 2**63, int(self.unit.max(initial=0)) + 1)
        marked = np.concatenate(([0], np.cumsum(mark[self.unit])))  # int64 wraps, and a difference unwraps
        ends = np.cumsum(self.sizes)
        return np.asarray(marked[ends] - marked[ends - self.sizes])


def distinct(keys: Int) -> Int:
    """Return the distinct keys, ascending; sorting is several times faster than numpy's hashing here.

    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    ordered = np.sort(keys)
    return np.asarray(ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0])


def within(keys: Int, ordered: Int) -> Bool:
    """Return which keys are among ``ordered``, ascending.

    >>> within(np.array([3, 2]), np.array([1, 3])).tolist()
    [True, False]
    """
    if not len(ordered):
        return np.zeros(len(keys), np.bool_)
    return np.asarray(ordered[np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)] == keys)


def cover_of(members: Sequence[Int]) -> Cover:
    """Return the groups as a cover, in the order given."""
    unit = np.concatenate([np.zeros(0, np.int64), *members])
    return Cover(np.repeat(np.arange(len(members)), [len(part) for part in members]), unit, len(members))


def together(covers: Sequence[Cover]) -> Cover:
    """Return the distinct groups of several covers as one."""
    offsets = np.cumsum([0, *(cover.count for cover in covers)])
    group = np.concatenate([cover.group + offset for cover, offset in zip(covers, offsets, strict=False)])
    joined = Cover(group, np.concatenate([cover.unit for cover in covers]), int(offsets[-1]))
    return joined.only(np.sort(np.unique(joined.fingerprints(), return_index=True)[1]))
