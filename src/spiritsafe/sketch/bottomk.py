"""Bottom-k sets: the k smallest of the hashes seen, row by row.

They merge by union whatever the order, count exactly below k distinct values, and estimate above.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, kernel

__all__ = ["VACANT", "BottomK"]

VACANT = np.int64(2**63 - 1)
"""Fills a row beyond its values; no keyed hash is ever equal to it but with probability 2**-64."""


@kernel
def _insert(values: Array, rows: Array, hashes: Array) -> None:
    k = values.shape[1]
    for i in range(len(rows)):
        row, value = values[rows[i]], hashes[i]
        if value >= row[k - 1]:
            continue
        place = np.searchsorted(row, value)
        if row[place] == value:
            continue
        for j in range(k - 1, place, -1):
            row[j] = row[j - 1]
        row[place] = value


class BottomK:
    """The ``k`` smallest distinct int64 hashes of each row."""

    def __init__(self, k: int) -> None:
        self._values = np.full((512, k), VACANT, np.int64)

    def grow(self, rows: int) -> None:
        """Make room for at least ``rows`` rows."""
        have, k = self._values.shape
        if rows > have:
            more = np.full(((1 << rows.bit_length()) - have, k), VACANT, np.int64)
            self._values = np.concatenate([self._values, more])

    def insert(self, rows: NDArray[np.int64], hashes: NDArray[np.int64]) -> None:
        """Add ``hashes[i]`` to row ``rows[i]``."""
        _insert(self._values, rows, hashes)

    def at(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return int64[len(rows), k], ascending, padded with `VACANT`."""
        return self._values[rows]

    def count(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many values the rows hold: the exact distinct count below k."""
        return np.asarray((self._values[rows] != VACANT).sum(axis=1))
