"""How many requests every set of sentences had in earlier batches, and which sets are templates already.

A template is stored with its sentences and its count only; the counts of the smaller sets on the way to
it are rebuilt from those, so that a process that starts anew decides as the one before it did.
"""

import numpy as np
from numpy.typing import NDArray

from spiritsafe.model.kernel import Array, Word, kernel
from spiritsafe.sketch.hashing import finish, mix, start, step
from spiritsafe.sketch.ragged import offsets_of, spans
from spiritsafe.sketch.rowmap import RowMap

__all__ = ["Support", "order_of", "set_id", "template_ids"]


@kernel
def set_id(total: Word, size: int, key: Array) -> Word:
    """Hash of a set of ``size`` sentences from the sum of their mixed hashes: the order does not matter."""
    return np.int64(finish(step(step(start(key), total), np.uint64(size)), 2))


@kernel
def template_ids(sentence: Array, offsets: Array, key: Array) -> Array:
    """Return int64[N] ids of the sentence sets ``sentence[offsets[i]:offsets[i + 1]]``."""
    out = np.empty(len(offsets) - 1, np.int64)
    for i in range(len(out)):
        total = np.uint64(0)
        for j in range(offsets[i], offsets[i + 1]):
            total += mix(np.uint64(sentence[j]))
        out[i] = set_id(total, offsets[i + 1] - offsets[i], key)
    return out


def order_of(n: NDArray[np.int64], sentence: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order of refinement: by power of two of the count, largest first, then by hash.

    Whole powers, because ids are stable only while sentences keep their places: as counts grow together,
    two sentences change places where one of them doubles first, not at every request.
    """
    return np.lexsort((sentence, -_level(n)))


def _level(n: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.frexp(n.astype(np.float64))[1].astype(np.int64)


class Support:
    """Counts by set id, growing."""

    def __init__(self, key: NDArray[np.uint64]) -> None:
        self.key = key
        self.ids = RowMap()
        self.n = np.zeros(0, np.int64)
        self.known = np.zeros(0, np.bool_)

    def count(self, ids: NDArray[np.int64], n: NDArray[np.int64]) -> None:
        """Add ``n`` requests to each set."""
        distinct, where = np.unique(ids, return_inverse=True)
        rows = self._rows(distinct)
        self.n[rows] += np.bincount(where, n, len(distinct)).astype(np.int64)

    def mark(self, ids: NDArray[np.int64]) -> None:
        """Note that these sets are templates; they pass every later threshold."""
        rows = self._rows(np.unique(ids))
        self.known[rows] = True

    def load(
        self,
        members: NDArray[np.int64],
        offsets: NDArray[np.int64],
        n: NDArray[np.int64],
        sentence_n: NDArray[np.int64],
    ) -> None:
        """Count stored templates and every smaller set on the way to them.

        Args:
            members: int64[] sentences of all templates, end to end.
            offsets: int64[T + 1] into ``members``.
            n: int64[T] requests of each template.
            sentence_n: int64[] count of each member.
        """
        self.mark(template_ids(members, offsets, self.key))
        counts = np.diff(offsets)
        owner = np.repeat(np.arange(len(counts)), counts)
        ordered = members[np.lexsort((members, -_level(sentence_n), owner))]
        depth = spans(np.ones_like(counts), counts)
        prefixes = ordered[spans(np.repeat(offsets[:-1], counts), depth)]
        self.count(template_ids(prefixes, offsets_of(depth), self.key), np.repeat(n, counts))

    def _rows(self, distinct: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = self.ids.add(distinct)
        if len(self.ids) > len(self.n):
            room = (1 << len(self.ids).bit_length()) - len(self.n)
            self.n = np.concatenate([self.n, np.zeros(room, np.int64)])
            self.known = np.concatenate([self.known, np.zeros(room, np.bool_)])
        return rows
