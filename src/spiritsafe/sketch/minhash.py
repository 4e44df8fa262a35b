"""One-permutation MinHash with optimal densification: how alike two texts are, without the texts.

One hash per shingle instead of 128 (Li, Owen & Zhang 2012), empty bins filled from other bins by a fixed
random walk (Shrivastava 2017), so that a short prompt still has 128 comparable values. Shingles are three
words, or five characters in scripts without spaces: shorter ones make strangers alike, longer ones break
at every changed word.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, inlined, kernel
from spiritsafe.sketch.hashing import mix
from spiritsafe.sketch.tokens import Tokens

__all__ = ["BINS", "EMPTY", "PUBLIC_BINS", "PUBLIC_EMPTY", "resemblance", "sign"]

BINS, PUBLIC_BINS = 128, 64
EMPTY, PUBLIC_EMPTY = np.uint32(0xFFFFFFFF), np.uint16(0xFFFF)
"""Every value of a signature without shingles; no other signature holds it."""

_WIDTH, _UNSPACED_WIDTH = 3, 5
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)


@inlined
def _shingle(words: Array, n: int, width: int) -> Word:
    """Hash the ``width`` words that end at ``n``; their hashes are already pseudo-random."""
    value = np.uint64(0)
    for i in range(max(0, n - width + 1), n + 1):
        value = value * _FACTOR + words[i]
    return mix(value)


@kernel
def _densify(signature: Array, filled: Array) -> None:
    """Copy into each empty bin the value of the first filled bin on its own fixed random walk."""
    bins = len(signature)
    for empty in range(bins):
        if filled[empty]:
            continue
        other = np.int64(empty)
        for attempt in range(5 * bins):
            walked = np.int64(mix(np.uint64(empty << 20 | attempt)) & np.uint64(bins - 1))
            other = walked if attempt < 4 * bins else np.int64(attempt % bins)
            if filled[other]:
                break
        signature[empty] = signature[other]


@kernel
def sign(tokens: Tokens, n: int, signature: Array, public: Array) -> None:
    """Write the keyed uint32[128] and the public uint16[64] signature of the first ``n`` tokens."""
    signature[:] = EMPTY
    public[:] = PUBLIC_EMPTY
    filled, public_filled = np.zeros(BINS, np.bool_), np.zeros(PUBLIC_BINS, np.bool_)
    for last in range(n):
        width = _UNSPACED_WIDTH if tokens.unspaced[last] else _WIDTH
        if last + 1 < width and last + 1 < n:
            continue
        value = _shingle(tokens.keyed, last, width)
        place, low = np.int64(value >> np.uint64(57)), np.uint32(value & _LOW)
        signature[place] = min(signature[place], low, EMPTY - np.uint32(1))
        filled[place] = True
        value = _shingle(tokens.public, last, width)
        place, short = np.int64(value >> np.uint64(58)), np.uint16((value & _LOW) >> np.uint64(16))
        public[place] = min(public[place], short, PUBLIC_EMPTY - np.uint16(1))
        public_filled[place] = True
    if n:
        _densify(signature, filled)
        _densify(public, public_filled)


def resemblance(first: NDArray[np.generic], second: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the estimated Jaccard similarity of signatures [..., bins]; standard error at most .5/sqrt(bins)."""
    return np.asarray((first == second).mean(axis=-1), np.float64)
