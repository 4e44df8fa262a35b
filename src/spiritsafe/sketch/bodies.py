"""The body of an exchange: what is left of its segments once the template's are taken out.

Everything is a sum over segments, so the order in which a template's slots were filled does not matter
and no text is needed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, kernel
from spiritsafe.sketch.hashing import finish, mix, start, step
from spiritsafe.sketch.projection import PROJECTION_DIM
from spiritsafe.sketch.sketches import Sketches

__all__ = ["EMPTY_BODY", "Bodies", "bodies_of", "sum_projections"]

EMPTY_BODY = 0
"""Hash of a body without words and without masked values."""


@dataclass(frozen=True, slots=True)
class Bodies:
    """Bodies of N exchanges.

    Attributes:
        hash: int64[N] keyed hash of the multiset of segments, their numbers included. Where no segment is
            left, the numbers that fill the template's masks are the body: 'what is 3 + 4' against '5 + 6'.
        projection: float32[N, 64] sum of the segments' projections.
        words: int32[N].
    """

    hash: NDArray[np.int64]
    projection: NDArray[np.float32]
    words: NDArray[np.int32]


@kernel
def _bodies(
    offsets: Array, segment: Array, count: Array, values: Array, in_template: Array, key: Array
) -> tuple[Array, Array]:
    rows = len(offsets) - 1
    hashes = np.zeros(rows, np.int64)
    words = np.zeros(rows, np.int32)
    for row in range(rows):
        total, filled, size = np.uint64(0), np.uint64(0), np.uint64(0)
        for s in range(offsets[row], offsets[row + 1]):
            value = np.uint64(values[s])
            if in_template[s]:
                filled += mix(value) if value else value
                continue
            total += mix(np.uint64(segment[s]) + mix(value))
            size += np.uint64(1)
            words[row] += count[s]
        if size or filled:
            hashes[row] = np.int64(finish(step(step(start(key), total if size else filled), size), 2))
    return hashes, words


@kernel
def _sum(offsets: Array, projection: Array, chosen: Array) -> Array:
    out = np.zeros((len(offsets) - 1, PROJECTION_DIM), np.float32)
    for row in range(len(out)):
        for s in range(offsets[row], offsets[row + 1]):
            if chosen[s]:
                for d in range(PROJECTION_DIM):
                    out[row, d] += projection[s, d]
    return out


def sum_projections(sketches: Sketches, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return float32[N, 64]: per exchange the sum over its chosen segments, bool[M]."""
    return np.asarray(_sum(sketches.offsets, sketches.segment_projection, chosen), np.float32)


def bodies_of(sketches: Sketches, in_template: NDArray[np.bool_], key: NDArray[np.uint64]) -> Bodies:
    """Return the bodies of N exchanges with M segments.

    Args:
        sketches: the exchanges.
        in_template: bool[M] True for segments that are part of their exchange's template.
        key: uint64[2] of `Purpose.BODY`.
    """
    hashes, words = _bodies(
        sketches.offsets,
        sketches.segment_hash,
        sketches.segment_words,
        sketches.segment_values,
        in_template,
        key,
    )
    return Bodies(hashes, sum_projections(sketches, ~in_template), words)
