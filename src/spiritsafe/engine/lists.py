"""Reduce lists and texts of one key: vectors add up, samples unite, the longest or latest value stands.

The rules of ``Merge`` that are not sums or extremes of numbers; ``merge`` states the same for an engine. A query of a
hundred list columns costs a tenth of a second before it looks at a row, and a scan of small files commits some
hundred times.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.engine.order import latest_of
from spiritsafe.engine.tables import BODY_SAMPLE
from spiritsafe.model.kernel import Array, kernel

__all__ = ["latest", "longest", "smallest", "sum_vectors", "text_ranks"]

Int = NDArray[np.int64]


def sum_vectors(lists: pa.ChunkedArray, width: int, order: Int, starts: Int) -> pa.ListArray:
    """Add lists of ``width`` numbers element by element; one from before a vocabulary grew is short, the rest is zero.

    Args:
        lists: int64 lists, one per row.
        width: elements of a sum.
        order: rows put together by key, int64 [n].
        starts: where each key begins in ``order``, and the end, int64 [groups + 1].

    Raises:
        OverflowError: if a sum leaves int64.
    """
    offsets, values = _parts(lists)
    out, wrapped = _sum_vectors(offsets, values, width, order, starts)
    if wrapped:
        raise OverflowError("a sum leaves 64 bits")
    return pa.ListArray.from_arrays(np.arange(len(starts), dtype=np.int32) * np.int32(width), pa.array(out))


def smallest(
    lists: pa.ChunkedArray, counts: pa.ChunkedArray | None, order: Int, starts: Int
) -> tuple[pa.ListArray, pa.ListArray]:
    """Unite samples: of each key the ``BODY_SAMPLE`` smallest distinct values, ascending, and the sums of their counts.

    Args:
        lists: int64 lists, one per row.
        counts: lists of the same lengths; None for one each.
        order, starts: see :func:`sum_vectors`.

    Raises:
        OverflowError: if a sum leaves int64.
    """
    offsets, values = _parts(lists)
    times = np.ones(len(values), np.int64) if counts is None else _parts(counts)[1]
    bounds, kept, n, wrapped = _smallest(offsets, values, times, order, starts)
    if wrapped:
        raise OverflowError("a sum leaves 64 bits")
    ends = pa.array(bounds.astype(np.int32))
    return pa.ListArray.from_arrays(ends, pa.array(kept)), pa.ListArray.from_arrays(ends, pa.array(n))


def latest(values: pa.ChunkedArray, last_us: Int, order: Int, starts: Int) -> pa.Array:
    """Return each key's value of the latest row; of several as late, the largest that is known."""
    chosen, tied = latest_of(last_us, order, starts)
    if tied.any():
        group = np.repeat(np.arange(len(tied)), np.diff(starts))
        owner, row = group[tied[group]], order[tied[group]]
        # of each key's rows the last is the latest, and of those as late the largest
        best = np.lexsort((_ranks(values.take(pa.array(row))), last_us[row], owner))
        chosen[owner[best]] = row[best]
    return values.combine_chunks().take(pa.array(chosen))


def longest(texts: pa.ChunkedArray, order: Int, starts: Int) -> pa.Array:
    """Return each key's longest text, of several as long the largest; null only where none is known."""
    rank, names = _ranked(texts, lambda text: (len(text), text))
    best = np.maximum.reduceat(rank[order], starts[:-1])
    return pa.array(names, pa.string()).take(pa.array(best, mask=best < 0))


def text_ranks(texts: pa.ChunkedArray) -> Int:
    """Return the place of each text among the distinct ones, int64 [n]; -1 for null."""
    return _ranked(texts, lambda text: text)[0]


def _ranks(values: pa.ChunkedArray) -> Int:
    """Return numbers in the order of a few values, -1 for null."""
    if pa.types.is_string(values.type) or pa.types.is_dictionary(values.type):
        return text_ranks(values)
    plain = [tuple(value) if isinstance(value, list) else value for value in values.to_pylist()]
    rank = {value: at for at, value in enumerate(sorted({value for value in plain if value is not None}))}
    return np.array([-1 if value is None else rank[value] for value in plain], np.int64)


def _ranked(texts: pa.ChunkedArray, by: Callable[[str], Any]) -> tuple[Int, Sequence[str]]:
    """Return the place of each text among the distinct ones, -1 for null, and these in order."""
    whole = texts.unify_dictionaries().combine_chunks() if pa.types.is_dictionary(texts.type) else texts
    coded = whole if pa.types.is_dictionary(whole.type) else pc.dictionary_encode(whole).combine_chunks()
    names = coded.dictionary.to_pylist()
    ordered = sorted(set(names), key=by)
    rank = {name: at for at, name in enumerate(ordered)}
    places = np.array([*(rank[name] for name in names), -1], np.int64)
    return np.asarray(places[pc.fill_null(coded.indices, len(names)).to_numpy(zero_copy_only=False)]), ordered


def _parts(lists: pa.ChunkedArray) -> tuple[Int, Int]:
    """Return where each list begins among all values, and the end, int64 [n + 1], and the values."""
    whole = lists.combine_chunks()
    lengths = pc.list_value_length(whole).to_numpy(zero_copy_only=False).astype(np.int64)
    values = np.asarray(whole.flatten().to_numpy(zero_copy_only=False), np.int64)
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))), values


@kernel
def _sum_vectors(offsets: Array, values: Array, width: int, order: Array, starts: Array) -> tuple[Array, int]:
    out = np.zeros((len(starts) - 1) * width, np.int64)
    wrapped = 0
    for group in range(len(starts) - 1):
        base = group * width
        for at in range(starts[group], starts[group + 1]):
            begin = offsets[order[at]]
            for place in range(offsets[order[at] + 1] - begin):
                total, value = out[base + place], values[begin + place]
                fresh = total + value
                wrapped += int(((total ^ fresh) & (value ^ fresh)) < 0)
                out[base + place] = fresh
    return out, wrapped


@kernel
def _smallest(
    offsets: Array, values: Array, times: Array, order: Array, starts: Array
) -> tuple[Array, Array, Array, int]:
    groups = len(starts) - 1
    bounds = np.zeros(groups + 1, np.int64)
    kept, n = np.empty(len(values), np.int64), np.empty(len(values), np.int64)
    end, wrapped = 0, 0
    for group in range(groups):
        size = 0
        for at in range(starts[group], starts[group + 1]):
            size += offsets[order[at] + 1] - offsets[order[at]]
        value, time, place = np.empty(size, np.int64), np.empty(size, np.int64), 0
        ascending = True
        for at in range(starts[group], starts[group + 1]):
            for source in range(offsets[order[at]], offsets[order[at] + 1]):
                value[place], time[place] = values[source], times[source]
                ascending = ascending and (place == 0 or value[place] > value[place - 1])
                place += 1
        if not ascending:
            sort = np.argsort(value)
            value, time = value[sort], time[sort]
        begin = end
        for place in range(size):
            if end > begin and value[place] == kept[end - 1]:
                fresh = n[end - 1] + time[place]
                wrapped += int(((n[end - 1] ^ fresh) & (time[place] ^ fresh)) < 0)
                n[end - 1] = fresh
            elif end - begin == BODY_SAMPLE:
                break
            else:
                kept[end], n[end] = value[place], time[place]
                end += 1
        bounds[group + 1] = end
    return bounds, kept[:end].copy(), n[:end].copy(), wrapped
