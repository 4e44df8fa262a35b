"""Classifier features of texts, segment by segment, exactly as the scan computes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from spiritsafe.model.kernel import Array, kernel
from spiritsafe.sketch.classify import BUCKETS, PER_TOKEN, features
from spiritsafe.sketch.hashing import PUBLIC_KEY
from spiritsafe.sketch.scan import keys_of
from spiritsafe.sketch.text import gather, normalise
from spiritsafe.sketch.tokens import Tokens, scratch, tokenise
from spiritsafe.sketch.vocabulary import vocabulary


@kernel
def _collect(tokens: Tokens, n: int, rows: Array, columns: Array) -> int:
    found, first = 0, 0
    for i in range(n):
        if tokens.segment[i] != tokens.segment[first]:
            first = i
        size = features(tokens, i, first, columns[found : found + PER_TOKEN])
        rows[found : found + size] = tokens.segment[i]
        found += size
    return found


def matrix(texts: Sequence[str]) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """Return one row per segment, each of its feature counts over their root, and the text of each row."""
    data, offsets = gather(texts)
    size = int(np.diff(offsets).max()) + 2
    text, tokens = np.zeros(size, np.uint8), scratch(size)
    rows, columns = np.zeros(PER_TOKEN * size, np.int64), np.zeros(PER_TOKEN * size, np.int64)
    keys, words = keys_of(PUBLIC_KEY), vocabulary()
    found_rows, found_columns, owners, total = [], [], [], 0
    for i in range(len(texts)):
        length = normalise(data, offsets[i], offsets[i + 1], text)
        n, segments = tokenise(text, length, keys, words, tokens)
        found = _collect(tokens, n, rows, columns)
        found_rows.append(rows[:found] + total)
        found_columns.append(columns[:found].copy())
        owners.append(np.full(segments, i))
        total += segments
    row, column = np.concatenate(found_rows), np.concatenate(found_columns)
    norm = 1 / np.sqrt(np.bincount(row, minlength=total))
    counts = sparse.csr_matrix((norm[row], (row, column)), shape=(total, BUCKETS))
    return counts, np.concatenate(owners)
