"""Rows of many short runs, gathered and summed in compiled loops.

Judging a group is hundreds of small steps over a few thousand rows; done one array operation at a time,
most of the time would go into the calls.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, kernel

__all__ = ["expand", "median", "rows_of", "sum_rows"]

Int = NDArray[np.int64]
Float = NDArray[np.float64]


def expand(starts: Int, stops: Int) -> Int:
    """Return the concatenation of ``range(start, stop)`` over all pairs.

    >>> expand(np.array([0, 5]), np.array([2, 6])).tolist()
    [0, 1, 5]
    """
    return np.asarray(_expand(starts, stops))


def rows_of(keys: Int, templates: Int, members: Int, size: int) -> tuple[Int, Int]:
    """Find the rows of every (template, member).

    Args:
        keys: ``template * size + account`` of every row, ascending.
        templates, members: ascending.
        size: number of accounts.

    Returns:
        Row and position of the member, each int64 [rows], ordered by template, then member.

    >>> rows_of(np.array([0, 0, 1, 12, 13, 13]), np.array([0, 1]), np.array([0, 3]), 10)
    (array([0, 1, 4, 5]), array([0, 0, 1, 1]))
    """
    rows, who = _rows_of(keys, templates, members, np.int64(size))
    return np.asarray(rows), np.asarray(who)


def sum_rows(table: NDArray[np.generic], rows: Int, group: Int, groups: int) -> Float:
    """Sum ``table[rows]`` by ``group``, one row after the other: [n, k] to float [groups, k].

    >>> sum_rows(np.array([[1, 2], [3, 4]]), np.array([1, 0, 1]), np.array([0, 2, 0]), 3).tolist()
    [[6.0, 8.0], [0.0, 0.0], [1.0, 2.0]]
    """
    out = np.zeros((groups, table.shape[1]))
    _sum_rows(table, rows, group, out)
    return out


def median(values: NDArray[np.generic]) -> float:
    """Return the median of a few values; NaN of none.

    >>> median(np.array([4.0, 1.0, 2.0])), median(np.array([4, 1, 2, 3]))
    (2.0, 2.5)
    """
    if not len(values):
        return float("nan")
    half = len(values) // 2
    ordered = np.sort(values)
    upper = float(ordered[half])
    return upper if len(values) % 2 else (float(ordered[half - 1]) + upper) / 2


@kernel
def _expand(starts: Array, stops: Array) -> Array:
    total = 0
    for at in range(len(starts)):
        total += stops[at] - starts[at]
    out = np.empty(total, np.int64)
    place = 0
    for at in range(len(starts)):
        for row in range(starts[at], stops[at]):
            out[place] = row
            place += 1
    return out


@kernel
def _first(keys: Array, wanted: Word, low: int) -> int:
    """First row from ``low`` on whose key is ``wanted`` or more: steps that double, then bisection."""
    high, step = low, 1
    while high < len(keys) and keys[high] < wanted:
        low, high, step = high + 1, high + step, step * 2
    high = min(high, len(keys))
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _rows_of(keys: Array, templates: Array, members: Array, size: Word) -> tuple[Array, Array]:
    starts = np.empty(len(templates) * len(members), np.int64)
    stops, total, low, pair = np.empty_like(starts), 0, 0, 0
    for template in templates:
        for member in members:
            wanted = template * size + member
            low = _first(keys, wanted, low)
            starts[pair] = low
            while low < len(keys) and keys[low] == wanted:
                low += 1
            stops[pair] = low
            total += low - starts[pair]
            pair += 1
    rows, who, place = np.empty(total, np.int64), np.empty(total, np.int64), 0
    for pair in range(len(starts)):
        for row in range(starts[pair], stops[pair]):
            rows[place], who[place] = row, pair % len(members)
            place += 1
    return rows, who


@kernel
def _sum_rows(table: Array, rows: Array, group: Array, out: Array) -> None:
    for at in range(len(rows)):
        for column in range(table.shape[1]):
            out[group[at], column] += table[rows[at], column]
