"""Sorted runs of ids and the hours in which they were counted: put in order, compared with, merged.

A batch in order is compared with a run from front to back, so that millions of ids are read as memory likes to
be read; in a hash table each of them costs a cache miss. Ids are keyed hashes and so uniform, which is what makes
this fast; whatever they are, results are exact and time is at most that of sorting.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spiritsafe.engine.order import key_order
from spiritsafe.model.kernel import Array, Word, inlined, kernel

__all__ = ["IdRun", "counted", "in_order", "run_of", "run_of_unordered"]

Int = NDArray[np.int64]
Hours = NDArray[np.int32]
Rows = NDArray[np.int32]

_PART = 14
"""log2 of the ids that are sorted at once: they stay in the processor's cache."""
_SHARE = 3
"""Ids of a run, on average at most, that share their leading bits ..."""
_WIDE = 8
"""... and ids that are compared with a wanted one without asking how many they are: one time in 300 they are more."""
_SIGN = np.uint64(1 << 63)


class IdRun(NamedTuple):
    """Counted ids in order.

    Attributes:
        ids: ascending, int64 [k], k at least 1.
        hours: when each was counted, int32 [k], ascending for one id.
        starts: where the ids begin that share their leading bits, and the end, int32 [2**bits + 1].
        low, high: first and last hour.
    """

    ids: Int
    hours: Hours
    starts: NDArray[np.int32]
    low: int
    high: int

    def __len__(self) -> int:
        return len(self.ids)

    def block(self, ids: Int, hours: Hours, window: int, blocked: NDArray[np.bool_]) -> None:
        """Mark in ``blocked`` the rows whose id was counted within ``window`` hours, before or after.

        Args:
            ids: in any order, but fastest in ascending, int64 [n].
            hours: int32 [n].
            window: hours on either side.
            blocked: [n], changed.
        """
        _block(self.ids, self.hours, self.starts, ids, hours, window, blocked)

    def merged(self, other: "IdRun") -> "IdRun":
        """Return one run of both."""
        return run_of(*_merged(self.ids, self.hours, other.ids, other.hours))

    def where(self, inside: NDArray[np.bool_]) -> "IdRun | None":
        """Return the ids at some places, None if there are none."""
        return run_of(self.ids[inside], self.hours[inside]) if inside.any() else None


def run_of(ids: Int, hours: Hours) -> IdRun:
    """Return ids and hours, in order already and at least one, as a run."""
    return IdRun(ids, hours, _starts(ids), int(hours.min()), int(hours.max()))


def run_of_unordered(ids: Int, hours: Int) -> IdRun:
    """Return ids and hours in any order, at least one, as a run."""
    order = key_order(np.stack((ids, hours)), 0)
    return run_of(ids[order], hours[order].astype(np.int32))


def in_order(ids: Int, hours: Hours) -> tuple[Int, Hours, Rows]:
    """Sort the rows of a batch by id; rows of one id stay in their order.

    Returns:
        ids ascending, their hours, and the row that each was.
    """
    bits = (len(ids) >> _PART).bit_length()
    ids, hours, rows, bounds = _parted(ids, hours, bits)
    for begin, end in pairwise(bounds.tolist()):
        place = (end - begin).bit_length()
        words = _words(ids[begin:end], bits, place)
        words.sort()  # numpy's sort of bare words is several times faster than any that carries rows along
        _settle(ids[begin:end], hours[begin:end], rows[begin:end], words, place)
    return ids, hours, rows


def counted(
    ids: Int, hours: Hours, rows: Rows, blocked: NDArray[np.bool_], window: int
) -> tuple[NDArray[np.bool_], IdRun | None]:
    """Tell which rows of a batch count, and return those as a run, None if there are none.

    A row counts unless it is blocked, or another that counts has the same id at most ``window`` hours before.

    Args:
        ids, hours, rows: from :func:`in_order`; the first two are overwritten.
        blocked: by what was counted in earlier batches, in the same order.
        window: hours within which a repeat is dropped.

    Returns:
        Whether each row counts, in the order of the batch, and the run.
    """
    keep, count = _count(ids, hours, rows, blocked, window)
    if count < len(ids):
        ids, hours = ids[:count].copy(), hours[:count].copy()
    return keep, run_of(ids, hours) if count else None


@inlined
def _leading(value: Word, bits: int) -> Word:
    """Return the leading bits of an id, such that they ascend with it."""
    return np.int64(((np.uint64(value) ^ _SIGN) >> np.uint64(1)) >> np.uint64(63 - bits))


