"""A growing map from 64-bit hashes to consecutive row numbers, filled and asked in bulk.

numpy has none, and re-sorting a table of millions of hashes for every small batch of a stream would cost
the whole table each time.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, kernel
from spiritsafe.sketch.hashing import mix

__all__ = ["ABSENT", "RowMap", "find_one"]

ABSENT = -1


@kernel
def find_one(hashes: Array, slots: Array, wanted: int) -> Word:
    """Return the row of one hash in a map's raw arrays, -1 where absent."""
    last = np.uint64(len(slots) - 1)
    slot = mix(np.uint64(wanted)) & last
    while slots[slot] >= 0 and hashes[slots[slot]] != wanted:
        slot = (slot + np.uint64(1)) & last
    return np.int64(slots[slot])


@kernel
def _find(hashes: Array, slots: Array, wanted: Array) -> Array:
    rows = np.empty(len(wanted), np.int64)
    for i in range(len(wanted)):
        rows[i] = find_one(hashes, slots, wanted[i])
    return rows


@kernel
def _place(hashes: Array, slots: Array, begin: int, end: int) -> None:
    last = np.uint64(len(slots) - 1)
    for row in range(begin, end):
        slot = mix(np.uint64(hashes[row])) & last
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & last
        slots[slot] = row


@kernel
def _admit(hashes: Array, slots: Array, size: int, wanted: Array, rows: Array) -> int:
    """Give a row to each hash, the same to equal ones; there is room. Returns how many rows there are by then."""
    last = np.uint64(len(slots) - 1)
    for i in range(len(wanted)):
        slot = mix(np.uint64(wanted[i])) & last
        while slots[slot] >= 0 and hashes[slots[slot]] != wanted[i]:
            slot = (slot + np.uint64(1)) & last
        if slots[slot] < 0:
            slots[slot], hashes[size] = size, wanted[i]
            size += 1
        rows[i] = slots[slot]
    return size


_AT_ONCE = 1 << 16
"""Hashes for which room is made before it is known how many of them are new."""


class RowMap:
    """Hashes int64 to rows 0, 1, 2, ... in order of insertion."""

    def __init__(self) -> None:
        self._slots = np.full(1024, ABSENT, np.int64)
        self._hashes = np.zeros(512, np.int64)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def hashes(self) -> NDArray[np.int64]:
        """int64[len]: the hash of each row."""
        return self._hashes[: self._size]

    @property
    def raw(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hashes and slots, for kernels that call `find_one`."""
        return self._hashes, self._slots

    def find(self, hashes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of the hashes, `ABSENT` where there is none."""
        return _find(self._hashes, self._slots, hashes)

    def add(self, hashes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give rows to distinct hashes, new ones where needed; return them."""
        rows = self.find(hashes)
        fresh = hashes[rows == ABSENT]
        self._make_room(len(fresh))
        before, self._size = self._size, self._size + len(fresh)
        self._hashes[before : self._size] = fresh
        _place(self._hashes, self._slots, before, self._size)
        rows[rows == ABSENT] = np.arange(before, self._size)
        return rows

    def admit(self, hashes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give rows to hashes that may repeat, new ones in order of appearance; return them."""
        rows = np.empty(len(hashes), np.int64)
        for at in range(0, len(hashes), _AT_ONCE):
            part = hashes[at : at + _AT_ONCE]
            self._make_room(len(part))
            self._size = _admit(self._hashes, self._slots, self._size, part, rows[at : at + _AT_ONCE])
        return rows

    def _make_room(self, more: int) -> None:
        size = self._size + more
        if size > len(self._hashes):
            self._hashes = np.resize(self._hashes, 1 << size.bit_length())
        if 2 * size > len(self._slots):
            self._slots = np.full(2 * len(self._hashes), ABSENT, np.int64)
            _place(self._hashes, self._slots, 0, self._size)
