"""Rows of unequal length laid end to end: the index arithmetic that several files share.

numpy knows only rectangles; everything an exchange owns (segments, senders, sentences) is a ragged row.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.sketch.bottomk import VACANT

__all__ = ["offsets_of", "ragged_list", "spans"]


def offsets_of(counts: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return int64[N + 1], where each of N rows of the given lengths begins, and where the last ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def spans(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return starts[i], starts[i] + 1, ... counts[i] of them, for each i.

    >>> spans(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(counts)
    return np.repeat(starts - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)


def ragged_list(padded: NDArray[np.int64]) -> pa.Array:
    """Return list<int64> rows without the padding `VACANT`."""
    counts = (padded != VACANT).sum(axis=1)
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts, dtype=np.int32)])
    return pa.ListArray.from_arrays(offsets, pa.array(padded[padded != VACANT]))
