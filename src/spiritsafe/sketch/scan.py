"""Reads a batch of texts once and returns everything numeric about them.

One kernel over a contiguous buffer, a row at a time with scratch that is used again: no Python object
per text, and a prompt of any length costs time linear in its length and memory that is bounded.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, kernel
from spiritsafe.sketch.classify import CLASSES, Classifier, classify
from spiritsafe.sketch.hashing import PUBLIC_KEY, Purpose, derive, siphash
from spiritsafe.sketch.language import LANGUAGES, vote
from spiritsafe.sketch.minhash import BINS, PUBLIC_BINS, sign
from spiritsafe.sketch.projection import PROJECTION_DIM, project, store
from spiritsafe.sketch.segments import CAP, choose
from spiritsafe.sketch.text import Texts, normalise
from spiritsafe.sketch.tokens import Keys, Tokens, scratch, tokenise
from spiritsafe.sketch.vocabulary import Vocabulary, vocabulary

__all__ = ["TEXT_LIMIT", "Scan", "keys_of", "scan", "shorten"]

TEXT_LIMIT = 1 << 20
"""Normalised bytes of a text that are read for words, half from each end; all of them make the instance."""
_ROWS = 2048
"""Texts per call of the kernel: bounds the room for segments not yet counted."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read from N texts with M segments in all.

    Attributes:
        instance: uint64[N] keyed hash of the normalised text, 0 where it is empty.
        offsets: int64[N + 1] into the segments.
        segment_hash: uint64[M].
        segment_words: int32[M].
        segment_values: uint32[M] hash of the segment's masked numbers and identifiers, 0 without any.
        segment_projection: int8[M, 64].
        signature: uint32[N, 128].
        public: uint16[N, 64].
        chars: int64[N] bytes of normalised text.
        votes: int32[N, languages].
        scores: float32[N, classes] the classifier's logits.
    """

    instance: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    segment_hash: NDArray[np.uint64]
    segment_words: NDArray[np.int32]
    segment_values: NDArray[np.uint32]
    segment_projection: NDArray[np.int8]
    signature: NDArray[np.uint32]
    public: NDArray[np.uint16]
    chars: NDArray[np.int64]
    votes: NDArray[np.int32]
    scores: NDArray[np.float32]


class _Out(NamedTuple):
    instance: Array
    counts: Array
    segment_hash: Array
    segment_words: Array
    segment_values: Array
    segment_projection: Array
    signature: Array
    public: Array
    chars: Array
    votes: Array
    scores: Array


def keys_of(key: bytes) -> Keys:
    """Return the scan's own keys."""
    return Keys(
        derive(key, Purpose.WORD),
        derive(PUBLIC_KEY, Purpose.WORD),
        derive(key, Purpose.SEGMENT),
        derive(key, Purpose.INSTANCE),
    )


def _room(rows: int) -> _Out:
    return _Out(
        np.zeros(rows, np.uint64),
        np.zeros(rows, np.int64),
        np.zeros((rows, CAP), np.uint64),
        np.zeros((rows, CAP), np.int32),
        np.zeros((rows, CAP), np.uint32),
        np.zeros((rows, CAP, PROJECTION_DIM), np.int8),
        np.zeros((rows, BINS), np.uint32),
        np.zeros((rows, PUBLIC_BINS), np.uint16),
        np.zeros(rows, np.int64),
        np.zeros((rows, len(LANGUAGES)), np.int32),
        np.zeros((rows, CLASSES), np.float32),
    )


@kernel
def shorten(text: Array, length: int, limit: int) -> int:
    """Keep the two ends of ``text[:length]`` if it is longer than ``limit``; return the new length."""
    if length <= limit:
        return length
    head, tail = limit // 2 - 1, length - limit // 2
    while head > 0 and text[head] & 0xC0 == 0x80:
        head -= 1
    while tail < length and text[tail] & 0xC0 == 0x80:
        tail += 1
    text[head] = 10
    for i in range(tail, length):
        text[head + 1 + i - tail] = text[i]
    return head + 1 + length - tail


@kernel
def _scan_row(
    text: Array,
    length: int,
    row: int,
    keys: Keys,
    words: Vocabulary,
    model: Classifier,
    tokens: Tokens,
    out: _Out,
) -> None:
    n, segments = tokenise(text, length, keys, words, tokens)
    slot_of = np.empty(segments, np.int64)
    hashes, counts, values = out.segment_hash[row], out.segment_words[row], out.segment_values[row]
    kept = choose(tokens, segments, slot_of, hashes, counts, values)
    sums = np.zeros((kept, PROJECTION_DIM), np.int32)
    project(tokens, n, slot_of, sums)
    for slot in range(kept):
        store(sums[slot], out.segment_projection[row, slot])
    out.counts[row] = kept
    sign(tokens, n, out.signature[row], out.public[row])
    vote(tokens, n, text, length, out.votes[row])
    classify(tokens, n, model, out.scores[row])


@kernel
def _scan_rows(
    data: Array,
    offsets: Array,
    text: Array,
    keys: Keys,
    words: Vocabulary,
    model: Classifier,
    tokens: Tokens,
    out: _Out,
    limit: int,
) -> None:
    for row in range(len(offsets) - 1):
        length = normalise(data, offsets[row], offsets[row + 1], text)
        out.chars[row] = length
        out.instance[row] = siphash(text, 0, length, keys.instance) if length else np.uint64(0)
        length = shorten(text, length, limit)
        _scan_row(text, length, row, keys, words, model, tokens, out)


def _compact(out: _Out, rows: int) -> list[NDArray[np.generic]]:
    """Copy the filled part of the room, segments packed."""
    used = np.arange(CAP) < out.counts[:rows, None]
    return [
        part[:rows][used] if name.startswith("segment_") else part[:rows].copy()
        for name, part in zip(_Out._fields, out, strict=True)
    ]


def scan(texts: Texts, key: bytes, model: Classifier) -> Scan:
    """Read N texts; see `spiritsafe.sketch.text.gather` for their form."""
    data, offsets = texts
    rows = len(offsets) - 1
    longest = int(np.diff(offsets).max(initial=0))
    text, tokens = np.zeros(longest + 2, np.uint8), scratch(min(longest, TEXT_LIMIT))
    out, keys, words = _room(min(rows, _ROWS)), keys_of(key), vocabulary()
    parts = []
    for low in range(0, rows, _ROWS):
        high = min(low + _ROWS, rows)
        _scan_rows(data, offsets[low : high + 1], text, keys, words, model, tokens, out, TEXT_LIMIT)
        parts.append(_compact(out, high - low))
    columns = [np.concatenate(column) for column in zip(*(parts or [_compact(out, 0)]), strict=True)]
    columns[1] = np.concatenate([np.zeros(1, np.int64), np.cumsum(columns[1])])
    return Scan(*columns)
