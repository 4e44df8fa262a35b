"""Rows put together account by account, and what each account shows among them.

Every rollup is keyed by account first, so a chunk is sorted by account once and each table is one walk over
it; an account's few rows then lie in the processor's cache whatever is asked of them.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spiritsafe.engine.order import key_order
from spiritsafe.engine.tables import DAY_US
from spiritsafe.model.kernel import Array, kernel
from spiritsafe.sketch.hashing import mix

__all__ = ["Distinct", "Runs", "repeated", "runs_of"]

Int = NDArray[np.int64]

_SMALL = 32
"""Values that insertion orders faster than a sort."""


class Distinct(NamedTuple):
    """Values by account: who, what, the first day of its bucket, how often, first and last time, a row; int64 [m] each.

    Sorted by account, value and day.
    """

    account: Int
    value: Int
    day: Int
    n: Int
    first_us: Int
    last_us: Int
    row: Int


@dataclass(frozen=True, eq=False)
class Runs:
    """The order in which rows of one account stand together, in event time within it.

    Attributes:
        account, us: per row, int64 [n].
        order: rows sorted by account and time, int64 [n].
        starts: where each account begins in ``order``, and its end, int64 [accounts + 1].
    """

    account: Int
    us: Int
    order: Int
    starts: Int

    @property
    def last(self) -> Int:
        """Rows as late as the last one of their account."""
        ends = np.repeat(self.us[self.order[self.starts[1:] - 1]], np.diff(self.starts))
        return np.asarray(self.order[self.us[self.order] == ends])

    def split(self, key: Int) -> Int:
        """Return starts in ``order`` of the rows of one account and one ``key``, int64 [groups + 1].

        Args:
            key: per row, never falling in event time.
        """
        account, key = self.account[self.order], key[self.order]
        fresh = np.ones(len(key) + 1, np.bool_)
        fresh[1:-1] = (account[1:] != account[:-1]) | (key[1:] != key[:-1])
        return np.flatnonzero(fresh)

    def distinct(self, *lanes: Int, days: int) -> Distinct:
        """Count the distinct values of each account.

        Args:
            lanes: values per row, int64 [n] each, 0 for none; all lanes count as one column.
            days: width of the buckets of days that are told apart, counted from the epoch.
        """
        values = np.stack([lane[self.order] for lane in lanes])
        found = _distinct(self._who, values, self._when, self.starts, days * DAY_US)
        account, value, bucket, n, first, last = found
        return Distinct(account, value, bucket * days, n, self._when[first], self._when[last], self.order[first])

    @cached_property
    def _who(self) -> Int:
        """The account of each run."""
        return self.account[self.order[self.starts[:-1]]]

    @cached_property
    def _when(self) -> Int:
        """Event times in ``order``."""
        return self.us[self.order]


def runs_of(account: Int, us: Int) -> Runs:
    """Put rows together by account.

    Args:
        account: int64 [n].
        us: event times, never falling, int64 [n].
    """
    order = key_order(np.stack([account, np.arange(len(account))]), 0)
    fresh = np.ones(len(order) + 1, np.bool_)
    fresh[1:-1] = np.diff(account[order]) != 0
    return Runs(account, us, order, np.flatnonzero(fresh) if len(order) else np.zeros(1, np.int64))


def repeated(values: Int) -> NDArray[np.bool_]:
    """Return which values occur more than once, bool [n].

    >>> repeated(np.array([7, 8, 7])).tolist()
    [True, False, True]
    """
    return np.asarray(_repeated(values))


@kernel
def _repeated(values: Array) -> Array:
    count = len(values)
    size = 2
    while size < 2 * count:
        size *= 2
    last = np.uint64(size - 1)
    slots = np.full(size, -1, np.int64)
    out = np.zeros(count, np.bool_)
    for row in range(count):
        slot = mix(np.uint64(values[row])) & last
        while slots[slot] >= 0 and values[slots[slot]] != values[row]:
            slot = (slot + np.uint64(1)) & last
        if slots[slot] >= 0:
            out[slots[slot]] = True
            out[row] = True
        else:
            slots[slot] = row
    return out


@kernel
def _distinct(who: Array, lanes: Array, times: Array, starts: Array, width: int) -> tuple[Array, ...]:
    most = 0
    for lane in range(lanes.shape[0]):
        for at in range(lanes.shape[1]):
            most += lanes[lane, at] != 0
    account, found_value, bucket = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    n, first, last = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    value, place = np.empty(most, np.int64), np.empty(most, np.int64)
    found = 0
    for run in range(len(starts) - 1):
        size = 0
        for at in range(starts[run], starts[run + 1]):
            for lane in range(lanes.shape[0]):
                if lanes[lane, at] != 0:
                    value[size], place[size] = lanes[lane, at], at
                    size += 1
        if size > 1:
            _by_value(value, place, size)
        for at in range(size):
            day = times[place[at]] // width
            if at > 0 and value[at] == value[at - 1] and day == bucket[found - 1]:
                n[found - 1] += 1
                last[found - 1] = place[at]
            else:
                account[found], found_value[found], bucket[found] = who[run], value[at], day
                n[found], first[found], last[found] = 1, place[at], place[at]
                found += 1
    return account[:found], found_value[:found], bucket[:found], n[:found], first[:found], last[:found]


@kernel
def _by_value(value: Array, place: Array, size: int) -> None:
    """Sort a run by value; what is equal stays in event time."""
    if size > _SMALL:
        order = np.argsort(value[:size], kind="mergesort")
        value[:size] = value[:size][order]
        place[:size] = place[:size][order]
        return
    for at in range(1, size):
        moved, origin, to = value[at], place[at], at
        while to > 0 and value[to - 1] > moved:
            value[to], place[to] = value[to - 1], place[to - 1]
            to -= 1
        value[to], place[to] = moved, origin
