"""Which rows are among each other's most similar ones: what the rhythm door joins accounts by.

Blocks of likenesses are matrix products; what is kept of them is found by one compiled walk that writes each
row's best into its own few places, so that no list of all pairs is ever laid out or sorted.

Source: mutual nearest neighbours (Brito et al. 1997); inverted file (Jegou et al. 2011).
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.detection.population import Int
from spiritsafe.model.kernel import Array, inlined, kernel

__all__ = ["mutual_neighbours"]

_BLOCK = 1_000
_EXACT, _OVERLAP, _MOVES = 8_000, 4, 3
"""Rows up to which all pairs are compared, cells that a row beyond lies in, and rounds in which cells are moved."""
_STRIDE = 32
"""Likenesses that are compared with a row's worst neighbour at once, without a branch."""


def mutual_neighbours(table: NDArray[np.float32], count: int) -> tuple[Int, Int]:
    """Return pairs (a < b) of rows that are among each other's ``count`` most similar by dot product.

    Of rows that are equally alike the first come first. Among more rows than ``_EXACT`` a row's neighbours are looked
    for in its nearest cells only: what a campaign has in common puts its members into the same ones.
    """
    size = len(table)
    count = min(count, size - 1)
    if count < 1:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    near = np.full((size, count), -1, np.int64)
    alike = np.full((size, count), -np.inf, np.float32)
    for cell in [np.arange(size)] if size <= _EXACT else _cells(table):
        mine = table[cell]
        for begin in range(0, len(cell), _BLOCK):
            _note(mine[begin : begin + _BLOCK] @ mine.T, begin, cell, near, alike)
    near.sort(axis=1)
    return _mutual(near)


@inlined
def _insert(near: Array, alike: Array, who: int, value: float) -> None:
    """Put ``who`` into one row's best, ordered by likeness and then by row, unless it stands there already."""
    last = len(near) - 1
    if value == alike[last] and near[last] >= 0 and who > near[last]:
        return
    for at in range(last + 1):
        # two cells can hold one pair, and their products may differ in the last bit: the first counts
        if near[at] == who:
            return
    at = last
    while at > 0 and (value > alike[at - 1] or (value == alike[at - 1] and who < near[at - 1])):
        near[at], alike[at] = near[at - 1], alike[at - 1]
        at -= 1
    near[at], alike[at] = who, value


@kernel
def _note(block: Array, begin: int, cell: Array, near: Array, alike: Array) -> None:
    """Keep what a block says of its rows' most similar ones.

    Args:
        block: float32 [rows, k], likeness of the cell's rows from ``begin`` on to all of its k rows.
        begin: position in the cell of the block's first row.
        cell: int64 [k], row numbers.
        near, alike: int64 and float32 [all rows, count], each row's best so far; changed in place.
    """
    last, width = near.shape[1] - 1, block.shape[1]
    for at in range(block.shape[0]):
        i, row = cell[begin + at], block[at]
        worst = alike[i, last]
        for first in range(0, width, _STRIDE):
            end = min(first + _STRIDE, width)
            any_near = False
            for other in range(first, end):
                any_near |= row[other] >= worst
            if any_near:
                for other in range(first, end):
                    if row[other] >= worst and other != begin + at:
                        _insert(near[i], alike[i], cell[other], row[other])
                        worst = alike[i, last]


@kernel
def _mutual(near: Array) -> tuple[Array, Array]:
    """Return the pairs (a < b) of which each names the other, in order; ``near`` int64 [rows, count], -1 for nobody."""
    size, count = near.shape
    left, right = np.empty(size * count, np.int64), np.empty(size * count, np.int64)
    found = 0
    for i in range(size):
        for at in range(count):
            j = near[i, at]
            if j > i and (near[j] == i).any():
                left[found], right[found] = i, j
                found += 1
    return left[:found].copy(), right[:found].copy()


def _cells(table: NDArray[np.float32]) -> list[Int]:
    """Cut rows into cells about directions, each row in its few nearest; spherical k-means (Dhillon & Modha 2001)."""
    rng = np.random.default_rng(0)
    count = int(np.sqrt(len(table)))
    centres = table[rng.choice(len(table), count, replace=False)]
    for _ in range(_MOVES):
        nearest = np.argmax(table @ centres.T, axis=1)
        order = np.argsort(nearest, kind="stable")
        filled, starts = np.unique(nearest[order], return_index=True)
        centres[filled] = np.add.reduceat(table[order], starts, axis=0)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-9)
    nearest = np.argpartition(-(table @ centres.T), _OVERLAP - 1, axis=1)[:, :_OVERLAP]
    rows = np.repeat(np.arange(len(table)), _OVERLAP)
    order = np.argsort(nearest.ravel(), kind="stable")
    parts = np.split(rows[order], np.searchsorted(nearest.ravel()[order], np.arange(1, count)))
    return [np.sort(part) for part in parts if len(part) > 1]
