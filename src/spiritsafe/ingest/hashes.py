"""Strings of a column as stable 64-bit hashes.

The same string has the same hash in every batch, engine and process (an engine's own ``hash()`` differs
between versions). Ids that are kept as given anyway use the public key; text and identifiers are never
hashed here but by ``sketch`` and ``privacy``.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, kernel
from spiritsafe.sketch.hashing import PUBLIC_KEY, Purpose, derive, mix, siphash
from spiritsafe.sketch.text import as_binary

__all__ = ["combined", "filled", "hash_column", "hash_numbers", "hash_strings"]


def hash_strings(values: pa.Array | pa.ChunkedArray, key: bytes = PUBLIC_KEY) -> NDArray[np.int64]:
    """Return SipHash-1-3 of each string, int64 [n]; null is 0.

    Args:
        values: strings, n of them.
        key: secret, or the public key for values that are no secret.
    """
    if pa.types.is_dictionary(values.type):
        return hash_column(values, key)[0]
    raw = as_binary(values)
    bare = pc.fill_null(raw, b"")
    # as they are: gather() would fold case, and two ids must not become one
    _, offsets, data = bare.buffers()
    bounds = np.frombuffer(offsets, np.int64)[bare.offset : bare.offset + len(bare) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    hashed = _hash(content, bounds, derive(key, Purpose.INSTANCE)).view(np.int64)
    return np.where(np.asarray(raw.is_null()), 0, hashed)


def hash_column(
    values: pa.Array | pa.ChunkedArray, key: bytes = PUBLIC_KEY
) -> tuple[NDArray[np.int64], pa.Array, NDArray[np.int64]]:
    """Hash a column of few distinct values: (hash per row, distinct values, hash per distinct value).

    Of a column in several pieces, each with a dictionary of its own, a value may be among the distinct ones twice.
    """
    coded = [_encode(piece) for piece in (values.chunks if isinstance(values, pa.ChunkedArray) else [values])]
    if not coded:
        return np.zeros(0, np.int64), pa.array([], pa.string()), np.zeros(0, np.int64)
    names = pa.concat_arrays([piece.dictionary for piece in coded])
    distinct = hash_strings(names, key)
    out, begin = np.empty(sum(map(len, coded)), np.int64), 0
    at = 0
    for piece in coded:
        end = begin + len(piece.dictionary)
        index = pc.fill_null(piece.indices, len(piece.dictionary)).to_numpy(zero_copy_only=False)
        np.take(np.append(distinct[begin:end], 0), index, out=out[at : at + len(piece)])
        begin, at = end, at + len(piece)
    return out, names, distinct


def hash_numbers(columns: Sequence[pa.ChunkedArray]) -> NDArray[np.int64]:
    """Return one hash per row of columns of numbers and truth values, int64 [n]; null differs from every number.

    Args:
        columns: at least one and at most 63, n rows each.
    """
    known = np.zeros(len(columns[0]), np.int64)
    words = []
    for at, column in enumerate(columns):
        plain = filled(column, False if pa.types.is_boolean(column.type) else 0)
        words.append(plain.view(np.int64) if plain.dtype.itemsize == 8 else plain.astype(np.int64))
        known |= (np.asarray(pc.is_valid(column)).astype(np.int64) if column.null_count else 1) << at
    return combined([*words, known])


def combined(columns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return a hash of each row of columns, int64 [n]; 0 where all are 0.

    Under no key: whoever makes two rows of his own collide has confused nobody but himself.

    Args:
        columns: hashes or numbers, int64 [n] each, at least one.
    """
    word, told = np.zeros(len(columns[0]), np.uint64), np.zeros(len(columns[0]), np.bool_)
    for column in columns:
        _combine(word, told, column)
    return np.where(told, word.view(np.int64) | 1, 0)


def filled(column: pa.ChunkedArray, value: float) -> NDArray[np.generic]:
    """Return a column with ``value`` for null."""
    return np.asarray((pc.fill_null(column, value) if column.null_count else column).to_numpy())


def _encode(values: pa.Array) -> pa.DictionaryArray:
    return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()


@kernel
def _combine(word: Array, told: Array, column: Array) -> None:
    for row in range(len(word)):
        word[row] = mix(word[row] ^ np.uint64(column[row]))
        told[row] |= column[row] != 0


@kernel
def _hash(data: Array, offsets: Array, key: Array) -> Array:
    out = np.empty(len(offsets) - 1, np.uint64)
    for i in range(len(out)):
        out[i] = siphash(data, offsets[i], offsets[i + 1], key)
    return out