@kernel
def _parted(ids: Array, hours: Array, bits: int) -> tuple[Array, Array, Array, Array]:
    """Put rows together by the leading bits of their ids: (ids, hours, rows, where each part begins and the end)."""
    bounds = np.zeros((1 << bits) + 1, np.int64)
    for row in range(len(ids)):
        bounds[_leading(ids[row], bits) + 1] += 1
    for part in range(1 << bits):
        bounds[part + 1] += bounds[part]
    out, when, rows = np.empty(len(ids), np.int64), np.empty(len(ids), np.int32), np.empty(len(ids), np.int32)
    free = bounds[:-1].copy()
    for row in range(len(ids)):
        part = _leading(ids[row], bits)
        to = free[part]
        free[part] += 1
        out[to], when[to], rows[to] = ids[row], hours[row], row
    return out, when, rows, bounds


@kernel
def _words(ids: Array, bits: int, place: int) -> Array:
    """Return words whose order is that of the ids' next bits and then of the rows, which are a word's last bits."""
    words, wide = np.empty(len(ids), np.uint64), np.uint64(place)
    for row in range(len(ids)):
        next_bits = (np.uint64(ids[row]) ^ _SIGN) << np.uint64(bits)
        words[row] = (next_bits >> wide << wide) | np.uint64(row)
    return words


@kernel
def _settle(ids: Array, hours: Array, rows: Array, words: Array, place: int) -> None:
    """Move rows to where their words are, and order by the whole id those that the words do not tell apart."""
    wide = np.uint64(place)
    order = np.empty(len(ids), np.int64)
    for at in range(len(ids)):
        order[at] = words[at] & ((np.uint64(1) << wide) - np.uint64(1))
    first = 0
    for at in range(1, len(ids) + 1):
        if at == len(ids) or words[at] >> wide != words[first] >> wide:
            if at - first > 1:
                order[first:at] = order[first:at][np.argsort(ids[order[first:at]], kind="mergesort")]
            first = at
    ids[:], hours[:], rows[:] = ids[order], hours[order], rows[order]


@kernel
def _starts(ids: Array) -> Array:
    bits = 0
    while len(ids) >> bits > _SHARE:
        bits += 1
    starts = np.zeros((1 << bits) + 1, np.int32)
    for at in range(len(ids)):
        starts[_leading(ids[at], bits) + 1] += 1
    for part in range(1 << bits):
        starts[part + 1] += starts[part]
    return starts


@inlined
def _before(ids: Array, hours: Array, at: int, wanted: Word, low: Word) -> Word:
    """Tell whether a row comes before an id at an hour."""
    return ids[at] < wanted or (ids[at] == wanted and hours[at] < low)


@kernel
def _block(ids: Array, hours: Array, starts: Array, wanted: Array, when: Array, window: int, blocked: Array) -> None:
    bits = 0
    while (1 << bits) + 1 < len(starts):
        bits += 1
    for row in range(len(wanted)):
        part = _leading(wanted[row], bits)
        begin, end = np.int64(starts[part]), np.int64(starts[part + 1])
        if end - begin <= _WIDE and begin + _WIDE <= len(ids):
            same = False
            for at in range(_WIDE):
                same |= ids[begin + at] == wanted[row]
            if not same:
                continue
        blocked[row] |= _is_counted(ids, hours, begin, end, wanted[row], when[row] - window, when[row] + window)


@kernel
def _is_counted(ids: Array, hours: Array, begin: Word, end: Word, wanted: Word, low: int, high: int) -> Word:
    """Tell whether an id was counted between two hours; it may have been in any number of others."""
    at, stop = begin, end
    while at < stop:
        middle = (at + stop) >> 1
        if _before(ids, hours, middle, wanted, low):
            at = middle + 1
        else:
            stop = middle
    return at < end and ids[at] == wanted and hours[at] <= high


@kernel
def _count(ids: Array, hours: Array, rows: Array, blocked: Array, window: int) -> tuple[Array, int]:
    keep, count = np.ones(len(ids), np.bool_), 0
    for at in range(len(ids)):
        again = count > 0 and ids[count - 1] == ids[at] and hours[at] - hours[count - 1] <= window
        if blocked[at] or again:
            keep[rows[at]] = False
        else:
            ids[count], hours[count] = ids[at], hours[at]
            count += 1
    return keep, count


@kernel
def _merged(ids: Array, hours: Array, more: Array, then: Array) -> tuple[Array, Array]:
    count = len(ids) + len(more)
    out, when = np.empty(count, np.int64), np.empty(count, np.int32)
    left, right = np.int64(0), np.int64(0)
    while left < len(ids) and right < len(more):
        a, b, x, y = ids[left], more[right], hours[left], then[right]
        # which is first cannot be guessed, so it is computed and not branched on
        second = np.int64((a > b) | ((a == b) & (x > y)))
        out[left + right] = a + (b - a) * second
        when[left + right] = x + (y - x) * second
        left, right = left + 1 - second, right + second
    out[left + right : left + len(more)], when[left + right : left + len(more)] = more[right:], then[right:]
    out[left + len(more) :], when[left + len(more) :] = ids[left:], hours[left:]
    return out, when
