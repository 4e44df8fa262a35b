"""Put rows in the order of their keys, and reduce the rows of one key, in compiled loops.

Keys of the stored tables begin with a hash, and hashes are uniform: the top bits alone put nearly every row
where it belongs, and what is left is to order the rows of one hash. A general sort of two key columns takes
four times as long. Many rows of one heavy account are heap-sorted, so that no input makes this quadratic.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, inlined, kernel

__all__ = ["count_distinct", "key_order", "reduce_max", "reduce_min", "reduce_sum", "starts_of"]

Int = NDArray[np.int64]

_SMALL = 24
"""Rows that insertion orders faster than anything else."""
_SIGN = np.uint64(1 << 63)


def key_order(keys: Int, spread: int) -> Int:
    """Return the order that sorts rows by their keys.

    Args:
        keys: int64 [k, n], the most significant key first.
        spread: which key is a hash; the keys before it are codes 0, 1, 2 ... of few distinct values.

    Returns:
        int64 [n]; equal rows in any order.
    """
    count = keys.shape[1]
    codes, most = np.zeros(count, np.int64), 1
    for code in keys[:spread]:
        width = int(code.max(initial=0)) + 1
        codes, most = codes * width + code, most * width
    place, code = max(count - 1, 1).bit_length(), (most - 1).bit_length()
    # one word holds what comes before the hash, the top of the hash and the row; a plain sort of words is fastest
    top = (keys[spread].view(np.uint64) ^ _SIGN) >> np.uint64(place + code)
    words = (top << np.uint64(place)) | np.arange(count, dtype=np.uint64)
    if code:
        words |= codes.astype(np.uint64) << np.uint64(64 - code)
    words.sort()
    return np.asarray(_settled(keys, words, np.uint64(place)))


def starts_of(keys: Int, order: Int) -> Int:
    """Return where each distinct key begins in ``order``, and its end, int64 [groups + 1]."""
    return np.asarray(_starts(keys, order))


def reduce_sum(values: NDArray[np.generic], order: Int, starts: Int) -> Int:
    """Sum ``values[order]`` from each start to the next.

    Raises:
        OverflowError: if a sum leaves int64.
    """
    out, wrapped = _sum(values, order, starts)
    if wrapped:
        raise OverflowError("a sum leaves 64 bits")
    return np.asarray(out)


def reduce_min(values: NDArray[np.generic], order: Int, starts: Int) -> Int:
    """Return the smallest of ``values[order]`` from each start to the next."""
    return np.asarray(_extreme(values, order, starts, -1))


def reduce_max(values: NDArray[np.generic], order: Int, starts: Int) -> Int:
    """Return the largest of ``values[order]`` from each start to the next."""
    return np.asarray(_extreme(values, order, starts, 1))


def count_distinct(values: Int, starts: Int) -> Int:
    """Return how many distinct values there are from each start to the next, int64 [groups].

    >>> count_distinct(np.array([4, 4, 9, 4]), np.array([0, 3, 4])).tolist()
    [2, 1]
    """
    return np.asarray(_count_distinct(values, starts))


@kernel
def _count_distinct(values: Array, starts: Array) -> Array:
    out = np.zeros(len(starts) - 1, np.int64)
    for group in range(len(out)):
        begin, end = starts[group], starts[group + 1]
        if end - begin == 1:
            out[group] = 1
            continue
        mine = np.sort(values[begin:end])
        out[group] = 1
        for at in range(1, len(mine)):
            out[group] += mine[at] != mine[at - 1]
    return out


@kernel
def _settled(keys: Array, words: Array, place: Word) -> Array:
    """Order by all keys the rows that the words do not tell apart."""
    count = len(words)
    order = np.empty(count, np.int64)
    mask = (np.uint64(1) << place) - np.uint64(1)
    for at in range(count):
        order[at] = np.int64(words[at] & mask)
    begin = 0
    for at in range(1, count + 1):
        if at == count or words[at] >> place != words[begin] >> place:
            if at - begin > 1:
                _sort(keys, order, begin, at)
            begin = at
    return order


@inlined
def _before(keys: Array, left: int, right: int) -> bool:
    for key in range(keys.shape[0]):
        if keys[key, left] != keys[key, right]:
            return bool(keys[key, left] < keys[key, right])
    return False


@inlined
def _sort(keys: Array, order: Array, begin: int, end: int) -> None:
    if end - begin <= _SMALL:
        for at in range(begin + 1, end):
            row, to = order[at], at
            while to > begin and _before(keys, row, order[to - 1]):
                order[to] = order[to - 1]
                to -= 1
            order[to] = row
    else:
        _heap_sort(keys, order, begin, end)


@kernel
def _heap_sort(keys: Array, order: Array, begin: int, end: int) -> None:
    in_order = True
    for at in range(begin + 1, end):
        if _before(keys, order[at], order[at - 1]):
            in_order = False
            break
    if in_order:
        return
    size = end - begin
    for root in range(size // 2 - 1, -1, -1):
        _sift(keys, order, begin, root, size)
    for last in range(size - 1, 0, -1):
        order[begin], order[begin + last] = order[begin + last], order[begin]
        _sift(keys, order, begin, 0, last)


@kernel
def _sift(keys: Array, order: Array, begin: int, root: int, size: int) -> None:
    row = order[begin + root]
    while True:
        child = 2 * root + 1
        if child >= size:
            break
        if child + 1 < size and _before(keys, order[begin + child], order[begin + child + 1]):
            child += 1
        if not _before(keys, row, order[begin + child]):
            break
        order[begin + root] = order[begin + child]
        root = child
    order[begin + root] = row


@kernel
def _starts(keys: Array, order: Array) -> Array:
    count = len(order)
    starts = np.empty(count + 1, np.int64)
    found = 0
    for at in range(count):
        if at == 0 or _before(keys, order[at - 1], order[at]):
            starts[found] = at
            found += 1
    starts[found] = count
    return starts[: found + 1].copy()


@kernel
def _sum(values: Array, order: Array, starts: Array) -> tuple[Array, int]:
    out = np.empty(len(starts) - 1, np.int64)
    wrapped = 0
    for group in range(len(out)):
        total = np.int64(0)
        for at in range(starts[group], starts[group + 1]):
            value = np.int64(values[order[at]])
            fresh = total + value
            # the sum of two of one sign that has the other has wrapped
            wrapped += int(((total ^ fresh) & (value ^ fresh)) < 0)
            total = fresh
        out[group] = total
    return out, wrapped


@kernel
def _extreme(values: Array, order: Array, starts: Array, sign: int) -> Array:
    out = np.empty(len(starts) - 1, np.int64)
    for group in range(len(out)):
        best = np.int64(values[order[starts[group]]])
        for at in range(starts[group] + 1, starts[group + 1]):
            value = np.int64(values[order[at]])
            if (value > best) if sign > 0 else (value < best):
                best = value
        out[group] = best
    return out
