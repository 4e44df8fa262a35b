"""Put rows in the order of their keys, and reduce the rows of one key, in compiled loops.

Keys of the stored tables begin with a hash, and hashes are uniform: the top bits alone deal nearly every row to
where it belongs, and what is left is to order the few rows of one bucket. Many rows of one heavy account are
merged run by run, so that no input makes this quadratic and none that came in order costs more than a look.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.engine.runs import before, merge_runs, put_in_order, runs_in
from spiritsafe.model.kernel import Array, Word, kernel

__all__ = [
    "ascends",
    "count_distinct",
    "falls",
    "key_groups",
    "key_order",
    "latest_of",
    "reduce_max",
    "reduce_min",
    "reduce_sum",
    "starts_of",
]

Int = NDArray[np.int64]

_LONG = 64
"""Rows that a run must have on average for a merge of runs to be worth more than a sort."""
_SIGN = np.uint64(1 << 63)


def key_order(keys: Int, spread: int) -> Int:
    """Return the order that sorts rows in any order by their keys, int64 [n]; see :func:`key_groups`."""
    return _sorted_order(keys, spread)


def key_groups(keys: Int, spread: int) -> tuple[Int, Int]:
    """Return the order that sorts rows by their keys, and where each distinct key begins in it.

    Args:
        keys: int64 [k, n], the most significant key first.
        spread: which key is a hash; the keys before it are codes 0, 1, 2 ... of few distinct values.

    Returns:
        int64 [n], equal rows in the order they came in; int64 [groups + 1], with the end.
    """
    if spread == 0 and keys.shape[1]:
        runs = runs_in(keys[0])
        if len(runs) - 1 <= max(1, keys.shape[1] // _LONG):
            return merge_runs(keys, runs)
    order = _sorted_order(keys, spread)
    return order, starts_of(keys, order)


def ascends(keys: Int) -> bool:
    """Return whether every row's key, int64 [k, n], is above the one before, so that there is nothing to merge."""
    return bool(_ascends(keys))


def falls(values: Int) -> bool:
    """Return whether a value, of int64 [n], is below the one before."""
    return bool(_falls(values))


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


def latest_of(when: Int, order: Int, starts: Int) -> tuple[Int, NDArray[np.bool_]]:
    """Return the row of the largest ``when[order]`` from each start to the next, and whether several have it."""
    row, tied = _latest(when, order, starts)
    return np.asarray(row), np.asarray(tied)


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


def _sorted_order(keys: Int, spread: int) -> Int:
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


@kernel
def _falls(values: Array) -> bool:
    for row in range(1, len(values)):  # noqa: SIM110 - no generators in a compiled loop
        if values[row] < values[row - 1]:
            return True
    return False


@kernel
def _settled(keys: Array, words: Array, place: Word) -> Array:
    """Order by all keys the rows that the words do not tell apart."""
    count = len(words)
    order, scratch = np.empty(count, np.int64), np.empty(count, np.int64)
    mask = (np.uint64(1) << place) - np.uint64(1)
    for at in range(count):
        order[at] = np.int64(words[at] & mask)
    begin = 0
    for at in range(1, count + 1):
        if at == count or words[at] >> place != words[begin] >> place:
            if at - begin > 1:
                put_in_order(keys, order, (begin, at), scratch)
            begin = at
    return order


@kernel
def _ascends(keys: Array) -> bool:
    for row in range(1, keys.shape[1]):  # noqa: SIM110 - no generators in a compiled loop
        if not before(keys, row - 1, row):
            return False
    return True


@kernel
def _starts(keys: Array, order: Array) -> Array:
    count = len(order)
    starts = np.empty(count + 1, np.int64)
    found = 0
    for at in range(count):
        if at == 0 or before(keys, order[at - 1], order[at]):
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


@kernel
def _latest(when: Array, order: Array, starts: Array) -> tuple[Array, Array]:
    out, tied = np.empty(len(starts) - 1, np.int64), np.zeros(len(starts) - 1, np.bool_)
    for group in range(len(out)):
        best = order[starts[group]]
        for at in range(starts[group] + 1, starts[group + 1]):
            row = order[at]
            if when[row] > when[best]:
                best, tied[group] = row, False
            elif when[row] == when[best]:
                tied[group] = True
        out[group] = best
    return out, tied
