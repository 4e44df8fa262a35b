"""Which segments of a text are kept one by one: the ends, a coordinated sample of the middle, a rest.

Templates sit at the ends of a prompt and documents in its middle, so a fixed number of segments bounds
the sketch of a ten-megabyte prompt without losing what matters. The middle is sampled by smallest hash:
two prompts around one document keep the same of its sentences.
"""

import numpy as np

from spiritsafe.sketch.hashing import mix
from spiritsafe.sketch.kernel import Array, kernel

__all__ = ["CAP", "choose"]

CAP = 64
"""Segments kept per text: ``HEAD`` first, ``TAIL`` last, ``MIDDLE`` sampled and one for all others together."""
HEAD, TAIL, MIDDLE = 28, 28, 7


@kernel
def _threshold(hashes: Array, begin: int, end: int) -> np.uint64:
    """Return the ``MIDDLE``-th smallest hash of ``hashes[begin:end]``, repeats counted once."""
    smallest = np.full(MIDDLE, np.uint64(0xFFFFFFFFFFFFFFFF))
    for i in range(begin, end):
        value = hashes[i]
        if value >= smallest[MIDDLE - 1] or value in smallest:
            continue
        place = MIDDLE - 1
        while place > 0 and smallest[place - 1] > value:
            smallest[place] = smallest[place - 1]
            place -= 1
        smallest[place] = value
    return smallest[MIDDLE - 1]


@kernel
def choose(hashes: Array, words: Array, n: int, slot_of: Array, out_hash: Array, out_words: Array) -> int:
    """Fill ``slot_of`` int64[n] and the kept segments' hashes and words; return how many are kept (<= CAP).

    The rest segment comes last; its hash does not depend on the order of what it folds.
    """
    if n <= CAP:
        for i in range(n):
            slot_of[i], out_hash[i], out_words[i] = i, hashes[i], words[i]
        return n
    limit = _threshold(hashes, HEAD, n - TAIL)
    kept, sampled = 0, 0
    rest_hash, rest_words = np.uint64(0), np.int64(0)
    for i in range(n):
        in_middle = HEAD <= i < n - TAIL
        if in_middle and (hashes[i] > limit or sampled == MIDDLE):
            slot_of[i] = CAP - 1
            rest_hash += mix(hashes[i])
            rest_words += words[i]
            continue
        sampled += in_middle
        slot_of[i], out_hash[kept], out_words[kept] = kept, hashes[i], words[i]
        kept += 1
    for i in range(HEAD, n - TAIL):
        if slot_of[i] == CAP - 1:
            slot_of[i] = kept
    out_hash[kept] = mix(rest_hash)
    out_words[kept] = min(rest_words, np.int64(0x7FFFFFFF))
    return kept + 1
