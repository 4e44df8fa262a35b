"""Compiled loops over the rows of a layer: make them distinct, put them in order, deal them out anew.

Nine million rows are sorted nowhere as a whole: stored traits come grouped by value, traits are put in order by
two numbers each, and what follows is a copy.
"""

import numpy as np

from spiritsafe.detection.population import Int
from spiritsafe.model.kernel import Array, kernel

__all__ = ["by_group", "canonical", "distinct_rows", "gathered", "without_repeats"]

_SHORT = 24
"""Members up to which an insertion is faster than a call to sort."""


@kernel
def _sort(values: Array, begin: int, end: int) -> None:
    """Sort ``values[begin:end]`` in place."""
    if end - begin > _SHORT:
        values[begin:end] = np.sort(values[begin:end])
        return
    for i in range(begin + 1, end):
        value = values[i]
        j = i
        while j > begin and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value


@kernel
def distinct_rows(value: Array, unit: Array, n: Array) -> tuple[Array, Array, Array]:
    """Join rows of the same value and unit.

    Args:
        value: int64 [rows], equal values beside each other.
        unit: int64 [rows].
        n: int64 [rows], summed up.

    Returns:
        Units and sums, int32 [distinct] each, by value and then by unit; where each value's begin, int64 [values + 1].
    """
    rows = len(value)
    units, sums = np.empty(rows, np.int32), np.empty(rows, np.int32)
    starts = np.empty(rows + 1, np.int64)
    values, kept, begin = 0, 0, 0
    while begin < rows:
        end, ascending = begin + 1, True
        while end < rows and value[end] == value[begin]:
            ascending = ascending and unit[end] >= unit[end - 1]
            end += 1
        order = np.arange(begin, end) if ascending else begin + np.argsort(unit[begin:end], kind="mergesort")
        starts[values] = kept
        for i in order:
            if kept > starts[values] and units[kept - 1] == unit[i]:
                sums[kept - 1] = min(np.int64(sums[kept - 1]) + n[i], np.int64(2**31 - 1))
            else:
                units[kept], sums[kept] = unit[i], min(n[i], np.int64(2**31 - 1))
                kept += 1
        values += 1
        begin = end
    starts[values] = kept
    return units[:kept].copy(), sums[:kept].copy(), starts[: values + 1].copy()


@kernel
def _moments(unit: Array, starts: Array) -> tuple[Array, Array, Array]:
    """Return per value: degree and first unit in one number, the sum of its units, the sum of their squares."""
    count = len(starts) - 1
    key, total, squares = np.empty(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.float64)
    for i in range(count):
        key[i] = (starts[i + 1] - starts[i]) << 32 | unit[starts[i]]
        for j in range(starts[i], starts[i + 1]):
            total[i] += unit[j]
            squares[i] += np.float64(unit[j]) * np.float64(unit[j])
    return key, total, squares


def canonical(unit: Int, starts: Int) -> Int:
    """Return values by degree and members, so that the key under which they were hashed does not matter."""
    key, total, squares = _moments(unit, starts)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    alike = np.zeros(len(order), np.bool_)
    alike[1:] = (ordered[1:] == ordered[:-1]) & (ordered[1:] >= 2 << 32)
    alike[:-1] |= alike[1:]
    at = np.flatnonzero(alike)
    some = order[at]
    order[at] = some[np.lexsort((squares[some], total[some], key[some]))]
    return order


@kernel
def gathered(unit: Array, n: Array, starts: Array, order: Array) -> tuple[Array, Array, Array]:
    """Lay values in the given order: number of the value, unit and n of every row."""
    trait, units, sums = np.empty(len(unit), np.int32), np.empty(len(unit), np.int32), np.empty(len(unit), np.int32)
    at = 0
    for number in range(len(order)):
        for row in range(starts[order[number]], starts[order[number] + 1]):
            trait[at], units[at], sums[at] = number, unit[row], n[row]
            at += 1
    return trait, units, sums


@kernel
def by_group(values: Array, group: Array, groups: int, counted: Array) -> tuple[Array, Array]:
    """Return the values of the rows with ``counted`` by group, order kept, and where each group's begin, int64."""
    starts = np.zeros(groups + 1, np.int64)
    for row in range(len(group)):
        starts[group[row] + 1] += counted[row]
    for g in range(groups):
        starts[g + 1] += starts[g]
    place, out = starts[:-1].copy(), np.empty(starts[groups], np.int32)
    for row in range(len(group)):
        if counted[row]:
            out[place[group[row]]] = values[row]
            place[group[row]] += 1
    return out, starts


@kernel
def without_repeats(trait: Array, unit: Array) -> tuple[Array, Array]:
    """Sort every trait's units in place and return the rows without repeats; ``trait`` ascends."""
    rows, kept, begin = len(trait), 0, 0
    traits, units = np.empty(rows, np.int32), np.empty(rows, np.int32)
    while begin < rows:
        end = begin + 1
        while end < rows and trait[end] == trait[begin]:
            end += 1
        _sort(unit, begin, end)
        for row in range(begin, end):
            if row == begin or unit[row] != unit[row - 1]:
                traits[kept], units[kept] = trait[row], unit[row]
                kept += 1
        begin = end
    return traits[:kept].copy(), units[:kept].copy()
