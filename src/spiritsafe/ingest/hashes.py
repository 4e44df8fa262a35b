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
from spiritsafe.sketch.hashing import PUBLIC_KEY, Purpose, derive, siphash
from spiritsafe.sketch.text import as_binary

__all__ = ["filled", "hash_column", "hash_numbers", "hash_strings"]


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
    """Hash a column of few distinct values: (hash per row, distinct values, hash per distinct value)."""
    coded = _encode(values)
    distinct = hash_strings(coded.dictionary, key)
    index = np.asarray(pc.fill_null(coded.indices, len(distinct)).to_numpy(zero_copy_only=False), np.int64)
    return np.append(distinct, 0)[index], coded.dictionary, distinct


def hash_numbers(columns: Sequence[pa.ChunkedArray]) -> NDArray[np.int64]:
    """Return one hash per row of columns of numbers and truth values, int64 [n]; null differs from every number."""
    rows = len(columns[0]) if columns else 0
    words = np.zeros((rows, 2 * len(columns)), np.int64)
    for at, column in enumerate(columns):
        plain = filled(column, False if pa.types.is_boolean(column.type) else 0)
        words[:, 2 * at] = plain.view(np.int64) if plain.dtype.itemsize == 8 else plain.astype(np.int64)
        words[:, 2 * at + 1] = np.asarray(pc.is_valid(column)) if column.null_count else 1
    data, bounds = words.reshape(-1).view(np.uint8), np.arange(rows + 1) * words.shape[1] * 8
    return np.asarray(_hash(data, bounds, derive(PUBLIC_KEY, Purpose.INSTANCE)).view(np.int64))


def filled(column: pa.ChunkedArray, value: float) -> NDArray[np.generic]:
    """Return a column with ``value`` for null."""
    return np.asarray((pc.fill_null(column, value) if column.null_count else column).to_numpy())


def _encode(values: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], values.type)
    return whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()


@kernel
def _hash(data: Array, offsets: Array, key: Array) -> Array:
    out = np.empty(len(offsets) - 1, np.uint64)
    for i in range(len(out)):
        out[i] = siphash(data, offsets[i], offsets[i + 1], key)
    return out
