"""Pseudonyms that were made once are not made again: logs repeat addresses in every batch.

A decorator around the pseudonymiser. It knows an identifier by a keyed 64-bit hash of its text, so that
what it remembers is no more than the pseudonyms themselves, and asks for the rest, each distinct text once.
"""

from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spiritsafe.ingest.hashes import hash_strings
from spiritsafe.model.epochs import Epochs
from spiritsafe.model.words import TraitKind
from spiritsafe.sketch.rowmap import ABSENT, RowMap

__all__ = ["Remembered"]

Int = NDArray[np.int64]

_MOST = 4_000_000
"""Identifiers remembered by kind and epoch, about 200 MB; beyond it, remembering starts afresh."""


class _Maker(Protocol):
    """Who makes pseudonyms; see ``privacy.pseudonyms``."""

    def at(self, kind: TraitKind, epoch: int, texts: pa.Array) -> Int:
        """Pseudonyms in one epoch; 0 where a text is no identifier."""
        ...


class _Memory:
    """What is known of one kind in one epoch: hash of the text to pseudonym."""

    def __init__(self) -> None:
        self.rows, self.values = RowMap(), np.zeros(1024, np.int64)

    def learn(self, hashes: Int, values: Int) -> None:
        if len(self.rows) + len(hashes) > _MOST:
            self.rows, self.values = RowMap(), np.zeros(1024, np.int64)
        at = self.rows.add(hashes)
        if len(self.rows) > len(self.values):
            self.values = np.resize(self.values, 1 << len(self.rows).bit_length())
        self.values[at] = values


class Remembered:
    """Makes pseudonyms by column, as ``traits.Pseudonyms`` asks.

    Args:
        maker: who makes the pseudonyms.
        epochs: which are in force when.
        key: secret under which texts are recognised.
    """

    def __init__(self, maker: _Maker, epochs: Epochs, key: bytes) -> None:
        self._maker, self._epochs, self._key = maker, epochs, key
        self._known: dict[tuple[TraitKind, int], _Memory] = {}

    def values(self, kind: TraitKind, values: pa.Array | pa.ChunkedArray, us: Int) -> tuple[Int, Int]:
        """Return (row, pseudonym): a row once per epoch in force, and not at all if it is no identifier.

        Args:
            kind: of the identifiers; prefix kinds take addresses and give their /24 or /48.
            values: texts, n of them.
            us: event times, int64 [n].
        """
        return self._of(kind, values, hash_strings(values, self._key), us)

    def addresses(
        self, kinds: tuple[TraitKind, TraitKind], ips: pa.Array | pa.ChunkedArray, us: Int
    ) -> tuple[tuple[Int, Int], tuple[Int, Int]]:
        """Return the pseudonyms of addresses and of their /24 and /48 networks; see :meth:`values`."""
        hashes = hash_strings(ips, self._key)
        return self._of(kinds[0], ips, hashes, us), self._of(kinds[1], ips, hashes, us)

    def _of(self, kind: TraitKind, values: pa.Array | pa.ChunkedArray, hashes: Int, us: Int) -> tuple[Int, Int]:
        newest = us // self._epochs.step_us
        in_overlap = us - newest * self._epochs.step_us < self._epochs.overlap_us
        late = self._column(kind, values, hashes, newest, hashes != 0)
        if not in_overlap.any():
            return late
        early = self._column(kind, values, hashes, newest - 1, (hashes != 0) & in_overlap)
        return np.concatenate([late[0], early[0]]), np.concatenate([late[1], early[1]])

    def _column(
        self, kind: TraitKind, values: pa.Array | pa.ChunkedArray, hashes: Int, epochs: Int, wanted: NDArray[np.bool_]
    ) -> tuple[Int, Int]:
        out = np.zeros(len(hashes), np.int64)
        if wanted.any():
            for epoch in range(int(epochs[wanted].min()), int(epochs[wanted].max()) + 1):
                rows = np.flatnonzero(wanted & (epochs == epoch))
                out[rows] = self._of_epoch(kind, epoch, values, hashes, rows)
        rows = np.flatnonzero(out)
        return rows, out[rows]

    def _of_epoch(self, kind: TraitKind, epoch: int, values: pa.Array | pa.ChunkedArray, hashes: Int, rows: Int) -> Int:
        memory = self._known.setdefault((kind, epoch), _Memory())
        at = memory.rows.find(hashes[rows])
        out = memory.values[at]
        unknown = np.flatnonzero(at == ABSENT)
        if len(unknown):
            fresh, first, back = np.unique(hashes[rows[unknown]], return_index=True, return_inverse=True)
            texts = pc.cast(values, pa.string()).take(pa.array(rows[unknown[first]]))
            texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
            made = self._maker.at(kind, epoch, texts)
            out[unknown] = made[back]
            memory.learn(fresh, made)
        return out
