"""Which sentences recur: per segment hash, how many distinct requests and senders it was seen in.

Most sentences are written once and never again, so they must not fill the state: those wait in a
direct-mapped cache of fixed size, and only a sentence that comes back with another request earns a row.
Within one batch counting is exact; between batches a rare sentence may be forgotten when its slot is
taken, never a frequent one.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spiritsafe.sketch.bottomk import BottomK
from spiritsafe.sketch.ragged import offsets_of, ragged_list, spans
from spiritsafe.sketch.rowmap import ABSENT, RowMap

__all__ = ["INSTANCES_KEPT", "SENDERS_KEPT", "Recurrence", "Requests", "SentenceCounts"]

INSTANCES_KEPT, SENDERS_KEPT = 8, 16
_WAITING = 1 << 20
"""Sentences seen once that are remembered, 24 bytes each."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The sentences of one batch that were seen in two requests or more, by ascending hash.

    Attributes:
        sentence: int64[G] hashes.
        row: int64[G] rows in the state.
        offsets: int64[G + 1] into ``request``.
        request: int64[P] positions of the distinct requests that hold the sentence, ascending.
        pair: int64[M] which of the P pairs each segment of the batch belongs to, -1 if its sentence is alone.
    """

    sentence: NDArray[np.int64]
    row: NDArray[np.int64]
    offsets: NDArray[np.int64]
    request: NDArray[np.int64]
    pair: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Requests:
    """The distinct requests of a batch.

    Attributes:
        instance: int64[U] hashes.
        sender_offsets: int64[U + 1] into ``sender``.
        sender: int64[] the distinct senders of each request.
    """

    instance: NDArray[np.int64]
    sender_offsets: NDArray[np.int64]
    sender: NDArray[np.int64]

    def senders_of(self, requests: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (position in ``requests``, sender) of everybody who sent one of them."""
        counts = np.diff(self.sender_offsets)[requests]
        picked = spans(self.sender_offsets[requests], counts)
        return np.repeat(np.arange(len(requests)), counts), self.sender[picked]


class SentenceCounts:
    """State of all sentences that recurred so far."""

    def __init__(self) -> None:
        self._rows = RowMap()
        self._n = np.zeros(0, np.int64)
        self._instances = BottomK(INSTANCES_KEPT)
        self._senders = BottomK(SENDERS_KEPT)
        self._waiting = np.zeros((_WAITING, 3), np.int64)

    def n(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return in how many requests the sentences were seen; one request counts once per batch."""
        return self._n[rows]

    def n_of(self, sentence: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the same by hash, 0 for unknown sentences."""
        rows = self._rows.find(sentence)
        return np.where(rows == ABSENT, 0, np.append(self._n, 0)[rows])

    def distinct(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of distinct requests, exact below `INSTANCES_KEPT` and capped there."""
        return self._instances.count(rows)

    def load(self, table: pa.Table) -> None:
        """Add stored rows: columns sentence, n, instances, senders."""
        rows = self._add(table["sentence"].to_numpy())
        self._n[rows] += table["n"].to_numpy()
        for name, sets in (("instances", self._instances), ("senders", self._senders)):
            lists = table[name].combine_chunks()
            counts = np.diff(lists.offsets.to_numpy())
            sets.insert(np.repeat(rows, counts), lists.flatten().to_numpy())

    def table(self, rows: NDArray[np.int64], n: NDArray[np.int64]) -> pa.Table:
        """Return the rows as the table ``sentences`` stores them, ``n`` being what to add."""
        return pa.table(
            {
                "sentence": self._rows.hashes[rows],
                "n": n,
                "instances": ragged_list(self._instances.at(rows)),
                "senders": ragged_list(self._senders.at(rows)),
            }
        )

    def update(self, segment: NDArray[np.int64], owner: NDArray[np.int64], requests: Requests) -> Recurrence:
        """Count one batch and return its recurring sentences.

        Args:
            segment: int64[M] segment hashes.
            owner: int64[M] the request of each, ascending.
            requests: the batch's distinct requests.
        """
        pairs = _pairs(segment, owner)
        recurring = (pairs.counts > 1) | (self._rows.find(pairs.sentence) != ABSENT)
        single = np.flatnonzero(~recurring)
        woken = self._wake(pairs.sentence[single], pairs.owner[pairs.starts[single]], requests)
        recurring[single[woken]] = True
        rows = self._add(pairs.sentence[recurring])
        counts = pairs.counts[recurring]
        self._n[rows] += counts
        chosen = np.repeat(recurring, pairs.counts)
        spread, holders = np.repeat(rows, counts), pairs.owner[chosen]
        self._instances.insert(spread, requests.instance[holders])
        which, senders = requests.senders_of(holders)
        self._senders.insert(spread[which], senders)
        pair = np.where(chosen, np.cumsum(chosen) - 1, -1)[pairs.of]
        return Recurrence(pairs.sentence[recurring], rows, offsets_of(counts), holders, pair)

    def _add(self, hashes: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = self._rows.add(hashes)
        size = len(self._rows)
        if size > len(self._n):
            self._n = np.concatenate([self._n, np.zeros((1 << size.bit_length()) - len(self._n), np.int64)])
        self._instances.grow(size)
        self._senders.grow(size)
        return rows

    def _wake(self, hashes: NDArray[np.int64], owner: NDArray[np.int64], requests: Requests) -> NDArray[np.bool_]:
        """Note sentences seen once; those that waited since another request get a row and that request."""
        slots = hashes & (_WAITING - 1)
        waited = self._waiting[slots]
        woken = (waited[:, 0] == hashes) & (waited[:, 1] != requests.instance[owner])
        rows = self._add(hashes[woken])
        self._n[rows] += 1
        self._instances.insert(rows, waited[woken, 1])
        self._senders.insert(rows, waited[woken, 2])
        sender = requests.sender[requests.sender_offsets[owner]]
        self._waiting[slots] = np.stack([hashes, requests.instance[owner], sender], axis=1)
        return np.asarray(woken)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Distinct (sentence, request) pairs of a batch, by sentence and then by request."""

    sentence: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    owner: NDArray[np.int64]
    of: NDArray[np.int64]


def _pairs(segment: NDArray[np.int64], owner: NDArray[np.int64]) -> _Pairs:
    order = np.argsort(segment, kind="stable")
    hashes, holders = segment[order], owner[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = hashes[1:] != hashes[:-1]
    kept = begins.copy()
    kept[1:] |= holders[1:] != holders[:-1]
    starts = np.flatnonzero(begins[kept])
    counts = np.diff(starts, append=np.count_nonzero(kept))
    of = np.empty(len(order), np.int64)
    of[order] = np.cumsum(kept) - 1
    return _Pairs(hashes[begins], starts, counts, holders[kept], of)
