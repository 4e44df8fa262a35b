"""The linear classifier behind capability and elicitation: word beginnings, concepts and pairs of them.

It reads the token hashes that the scan has anyway, under the public key because its weights are shipped.
A segment is scored by itself and an elicitation counts by its best segment, so a long document around
one sentence cannot dilute it; a capability is what the whole text is about, so there segments add up.
"""

from typing import NamedTuple

import numpy as np

from spiritsafe.model.kernel import Array, inlined, kernel
from spiritsafe.model.words import Capability, Elicitation
from spiritsafe.sketch.hashing import mix
from spiritsafe.sketch.tokens import Tokens

__all__ = ["BUCKETS", "CLASSES", "ELICITATIONS", "Classifier", "classify", "features"]

BUCKETS = 1 << 14
ELICITATIONS = len(Elicitation)
CLASSES = ELICITATIONS + len(Capability)
PER_TOKEN = 8
"""Features a token can make."""
WINDOW = 12
"""Tokens looked back over for concepts."""

_TOP = np.uint64(50)
_STEM, _PAIR, _CONCEPT = (np.uint64(n) for n in (0xD6E8FEB86659FD93, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB))


class Classifier(NamedTuple):
    """Weights int8[BUCKETS, CLASSES], one float32[CLASSES] scale that they share and a bias per class."""

    weights: Array
    scale: Array
    bias: Array


@kernel
def features(tokens: Tokens, i: int, first: int, out: Array) -> int:
    """Write the buckets of token ``i`` into int64[PER_TOKEN]; return how many there are.

    A token gives its beginning and the pair with the one before; one that stands for a concept gives that,
    and each ordered pair with the concepts shortly before it. ``first`` is where its segment begins.
    """
    return _features(tokens.stem, tokens.concept, i, first, out)


@inlined
def _features(stem: Array, concept: Array, i: int, first: int, out: Array) -> int:
    out[0] = np.int64(mix(stem[i] ^ _STEM) >> _TOP)
    found = 1
    if i > first:
        out[1] = np.int64(mix(stem[i - 1] * _PAIR + stem[i]) >> _TOP)
        found = 2
    if concept[i] == 0:
        return found
    here = np.uint64(concept[i])
    out[found] = np.int64(mix(here ^ _CONCEPT) >> _TOP)
    found += 1
    for j in range(i - 1, max(first, i - WINDOW) - 1, -1):
        if concept[j] and concept[j] != concept[i] and found < PER_TOKEN:
            out[found] = np.int64(mix(np.uint64(concept[j]) * _CONCEPT + here) >> _TOP)
            found += 1
    return found


@inlined
def _flush(sums: Array, count: int, scale: Array, bias: Array, elicited: Array, total: Array) -> None:
    """End a segment: elicitation keeps the best score seen, capability adds up."""
    if count == 0:
        return
    norm = np.float32(1.0) / np.sqrt(np.float32(count))
    for c in range(CLASSES):
        if c < ELICITATIONS:
            elicited[c] = max(elicited[c], sums[c] * scale[c] * norm + bias[c])
        else:
            total[c] += sums[c]
        sums[c] = 0


@kernel
def classify(tokens: Tokens, n: int, model: Classifier, scores: Array) -> None:
    """Write the logits float32[CLASSES] of one text; without tokens they are the biases."""
    weights, scale, bias = model
    stem, concept, segment = tokens.stem, tokens.concept, tokens.segment
    sums, total = np.zeros(CLASSES, np.int32), np.zeros(CLASSES, np.int64)
    buckets = np.empty(PER_TOKEN, np.int64)
    for c in range(CLASSES):
        scores[c] = bias[c] if n == 0 or c >= ELICITATIONS else np.float32(-1e9)
    first, count, all_count = 0, 0, 0
    for i in range(n):
        if segment[i] != segment[first]:
            _flush(sums, count, scale, bias, scores, total)
            first, count = i, 0
        found = _features(stem, concept, i, first, buckets)
        for f in range(found):
            bucket = buckets[f]
            for c in range(CLASSES):
                sums[c] += np.int32(weights[bucket, c])
        count += found
        all_count += found
    _flush(sums, count, scale, bias, scores, total)
    for c in range(ELICITATIONS, CLASSES):
        if all_count:
            scores[c] += np.float32(total[c]) * scale[c] / np.sqrt(np.float32(all_count))
