"""Rows that have several values of one kind, such as an address with two tags, as passes through the rows.

First the first value of every row that has one, then the second of every row that has two, and so on: whoever keeps a
value per row needs as many columns as a row has values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["passes"]

Int = NDArray[np.int64]


def passes(index: Int, sizes: Sequence[int]) -> tuple[Int, Int]:
    """Return (row, place) of each value of each row, pass by pass.

    Args:
        index: which distinct thing each row has, -1 for none.
        sizes: how many values each distinct thing has; they lie one after the other, and a place is one among them.

    >>> passes(np.array([1, -1, 0]), [1, 2])
    (array([0, 2, 0]), array([1, 0, 2]))
    """
    size = np.array([*sizes, 0], np.int64)
    start = np.cumsum(size) - size
    rows = [np.flatnonzero(size[index] > turn) for turn in range(int(size.max()))]
    places = [start[index[at]] + turn for turn, at in enumerate(rows)]
    none = np.zeros(0, np.int64)
    return np.concatenate([none, *rows]), np.concatenate([none, *places])
