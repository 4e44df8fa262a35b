"""The order of many texts, such as two million account ids, without comparing them as texts.

Ids mostly differ within the eight bytes after what all of them begin with, and a sort of numbers is a fraction of a
sort of texts; only those that agree in these bytes are compared as texts.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, kernel

__all__ = ["text_order"]

Int = NDArray[np.int64]


def text_order(texts: pa.ChunkedArray) -> Int:
    """Return the order that sorts texts by their bytes, int64 [n]; equal ones stay as they come, nulls come last.

    >>> text_order(pa.chunked_array([["a-2", "a-10", "a"]])).tolist()
    [2, 1, 0]
    """
    whole = texts.combine_chunks()
    if isinstance(whole, pa.ChunkedArray) or whole.null_count or not len(whole):
        return np.asarray(pc.sort_indices(whole).to_numpy(), np.int64)
    _, ends, data = whole.buffers()
    offsets = np.frombuffer(ends, np.int32)[whole.offset : whole.offset + len(whole) + 1]
    words = np.asarray(_words(np.frombuffer(data or b"", np.uint8), offsets))
    order = np.argsort(words)
    ranked = words[order]
    same = ranked[1:] == ranked[:-1]
    tied = np.concatenate(([False], same)) | np.concatenate((same, [False]))
    if tied.any():
        rows = np.sort(order[tied])
        # words rise with the texts, so the tied ones in order are their groups, each in order
        order[tied] = rows[pc.sort_indices(whole.take(pa.array(rows))).to_numpy()]
    return order


@kernel
def _words(data: Array, offsets: Array) -> Array:
    """Return the eight bytes of each text after what all texts begin with, the first the most significant."""
    count = len(offsets) - 1
    begin, common = offsets[0], offsets[1] - offsets[0]
    for row in range(1, count):
        length, at = min(common, offsets[row + 1] - offsets[row]), 0
        while at < length and data[offsets[row] + at] == data[begin + at]:
            at += 1
        common = at
    words = np.zeros(count, np.uint64)
    for row in range(count):
        word = np.uint64(0)
        first = offsets[row] + common
        for at in range(first, first + 8):
            word <<= np.uint64(8)
            if at < offsets[row + 1]:
                word |= np.uint64(data[at])
        words[row] = word
    return words
