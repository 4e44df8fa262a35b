"""Merge runs of rows that are in the order of their keys already, as the rows of segments are.

Apart from ``order``, which sorts what is in no order: hashes are uniform, so rows are dealt out by their top bits,
run after run, and only the few rows of one bucket are compared.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, inlined, kernel

__all__ = ["before", "merge_runs", "put_in_order", "runs_in"]

Int = NDArray[np.int64]

_SMALL = 24
"""Rows that insertion orders faster than anything else."""
_BUCKET = 2
"""Rows that a bucket should hold."""
_STRETCH = 4_096
"""Buckets that are filled at a time."""
_SIGN = np.uint64(1 << 63)


def runs_in(key: Int) -> Int:
    """Return where runs that never fall begin in ``key``, int64 [n], n > 0, and its end, int64 [runs + 1]."""
    return np.asarray(_runs(key))


def merge_runs(keys: Int, runs: Int) -> tuple[Int, Int]:
    """Merge runs of rows whose first key never falls within a run.

    Args:
        keys: int64 [k, n], n > 0, the most significant first; it is a hash.
        runs: where each run begins, and the end, int64 [runs + 1].

    Returns:
        The order of the rows, int64 [n], and where each distinct key begins in it, with the end, int64 [groups + 1].
    """
    first, last = keys[0, runs[:-1]].min(), keys[0, runs[1:] - 1].max()
    low, reach = _SIGN ^ first.view(np.uint64), int(last) - int(first)
    wanted = (keys.shape[1] // _BUCKET).bit_length()
    # a shift by 64 bits is none to the processor
    shift = min(max(reach.bit_length() - wanted, 0), 63)
    order, starts = _merged(keys, runs, low, np.uint64(shift), (reach >> shift) + 1)
    return order, starts


@kernel
def _runs(key: Array) -> Array:
    count, found = len(key), 1
    for row in range(1, count):
        found += key[row] < key[row - 1]
    runs = np.zeros(found + 1, np.int64)
    found = 0
    for row in range(1, count):
        if key[row] < key[row - 1]:
            found += 1
            runs[found] = row
    runs[found + 1] = count
    return runs


@kernel
def _merged(keys: Array, runs: Array, low: Word, shift: Word, buckets: int) -> tuple[Array, Array]:
    """Merge runs a stretch of hashes at a time: its rows are dealt out to buckets, and every bucket put in order.

    A stretch fits in the processor's nearest memory whatever the table's size, which a sort of everything does not.
    """
    count = keys.shape[1]
    order, scratch, starts = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count + 1, np.int64)
    begins, done, found = runs[:-1].copy(), 0, 0
    ends = np.empty(_STRETCH + 1, np.int64)
    for base in range(0, buckets, _STRETCH):
        _deal(keys[0], (runs, begins), (order, ends), (low, shift, base, done))
        for at in range(_STRETCH):
            if ends[at] - done > 1:
                put_in_order(keys, order, (done, ends[at]), scratch)
            for row in range(done, ends[at]):
                if row == done or before(keys, order[row - 1], order[row]):
                    starts[found] = row
                    found += 1
            done = ends[at]
    starts[found] = count
    return order, starts[: found + 1]


@kernel
def _deal(
    key: Array, segments: tuple[Array, Array], dealt: tuple[Array, Array], place: tuple[Word, Word, int, int]
) -> None:
    """Deal the rows of one stretch out to its buckets, and tell where each ends in ``order``; ``begins`` moves on."""
    (runs, begins), (order, ends), (low, shift, base, done) = segments, dealt, place
    ends[:] = 0
    stops = begins.copy()
    for run in range(len(begins)):
        while stops[run] < runs[run + 1]:
            bucket = _bucket(key[stops[run]], low, shift) - base
            if bucket >= _STRETCH:
                break
            ends[bucket + 1] += 1
            stops[run] += 1
    ends[0] = done
    for at in range(_STRETCH):
        ends[at + 1] += ends[at]
    for run in range(len(begins)):
        for row in range(begins[run], stops[run]):
            bucket = _bucket(key[row], low, shift) - base
            order[ends[bucket]] = row
            ends[bucket] += 1
        begins[run] = stops[run]


@inlined
def _bucket(key: Word, low: Word, shift: Word) -> Word:
    return np.int64(((np.uint64(key) ^ _SIGN) - low) >> shift)


@inlined
def before(keys: Array, left: int, right: int) -> bool:
    """Return whether a row's key is below another's."""
    for key in range(keys.shape[0]):
        if keys[key, left] != keys[key, right]:
            return bool(keys[key, left] < keys[key, right])
    return False


@inlined
def put_in_order(keys: Array, order: Array, span: tuple[int, int], scratch: Array) -> None:
    """Order the rows ``order[begin:end]`` by all keys; of equal ones none overtakes another."""
    begin, end = span
    if end - begin <= _SMALL:
        for at in range(begin + 1, end):
            row, to = order[at], at
            while to > begin and before(keys, row, order[to - 1]):
                order[to] = order[to - 1]
                to -= 1
            order[to] = row
    else:
        _merge_neighbours(keys, order, span, scratch)


@kernel
def _merge_neighbours(keys: Array, order: Array, span: tuple[int, int], scratch: Array) -> None:
    """Merge neighbouring runs that are in order until there is one: rows that came in order cost one look."""
    begin, end = span
    runs = 2
    while runs > 1:
        runs, at = 0, begin
        while at < end:
            middle = _run_end(keys, order, at, end)
            stop = _run_end(keys, order, middle, end)
            if stop > middle:
                _merge(keys, order, (at, middle, stop), scratch)
            runs, at = runs + 1, stop


@kernel
def _run_end(keys: Array, order: Array, begin: int, end: int) -> int:
    if begin == end:
        return end
    at = begin + 1
    while at < end and not before(keys, order[at], order[at - 1]):
        at += 1
    return at


@kernel
def _merge(keys: Array, order: Array, span: tuple[int, int, int], scratch: Array) -> None:
    """Merge two runs that stand side by side; of equal rows the left one first."""
    begin, middle, end = span
    for at in range(begin, middle):
        scratch[at] = order[at]
    left, right, to = begin, middle, begin
    while left < middle and right < end:
        if before(keys, order[right], scratch[left]):
            order[to] = order[right]
            right += 1
        else:
            order[to] = scratch[left]
            left += 1
        to += 1
    while left < middle:
        order[to] = scratch[left]
        left, to = left + 1, to + 1
