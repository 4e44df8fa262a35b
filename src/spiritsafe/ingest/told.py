"""What a gateway or an edge of the provider's own says about a text that it kept, and of identifiers that it veiled.

Ids, hashes and classes of a text count only where there is neither text nor a sketch of ours to look at.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.ingest.chunk import Chunk
from spiritsafe.ingest.hashes import hash_column, hash_strings
from spiritsafe.ingest.passes import passes
from spiritsafe.model.words import NetworkTag
from spiritsafe.privacy.told import Told, read_told
from spiritsafe.sketch.excerpt import exemplar, read_exemplars

__all__ = ["Veiled", "told_code", "told_exemplars", "told_hash", "veiled"]

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

_SHARED = frozenset(tag for tag in NetworkTag if tag.is_shared)


@dataclass(frozen=True)
class Veiled:
    """What a column of identifiers that are pseudonyms already says.

    Attributes:
        single: (row, pseudonym); a row appears once for each epoch that it tells, the newest in the first pass.
        wide: likewise of the addresses' networks.
        rows, tags: a row, and a tag that its address has; a row appears once for each of its tags.
        shared: which rows came by an exit that unrelated people share, bool [n]. Where the network of such a row is
            told, all of it is one.
    """

    single: tuple[Int, Int]
    wide: tuple[Int, Int]
    rows: Int
    tags: pa.Array
    shared: Bool

    def tags_beside(self, rows: Int, tags: pa.Array) -> tuple[Int, pa.Array]:
        """Return (row, tag) of those that are not among others: a tag counts once, whoever knows of it."""
        if not len(self.rows) or not len(rows):
            return self.rows, self.tags
        coded = pa.concat_arrays([self.tags, tags]).dictionary_encode()
        pairs = np.concatenate([self.rows, rows]) * len(coded.dictionary) + np.asarray(coded.indices)
        fresh = ~np.isin(pairs[: len(self.rows)], pairs[len(self.rows) :])
        return self.rows[fresh], self.tags.filter(pa.array(fresh))


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


def told_exemplars(chunk: Chunk, wanted: Collection[int]) -> dict[int, str]:
    """Return the words of sentences by their hash, as gateways tell them; a cell in another form is passed over.

    Args:
        chunk: the exchanges.
        wanted: hashes of the sentences whose words may be kept.
    """
    found: dict[int, str] = {}
    if chunk.has("exemplars"):
        for cell in chunk.column("exemplars").drop_null().to_pylist():
            told = {key: words for key, words in read_exemplars(cell).items() if key in wanted and key not in found}
            found |= {key: kept for key, words in told.items() if (kept := exemplar(words))}
    return found


def veiled(values: pa.ChunkedArray) -> Veiled:
    """Read a column of identifiers that are pseudonyms already; null rows and 0, which is none, are left out.

    What is not in a form of ours (``privacy.told``) is hashed, since another edge may use one of its own.
    """
    coded = values.combine_chunks().dictionary_encode()
    index = np.asarray(pc.fill_null(coded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False), np.int64)
    hashed = hash_strings(coded.dictionary).tolist()
    said = [read_told(text) or Told((other,)) for text, other in zip(coded.dictionary.to_pylist(), hashed, strict=True)]
    rows, at = passes(index, [len(told.tags) for told in said])
    names = pa.array([tag for told in said for tag in told.tags], pa.string())
    behind = np.array([*(not _SHARED.isdisjoint(told.tags) for told in said), False], np.bool_)
    return Veiled(
        _numbers(index, [told.single for told in said]),
        _numbers(index, [told.wide for told in said]),
        rows,
        names.take(pa.array(at)),
        behind[index],
    )


def _numbers(index: Int, parts: Sequence[tuple[int, ...]]) -> tuple[Int, Int]:
    """Return (row, number) of what each distinct value tells."""
    kept = [[value for value in values if value] for values in parts]
    rows, at = passes(index, list(map(len, kept)))
    return rows, np.array([value for values in kept for value in values], np.int64)[at]
