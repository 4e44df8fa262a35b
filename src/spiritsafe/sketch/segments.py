"""Which segments of a text are kept one by one: the ends, a coordinated sample of the middle, a rest.

Templates sit at the ends of a prompt and documents in its middle, so a fixed number of segments bounds
the sketch of a ten-megabyte prompt without losing what matters. The middle is sampled by smallest hash:
two prompts around one document keep the same of its sentences.
"""

import numpy as np

from spiritsafe.model.kernel import Array, Word, kernel
from spiritsafe.sketch.hashing import mix
from spiritsafe.sketch.tokens import Tokens

__all__ = ["CAP", "choose"]

CAP = 64
"""Segments kept per text: ``HEAD`` first, ``TAIL`` last, ``MIDDLE`` sampled and one for all others together."""
HEAD, TAIL, MIDDLE = 28, 28, 7


@kernel
def _threshold(hashes: Array, begin: int, end: int) -> Word:
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
def choose(tokens: Tokens, n: int, slot_of: Array, hashes: Array, words: Array, values: Array) -> int:
    """Fill ``slot_of`` int64[n] and the kept segments' columns; return how many are kept (<= CAP).

    The rest segment comes last; its hash does not depend on the order of what it folds.
    """
    limit = _threshold(tokens.hashes, HEAD, n - TAIL) if n > CAP else np.uint64(0)
    kept, sampled, folded = 0, 0, 0
    rest_hash, rest_words, rest_values = np.uint64(0), np.int64(0), np.uint32(0)
    for i in range(n):
        in_middle = n > CAP and HEAD <= i < n - TAIL
        if in_middle and (tokens.hashes[i] > limit or sampled == MIDDLE):
            slot_of[i] = CAP - 1
            rest_hash += mix(tokens.hashes[i])
            rest_words += tokens.words[i]
            rest_values += tokens.values[i]
            folded += 1
            continue
        sampled += in_middle
        slot_of[i] = kept
        hashes[kept], words[kept], values[kept] = tokens.hashes[i], tokens.words[i], tokens.values[i]
        kept += 1
    if folded == 0:
        return kept
    for i in range(HEAD, n - TAIL):
        slot_of[i] = min(slot_of[i], kept) if slot_of[i] == CAP - 1 else slot_of[i]
    hashes[kept], values[kept] = mix(rest_hash), rest_values
    words[kept] = min(rest_words, np.int64(0x7FFFFFFF))
    return kept + 1
