"""Sparse random projection of a segment's words: a 64-number shadow of its subject that can be added.

A projection is linear (Achlioptas 2003; Kane & Nelson 2014): the shadow of a body is the sum of its
segments' shadows, so a template found later is removed by leaving its segments out. The words behind it
are keyed hashes; nobody without the key can compute one.
"""

import numpy as np

from spiritsafe.model.kernel import Array, kernel
from spiritsafe.sketch.hashing import mix
from spiritsafe.sketch.tokens import Tokens

__all__ = ["PROJECTION_DIM", "project", "store"]

PROJECTION_DIM = 64
NONZERO = 4
"""Signed coordinates per word."""

_SIX, _ONE, _SEVEN = np.uint64(63), np.uint64(1), np.uint64(7)


@kernel
def project(tokens: Tokens, n: int, slot_of: Array, sums: Array) -> None:
    """Add the weighted words of ``n`` tokens to ``sums`` int32[slots, 64]; ``slot_of`` maps their segments."""
    weights, segment, term = tokens.weight, tokens.segment, tokens.term
    for i in range(n):
        weight = np.int32(weights[i])
        if weight == 0:
            continue
        slot = slot_of[segment[i]]
        bits = mix(term[i])
        for _ in range(NONZERO):
            place = np.int64(bits & _SIX)
            sums[slot, place] += -weight if (bits >> np.uint64(6)) & _ONE else weight
            bits >>= _SEVEN


@kernel
def store(sums: Array, out: Array) -> None:
    """Write int32[64] as int8[64]; what does not fit is halved until it does, which keeps its direction."""
    largest = 0
    for value in sums:
        largest = max(largest, abs(value))
    shift = 0
    while largest >> shift > 127:
        shift += 1
    for i in range(len(sums)):
        out[i] = sums[i] >> shift if sums[i] >= 0 else -(-sums[i] >> shift)
