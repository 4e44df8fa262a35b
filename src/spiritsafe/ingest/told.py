"""What a gateway or an edge of the provider's own says about a text that it kept: ids, hashes and classes.

They count only where there is neither text nor a sketch of ours to look at.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.ingest.chunk import Chunk
from spiritsafe.ingest.hashes import hash_column

__all__ = ["told_code", "told_hash", "told_pseudonyms"]

Int = NDArray[np.int64]


def told_hash(chunk: Chunk, name: str) -> Int:
    """Return a column of ids as hashes, int64 [n]; 0 where nothing is said."""
    if not chunk.has(name):
        return np.zeros(len(chunk), np.int64)
    hashed, _, _ = hash_column(chunk.column(name))
    return hashed


def told_code(chunk: Chunk, name: str, vocabulary: tuple[str, ...]) -> Int:
    """Return a column of class names as positions in ``vocabulary``, int64 [n]; -1 where unknown or unsaid."""
    if not chunk.has(name):
        return np.full(len(chunk), -1)
    words = pa.array([str(word) for word in vocabulary])
    found = pc.index_in(chunk.column(name).cast(pa.string()), value_set=words)
    return np.asarray(pc.fill_null(found, -1).to_numpy(), np.int64)


def told_pseudonyms(values: pa.ChunkedArray) -> tuple[Int, Int]:
    """Return (row, pseudonym) of identifiers that are pseudonyms already; null rows and 0, which is none, left out.

    Sixteen hexadecimal digits, as we write them ourselves, are taken as the number they are; anything
    else is hashed, since another edge may use a form of its own.
    """
    distinct = values.combine_chunks().dictionary_encode()
    hashed, _, _ = hash_column(values)
    table = {text: _hex(text) for text in distinct.dictionary.to_pylist()}
    texts = values.to_pylist()
    rows = np.flatnonzero(hashed != 0)
    known = [table[texts[row]] for row in rows.tolist()]
    return rows, np.array([h if k is None else k for k, h in zip(known, hashed[rows].tolist(), strict=True)], np.int64)


def _hex(text: str) -> int | None:
    try:
        return int.from_bytes(bytes.fromhex(text), "big", signed=True) if len(text) == 16 else None
    except ValueError:
        return None
