"""A repeated exchange id counts once within its window: retries of a log shipper are not traffic.

Ids are remembered in a hash table, and only those near the times that are being read: what was counted long
before or after is asked of the store when a file goes there. A log of a month in order of time needs the
memory of some days.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spiritsafe.engine.tables import HOUR_US
from spiritsafe.model.kernel import Array, Word, kernel
from spiritsafe.sketch.hashing import mix

__all__ = ["Repeats"]

Int = NDArray[np.int64]
Stored = Callable[[int, int], tuple[Int, Int]]

_MOST = 12_000_000
"""Ids remembered before all are forgotten and those near the present asked for again: 400 MB."""
_ABSENT = np.int32(-(2**31))


class Repeats:
    """Remembers ids (as hashes) and the hours in which they were counted.

    Args:
        stored: called with a first and a last hour; returns the hashes counted in between and their hours,
            int64 [k] each, as far as they were written.
        span: first and last hour that the store holds at the beginning; None if it holds none.
        window: hours within which a repeat is dropped.
        most: ids remembered before old ones are forgotten.
    """

    def __init__(self, stored: Stored, span: tuple[int, int] | None, window: int, most: int = _MOST) -> None:
        self._stored, self._span, self._window, self._most = stored, span, window, most
        self._covered: tuple[int, int] | None = None
        self._start()

    def _start(self) -> None:
        self._ids, self._hours, self._size = np.zeros(1024, np.int64), np.full(1024, _ABSENT, np.int32), 0

    def fresh(self, exchange: Int, us: Int) -> Int:
        """Return the positions to count, ascending, and remember them.

        Args:
            exchange: id hashes in event time, int64 [n].
            us: start times, ascending.
        """
        if not len(us):
            return np.zeros(0, np.int64)
        hour = us // HOUR_US
        self._cover(int(hour[0]) - self._window, int(hour[-1]) + self._window)
        self._make_room(len(hour))
        keep, self._size = _count(self._ids, self._hours, self._size, exchange, hour, self._window)
        return np.flatnonzero(keep)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write what was counted and to call :meth:`forget`."""
        return self._size > self._most

    def forget(self) -> None:
        """Forget everything, which ``stored`` can tell by now."""
        if self._size:
            known = self._hours[self._hours != _ABSENT]
            low, high = int(known.min()), int(known.max())
            self._span = (low, high) if self._span is None else (min(self._span[0], low), max(self._span[1], high))
            self._covered = None
            self._start()

    def _cover(self, low: int, high: int) -> None:
        """Ask the store for what it counted between two hours, as far as that is not known."""
        if self._covered is None:
            asked = [(low, high)]
            self._covered = (low, high)
        else:
            begin, end = self._covered
            asked = [(low, begin - 1), (end + 1, high)]
            self._covered = (min(low, begin), max(high, end))
        for first, last in asked:
            if self._span is not None and max(first, self._span[0]) <= min(last, self._span[1]):
                exchange, hour = self._stored(first, last)
                self._make_room(len(exchange))
                self._size = _remember(self._ids, self._hours, self._size, exchange, hour)

    def _make_room(self, more: int) -> None:
        need = 2 * (self._size + more)
        if need > len(self._ids):
            known = self._hours != _ABSENT
            ids, hours = self._ids[known], self._hours[known]
            room = 1 << (need - 1).bit_length()
            self._ids, self._hours = np.zeros(room, np.int64), np.full(room, _ABSENT, np.int32)
            self._size = _remember(self._ids, self._hours, 0, ids, hours)


@kernel
def _find(ids: Array, hours: Array, wanted: int, low: int, high: int) -> tuple[bool, Word]:
    """Tell whether an id was counted between two hours, else the free slot where it belongs."""
    last = np.uint64(len(ids) - 1)
    slot = mix(np.uint64(wanted)) & last
    while hours[slot] != _ABSENT:
        if ids[slot] == wanted and low <= hours[slot] <= high:
            return True, np.int64(slot)
        slot = (slot + np.uint64(1)) & last
    return False, np.int64(slot)


@kernel
def _remember(ids: Array, hours: Array, size: int, exchange: Array, hour: Array) -> int:
    for row in range(len(exchange)):
        known, slot = _find(ids, hours, exchange[row], hour[row], hour[row])
        if not known:
            ids[slot], hours[slot] = exchange[row], hour[row]
            size += 1
    return size


@kernel
def _count(ids: Array, hours: Array, size: int, exchange: Array, hour: Array, window: int) -> tuple[Array, int]:
    keep = np.zeros(len(exchange), np.bool_)
    for row in range(len(exchange)):
        known, slot = _find(ids, hours, exchange[row], hour[row] - window, hour[row] + window)
        if not known:
            ids[slot], hours[slot] = exchange[row], hour[row]
            keep[row] = True
            size += 1
    return keep, size
